"""Newton's method."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._engine import check_counts
from ._optimiser import AbstractOptimiser, SearchResults

# Gradients computed at once for differences.
GRADIENTS = 16


class Newton(AbstractOptimiser):
    """Newton's method with the Hessian from differences of gradients: the last stretch, where others creep
    along valleys.

    A step costs two gradients for each unknown and an eigendecomposition. It goes up along every eigenvector,
    also where the density curves upwards (|λ| in the place of λ: Dauphin et al. 2014, arXiv:1406.2572), by
    gradient/(|λ| + μ) with the best μ of a ladder: small where the density is a parabola, large where it is
    not. The searches are made one after the other.

    Args:
        steps: of each search, at most.
        tolerance: gain in nats of a step at which a search ends.
        best: how many of the starts are followed, the highest first; the others stay where they are. None:
            all.
    """

    steps: int = eqx.field(static=True, default=30)
    tolerance: float = eqx.field(static=True, default=1e-8)
    best: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts("Newton", steps=self.steps, **({} if self.best is None else {"best": self.best}))

    def search(self, objective, starts, bar):
        gradients = jax.jit(
            lambda xs: jax.lax.map(jax.grad(objective.log_density), xs, batch_size=min(GRADIENTS, len(xs)))
        )
        positions = np.array(starts)
        log_density = np.array(objective.heights(jnp.asarray(starts)))
        chosen = np.argsort(-np.nan_to_num(log_density, nan=-np.inf), kind="stable")[: self.best]
        spent, interrupted = 0, False
        try:
            for k in chosen:
                for _ in range(self.steps):
                    if not np.isfinite(log_density[k]):
                        break
                    ladder = newton_ladder(gradients, positions[k])
                    spent += 2 * positions.shape[1] + 1
                    reached = np.nan_to_num(np.asarray(objective.heights(jnp.asarray(ladder))), nan=-np.inf)
                    highest, before = int(np.argmax(reached)), log_density[k]
                    if reached[highest] > before:
                        positions[k], log_density[k] = ladder[highest], reached[highest]
                    bar.advance(1, f"log density {np.nanmax(log_density):.1f}")
                    if not log_density[k] - before > self.tolerance:
                        break
        except KeyboardInterrupt:
            interrupted = True
        bar.finish(f"log density {np.nanmax(log_density):.1f}")
        return SearchResults(positions, log_density, spent, interrupted)


def newton_ladder(
    gradients: Callable[[Array], Array], x: Float[np.ndarray, " latent"]
) -> Float[np.ndarray, "rung latent"]:
    """Where steps with more and more damping lead from `x`."""
    n, h = x.size, float(jnp.finfo(x.dtype).eps) ** (1.0 / 3.0)
    found = np.asarray(
        gradients(
            jnp.asarray(
                np.concatenate([x[None], x - h * np.eye(n, dtype=x.dtype), x + h * np.eye(n, dtype=x.dtype)])
            )
        )
    )
    hessian = (found[1 : n + 1] - found[n + 1 :]) / (2.0 * h)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    values, along = np.abs(values), vectors.T @ found[0]
    damping = np.concatenate([[0.0], values.max() * 10.0 ** np.arange(-12.0, 3.0)])
    # Level directions have no length of a step; one where the damping is nothing would be without end.
    return x + (along / np.maximum(values + damping[:, None], 1e-12 * values.max() + 1e-300)) @ vectors.T
