"""Points of a branch of fixed points: the compiled corrector, and how far from it a prediction may be."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from ..linear._fixed_point import rest_drift
from ._fixed_points import leading
from ._leading_eigenvalues import Roots
from ._parameter_path import Place
from ._system import ranges

NEWTON_STEPS = 12
TOLERANCE = 1e-11


class Point(NamedTuple):
    """A fixed point with its parameter, in scaled coordinates, and the direction of the branch there.

    Fields:
        u: states, each divided by its declared range and √regions, then the parameter divided by the span.
        tangent: of unit length in these coordinates.
        y, parameter: the same unscaled.
        observable: the model's observable there.
        steps: of Newton's method; more than it may take if it failed.
    """

    u: Float[np.ndarray, " unknown"]
    tangent: Float[np.ndarray, " unknown"]
    y: Float[np.ndarray, "state region"]
    parameter: float
    observable: Float[np.ndarray, " region"]
    steps: int

    @property
    def converged(self) -> bool:
        """Whether it is a fixed point."""
        return self.steps <= NEWTON_STEPS and bool(
            np.isfinite(self.u).all() and np.isfinite(self.tangent).all()
        )


class Curve:
    """Fixed points of `network` as a curve in states and the parameter at `place`."""

    def __init__(self, network: Network, place: Place, width: float):
        self.network, self.place, self.width = network, place, width
        self.shape = np.shape(network.initial)
        scale = np.broadcast_to(np.ptp(ranges(network), axis=0)[:, None], self.shape) * np.sqrt(self.shape[1])
        self.scale = np.append(scale.ravel(), width)

    def scaled(self, y: np.ndarray, parameter: float) -> np.ndarray:
        """Coordinates of a state and a parameter."""
        return np.append(np.asarray(y).ravel(), parameter) / self.scale

    def point(self, guess: np.ndarray, direction: np.ndarray) -> Point:
        """The fixed point on the plane through `guess` that is normal to `direction`."""
        u, tangent, observable, steps = _correct(
            self.network, self.place, jnp.asarray(self.scale), jnp.asarray(guess), jnp.asarray(direction)
        )
        u = np.asarray(u)
        full = u * self.scale
        return Point(
            u,
            np.asarray(tangent),
            full[:-1].reshape(self.shape),
            float(full[-1]),
            np.asarray(observable),
            int(steps),
        )

    def at(self, y: np.ndarray, parameter: float) -> Point:
        """The fixed point near `y` at a given parameter."""
        return self.point(self.scaled(y, parameter), np.append(np.zeros(len(self.scale) - 1), 1.0))

    def roots(self, point: Point, n: int) -> Roots:
        """The rightmost eigenvalues there."""
        network = self.place.put(self.network, jnp.asarray(point.parameter))
        return leading(network, jnp.asarray(point.y), n)


@eqx.filter_jit
def _correct(
    network: Network,
    place: Place,
    scale: Float[Array, " unknown"],
    guess: Float[Array, " unknown"],
    direction: Float[Array, " unknown"],
) -> tuple[Array, Array, Array, Array]:
    """Newton's method on drift = 0 and direction · (u - guess) = 0, a system that stays regular round a fold
    (Keller 1977).
    """
    shape = jnp.shape(network.initial)

    def drift(u: Array) -> Array:
        full = u * scale
        return rest_drift(place.put(network, full[-1]), full[:-1].reshape(shape)).ravel()

    def bordered(u: Array) -> Array:
        return jnp.concatenate([jax.jacfwd(drift)(u), direction[None]])

    def step(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        u, _, n = carry
        residual = jnp.append(drift(u), direction @ (u - guess))
        change = jnp.linalg.solve(bordered(u), residual)
        return u - change, jnp.linalg.norm(change), n + 1

    def going(carry: tuple[Array, Array, Array]) -> Array:
        u, change, n = carry
        # NaN ends it too, as a failure: the comparison below is False.
        return (change > TOLERANCE * (1.0 + jnp.linalg.norm(u))) & (n < NEWTON_STEPS)

    u, change, n = jax.lax.while_loop(going, step, (guess, jnp.asarray(jnp.inf), jnp.asarray(0)))
    failed = ~(change <= TOLERANCE * (1.0 + jnp.linalg.norm(u)))
    tangent = jnp.linalg.solve(bordered(u), jnp.zeros_like(u).at[-1].set(1.0))
    full = u * scale
    filled = place.put(network, full[-1])
    observable = filled.resting_variable(filled.model.observable, full[:-1].reshape(shape))
    return u, tangent / jnp.linalg.norm(tangent), observable, jnp.where(failed, NEWTON_STEPS + 1, n)
