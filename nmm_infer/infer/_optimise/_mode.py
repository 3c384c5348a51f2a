"""The mode of a log density, and its curvature there."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._progress import Steps
from .optimisers import Adam, SearchResults
from .optimisers._optimiser import CHUNK

# Ends that lie this much lower (nats) than the best, or have a valley this deep between them, are other
# modes.
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
    value_and_gradient: Callable[[Array], tuple[Array, Array]],
    starts: Float[np.ndarray, "start latent"],
    steps: int,
    bar: Steps,
    held: Bool[np.ndarray, " latent"] | None = None,
) -> tuple[Float[np.ndarray, " latent"], float]:
    """Adam with a cosine schedule from each start; the best point, and its log density.

    The function is called as it is, compiled by whoever gives it: to compile a simulation and its gradient
    once more, inside of a loop, would take longer than the whole search of a small model.

    Args:
        value_and_gradient: of the log density that is maximised.
        starts: where to begin.
        steps: of each search.
        bar: progress.
        held: unknowns that keep their start; None: none.

    Raises:
        ValueError: the density is not finite at the end of any start.
    """
    adam = Adam(steps)
    free = np.ones(starts.shape[1], bool) if held is None else ~held
    move = jax.jit(lambda carry, value, gradient: adam.move(carry, -value, jnp.where(free, -gradient, 0.0)))
    best, highest = starts[0], -np.inf
    for start in starts:
        carry = adam.begin(jnp.asarray(start))
        for done in range(steps):
            carry = move(carry, *value_and_gradient(carry.x))
            if (done + 1) % CHUNK == 0 or done + 1 == steps:
                bar.advance((done % CHUNK + 1) // len(starts), f"log density {-float(carry.lowest):.1f}")
        if -float(carry.lowest) > highest:
            best, highest = np.asarray(carry.best), -float(carry.lowest)
    if not np.isfinite(highest):
        raise ValueError(
            "the search for the mode ended where the density is zero; use metric=nmm.infer.metrics.Dense(),"
            " or narrow the priors"
        )
    return best, highest


def at_best(heights: Callable[[Array], Array], ends: SearchResults) -> Bool[np.ndarray, " start"]:
    """Which searches ended in the best mode: as high, and with no valley on the straight way to the best end.

    Distance alone would split a flat ridge, and density alone would merge modes that are alike.

    Args:
        heights: log densities of many points.
        ends: of the searches.
    """
    best = int(np.argmax(ends.log_density))
    t = np.linspace(0.0, 1.0, BETWEEN + 2)[1:-1, None]
    ways = ends.positions[best] + t * (ends.positions[:, None] - ends.positions[best])
    lowest = (
        np.asarray(heights(jnp.asarray(ways.reshape(-1, ways.shape[-1]))))
        .reshape(ways.shape[:-1])
        .min(axis=1)
    )
    return (ends.log_density >= ends.log_density[best] - VALLEY) & (lowest >= ends.log_density - VALLEY)


def curvature(
    value_and_gradient: Callable[[Array], tuple[Array, Array]], mode: Float[np.ndarray, " latent"]
) -> Float[np.ndarray, "latent latent"]:
    """Minus the Hessian of a log density, by central differences of its gradient.

    The likelihoods have hand-written first derivatives, which forward-mode differentiation cannot enter.
    """
    H = curvature_rows(value_and_gradient, mode, np.arange(len(mode)))
    return np.nan_to_num(0.5 * (H + H.T))


def curvature_rows(
    value_and_gradient: Callable[[Array], tuple[Array, Array]],
    x: Float[np.ndarray, " latent"],
    which: Int[np.ndarray, " row"],
) -> Float[np.ndarray, "row latent"]:
    """Some rows of minus the Hessian, as differences leave them. Gradients run side by side on the machine's
    cores.
    """
    at = jnp.asarray(x)
    # Optimal for central differences of a function known to machine precision: about its cube root.
    h = float(jnp.finfo(at.dtype).eps) ** (1.0 / 3.0)

    def row(i: int) -> np.ndarray:
        # A thread begins in the precision that JAX has by default.
        with jax.enable_x64(at.dtype == jnp.float64):
            before, after = (
                np.asarray(value_and_gradient(at.at[i].add(sign * h))[1], dtype=np.float64)
                for sign in (-1, 1)
            )
        return (before - after) / (2.0 * h)

    # The first one alone: it may have to compile the function.
    first = [row(i) for i in which[:1]]
    pool = ThreadPoolExecutor(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    try:
        return np.stack([*first, *pool.map(row, which[1:])])
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for all of them


def with_eigenvalues(
    H: Float[np.ndarray, "n n"], change: Callable[[np.ndarray], np.ndarray]
) -> Float[np.ndarray, "n n"]:
    """A symmetric matrix with its eigenvectors and other eigenvalues."""
    values, vectors = np.linalg.eigh(H)
    return (vectors * change(values)) @ vectors.T


def inverse_root(H: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """A matrix whose product with standard normal numbers has the precision `H`."""
    values, vectors = np.linalg.eigh(H)
    return vectors / np.sqrt(values)
