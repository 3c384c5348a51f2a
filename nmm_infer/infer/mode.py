"""The mode of a log density, and its curvature there."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from .progress import Steps

CHUNK = 50
LEARNING_RATE = 0.05


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
    optimiser = optax.chain(optax.clip_by_global_norm(100.0), optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps)))
    value_and_grad = jax.value_and_grad(lambda x: -log_density(x))
    free = 1.0 if held is None else jnp.asarray(~held)

    @jax.jit
    def chunk(x: Array, memory: optax.OptState) -> tuple[Array, optax.OptState, Array]:
        def step(carry: tuple[Array, optax.OptState], _: None) -> tuple[tuple[Array, optax.OptState], Array]:
            x, memory = carry
            value, gradient = value_and_grad(x)
            updates, memory = optimiser.update(free * gradient, memory, x)
            return (optax.apply_updates(x, updates), memory), value  # pyright: ignore[reportReturnType]

        (x, memory), values = jax.lax.scan(step, (x, memory), length=CHUNK)
        return x, memory, values[-1]

    best, lowest = None, np.inf
    for start in starts:
        x = jnp.asarray(start)
        memory, value = optimiser.init(x), np.inf
        for _ in range(-(-steps // CHUNK)):
            x, memory, value = chunk(x, memory)
            bar.advance(CHUNK // len(starts), f"log density {-float(value):.1f}")
        if float(value) < lowest:
            best, lowest = np.asarray(x), float(value)
    if best is None:
        raise ValueError("the search for the mode ended where the density is zero; use metric=nmm.infer.metrics.Dense(), or narrow the priors")
    return best, -lowest


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
