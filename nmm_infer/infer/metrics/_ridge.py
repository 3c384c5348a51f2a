"""Where the ridge of a posterior is bent, and coordinates that bend with it."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline

from .._optimise._conditional_mode import find_nearby
from .._optimise._mode import inverse_root
from .._progress import Progress, Steps
from .._target import Target
from ._affine import Bend, Coordinates

# Standard deviations from the centre at which unknowns are asked, and by which all others must have left the
# straight line for a bend.
ASKED, BENT = 2.0, 0.7
# Standard deviations that a bend is followed at most, on either side.
FAR = 5
# Log density (nats) below the centre where a bend ends: a draw of a normal distribution is hardly ever as far
# out.
LOW = 12.0
# Standard deviations that all others may be away from where the last two knots point to; what is farther is
# another mode.
LEAP = 10.0


def bent(target: Target, coordinates: Coordinates, progress: Progress) -> tuple[Coordinates, int]:
    """The coordinates with bends along unknowns of which a ridge of the posterior is a curve, and the
    gradients that finding them took.

    Asked are unknowns that are one number for the whole model, where others are one for every region, trial
    or state. For each of them that is bent, the mode of all others given it is followed in steps of a
    standard deviation. Free scales of hierarchies move on the straight line meanwhile, for where they are
    free the joint mode has no mass near it.
    """
    single, shared = target.single(), target.shared_scales()
    if single.all():
        return coordinates, 0
    follower, found = _Follower(target, coordinates), []
    asked = [j for j in np.flatnonzero(single & ~shared).tolist() if follower.leaves(j, shared)]
    if not asked:
        return coordinates, follower.gradients
    held = shared.copy()
    held[asked] = True
    bar = Steps(progress, "bends", len(asked))
    for j in asked:
        bend = follower.bend(j, held)
        found += [] if bend is None else [bend]
        bar.advance(1)
    bar.finish("")
    return Coordinates(coordinates.centre, coordinates.scale, tuple(found)), follower.gradients


class _Follower:
    """The mode of all unknowns but some, given these.

    Attributes:
        gradients: spent so far.
    """

    def __init__(self, target: Target, coordinates: Coordinates):
        assert coordinates.scale is not None
        self._target, self._dtype = target, coordinates.scale.dtype
        self._centre, self._scale = (
            np.asarray(coordinates.centre, np.float64),
            np.asarray(coordinates.scale, np.float64),
        )
        self._H = np.linalg.inv(self._scale @ self._scale.T)
        self._height = float(target.value_and_gradient(jnp.asarray(self._centre))[0])
        self.gradients = 1

    def _along(self, j: int) -> Float[np.ndarray, " latent"]:
        return self._scale[j] / np.linalg.norm(self._scale[j])

    def _straight(self, j: int, t: float) -> Float[np.ndarray, " latent"]:
        """Where the Gaussian expects all unknowns with `j` at `t` standard deviations."""
        return self._centre + t * (self._scale @ self._along(j))

    def leaves(self, j: int, shared: Bool[np.ndarray, " latent"]) -> bool:
        """Whether the mode of the others leaves the straight line on either side, by what a step of Newton's
        method says.
        """
        free = ~shared
        free[j] = False
        factor = np.linalg.cholesky(self._H[np.ix_(free, free)])
        for t in (-ASKED, ASKED):
            value, gradient = self._target.value_and_gradient(jnp.asarray(self._straight(j, t)))
            self.gradients += 1
            shift = np.linalg.solve(factor, np.asarray(gradient, np.float64)[free])
            if np.isfinite(value) and np.linalg.norm(shift) > BENT:
                return True
        return False

    def bend(self, j: int, held: Bool[np.ndarray, " latent"]) -> Bend | None:
        """The bend along `j`; None if it cannot be followed."""
        shifts, around = {0.0: np.zeros(len(held))}, inverse_root(self._H[np.ix_(~held, ~held)])
        for side in (-1.0, 1.0):
            before = shift = shifts[0.0]
            for step in range(1, FAR + 1):
                t = side * step
                straight, expected = self._straight(j, t), 2.0 * shift - before
                near = find_nearby(self._target.value_and_gradient, straight + expected, around, held)
                self.gradients += near.gradients
                moved = near.x - straight
                leap = moved - expected
                if not near.found or leap @ self._H @ leap > LEAP**2:
                    break
                before, shift = shift, moved
                shifts[t] = moved
                if near.value < self._height - LOW:
                    break
        if len(shifts) == 1:
            return None
        knots = np.asarray(sorted(shifts))
        pieces = CubicSpline(knots, np.stack([shifts[t] for t in knots]), bc_type="natural").c
        return Bend(*(jnp.asarray(x, self._dtype) for x in (self._along(j), knots, pieces)))
