"""Whether single precision is enough for a density."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from .metrics._affine import Posterior

# How far a neighbour is, in every coordinate.
NEAR = 1e-3
# What two neighbours may disagree by: as much as changes an acceptance rate by a tenth, or the rounding of a
# sum of that size.
ABSOLUTE, RELATIVE = 0.1, 2e-6


def warn_of_rounding(
    posterior: Posterior, points: Float[np.ndarray, "point latent"], key: PRNGKeyArray
) -> int:
    """Warns where the log density in single precision is rough: of two neighbours the gradients say another
    difference than the values.

    Near a bifurcation a fixed point moves by thousands of times the rounding of its parameters, and so does
    the density; trajectories on a rough density are rejected however short their steps are. Nothing is asked
    in double precision.

    Args:
        posterior: of which.
        points: where chains start, in the engine's coordinates.
        key: for the neighbours.

    Returns:
        The gradients that it took.
    """
    rough, worst = 0, 0.0
    for u, direction in zip(jnp.asarray(points), jax.random.normal(key, points.shape), strict=True):
        step = NEAR * direction
        (here, g), (there, h) = (posterior.value_and_gradient(at) for at in (u, u + step))
        # The trapezoidal rule: exact to the third order of the step.
        off = abs(float(there) - float(here) - 0.5 * float(step @ (g + h)))
        if not off <= max(ABSOLUTE, RELATIVE * abs(float(here))):
            rough, worst = rough + 1, max(worst, off if np.isfinite(off) else np.inf)
    # A single one may have a wall beside it.
    if 2 * rough > len(points):
        size = (
            "is zero at one of two neighbours"
            if np.isinf(worst)
            else f"of neighbours differs by up to {worst:.2g} more than its gradients say"
        )
        warnings.warn(
            f"dtype='float32' is too coarse here: the density {size}, at {rough} of {len(points)} starts."
            " Chains will crawl, and may miss places; use dtype='float64', or say where the network rests"
            " (nmm.AtRest), which is exact near a bifurcation",
            stacklevel=4,
        )
    return 2 * len(points)
