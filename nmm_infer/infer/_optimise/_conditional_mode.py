"""The mode of some unknowns given the others, from nearby."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Bool, Float

# Iterations of L-BFGS at most, and the log density (nats) that it may leave to be gained.
FOLLOW, LEFT = 100, 0.1
# What L-BFGS is told where the model fails, below where it began.
ABYSS = 1e8


class Nearby(NamedTuple):
    """Where a search ended.

    Fields:
        x: all unknowns.
        value: log density there.
        found: whether it is a mode, and not where the search got stuck.
        gradients: evaluations that it took.
    """

    x: Float[np.ndarray, " latent"]
    value: float
    found: bool
    gradients: int


def find_nearby(
    value_and_gradient: Callable[[Array], tuple[Array, Array]],
    start: Float[np.ndarray, " latent"],
    spread: Float[np.ndarray, "free free"],
    held: Bool[np.ndarray, " latent"],
) -> Nearby:
    """The mode of all unknowns that are not held, by L-BFGS in coordinates in which a curvature from nearby
    is one: a score of gradients.

    Args:
        value_and_gradient: of the log density.
        start: where to begin; what is held stays there.
        spread: `mode.inverse_root` of that curvature of all others.
        held: unknowns that stay.
    """
    began = float(value_and_gradient(jnp.asarray(start))[0])
    if not np.isfinite(began):
        return Nearby(start, began, False, 1)

    def at(u: np.ndarray) -> np.ndarray:
        x = start.copy()
        x[~held] += spread @ u
        return x

    def goal(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(jnp.asarray(at(u)))
        if not np.isfinite(value):
            return ABYSS - began, np.zeros_like(u)
        return -float(value), -(spread.T @ np.asarray(gradient, dtype=np.float64)[~held])

    found = scipy.optimize.minimize(
        goal, np.zeros(len(spread)), jac=True, method="L-BFGS-B", options={"maxiter": FOLLOW, "gtol": 1e-3}
    )
    return Nearby(
        at(found.x),
        -float(found.fun),
        bool(-found.fun >= began and 0.5 * found.jac @ found.jac < LEFT),
        found.nfev + 1,
    )
