"""The mode of a log density, and its curvature there."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .optimisers import Adam, Ends, Objective
from .progress import Steps

# Ends that lie this much lower (nats) than the best, or have a valley this deep between them, are other modes.
VALLEY = 1.0
# Points looked at between two ends.
BETWEEN = 9


class Section(NamedTuple):
    """A log density with some of its unknowns held: a function of the others alone."""

    centre: Float[np.ndarray, " latent"]
    free: Bool[np.ndarray, " latent"]

    def embed(self, y: Float[Array, "*batch free"]) -> Float[Array, "*batch latent"]:
        """All unknowns."""
        whole = jnp.broadcast_to(jnp.asarray(self.centre, y.dtype), (*y.shape[:-1], len(self.centre)))
        return whole.at[..., np.flatnonzero(self.free)].set(y)

    def of(self, function: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """`function` as one of the free unknowns."""
        return lambda y: function(self.embed(y))


def find_mode(
    log_density: Callable[[Array], Array], starts: Float[np.ndarray, "start latent"], steps: int, bar: Steps, held: Bool[np.ndarray, " latent"] | None = None
) -> tuple[Float[np.ndarray, " latent"], float]:
    """Adam with a cosine schedule from each start; the best end, and its log density.

    Args:
        log_density: to maximise.
        starts: where to begin.
        steps: of each search.
        bar: progress.
        held: unknowns that keep their start; None: none.

    Raises:
        ValueError: the density is not finite at the end of any start.
    """
    free = np.ones(starts.shape[1], bool) if held is None else ~held
    section = Section(starts[0], free)
    ends = Adam(steps).search(Objective(section.of(log_density)), starts[:, free], bar)
    best = int(np.argmax(ends.log_density))
    if not np.isfinite(ends.log_density[best]):
        raise ValueError("the search for the mode ended where the density is zero; use metric=nmm.infer.metrics.Dense(), or narrow the priors")
    return np.asarray(section.embed(jnp.asarray(ends.positions[best]))), float(ends.log_density[best])


def at_best(log_density: Callable[[Array], Array], ends: Ends) -> Bool[np.ndarray, " start"]:
    """Which searches ended in the best mode: as high, and with no valley on the straight way to the best end.

    Distance alone would split a flat ridge, and density alone would merge modes that are alike.
    """
    best = int(np.argmax(ends.log_density))
    t = jnp.linspace(0.0, 1.0, BETWEEN + 2)[1:-1, None]
    top = jnp.asarray(ends.positions[best])
    way = jax.jit(lambda ends: jax.lax.map(lambda x: jax.vmap(log_density)(top + t * (x - top)).min(), ends))
    lowest = np.asarray(way(jnp.asarray(ends.positions)))
    return (ends.log_density >= ends.log_density[best] - VALLEY) & (lowest >= ends.log_density - VALLEY)


def curvature(log_density: Callable[[Array], Array], mode: Float[np.ndarray, " latent"]) -> Float[np.ndarray, "latent latent"]:
    """Minus the Hessian, by central differences of the gradient.

    The likelihoods have hand-written first derivatives, which forward-mode differentiation cannot enter.
    """
    x = jnp.asarray(mode)
    # Optimal for central differences of a function known to machine precision: about its cube root.
    h = float(jnp.finfo(x.dtype).eps) ** (1.0 / 3.0)
    gradient = jax.grad(log_density)
    column = jax.jit(lambda e: (gradient(x - h * e) - gradient(x + h * e)) / (2.0 * h))
    H = np.asarray(jax.lax.map(column, jnp.eye(x.size, dtype=x.dtype)), dtype=np.float64)
    return np.nan_to_num(0.5 * (H + H.T))
