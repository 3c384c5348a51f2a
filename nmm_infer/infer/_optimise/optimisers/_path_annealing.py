"""A path that is free at first, and has to follow the model more and more."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from ....units import milliseconds
from ..._engine import check_counts
from ._optimiser import CHUNK, AbstractOptimiser, SearchResults

# Of the learning rate that is left at the last level; of each level's, at its end.
SLOWEST, LAST = 0.05, 0.1


def _segment(value: Any) -> float | None:
    return None if value is None else milliseconds(value, "PathAnnealing(segment=...)")


class PathAnnealing(AbstractOptimiser):
    """The path is unknown, too, and deviations from what the model makes of it are priced more and more.

    For simulations of which a gradient tells too little: seizures, spikes, switches between states and phases
    of oscillations that the model misses, or has at another time. The states at the ends of short segments
    are unknowns beside the parameters, so that data pull at the states next to them and not, through all that
    happens in between, at the parameters alone (multiple shooting: Bock 1983; weak-constraint variational
    assimilation: Trémolet 2006, Q J R Meteorol Soc 132:2483). Where segments do not meet, defects are
    Gaussian; their standard deviation falls from `widest` to `narrowest` level by level, each level starting
    where the one before ended (Ye et al. 2015, Phys Rev E 92:052901). What remains is near to a path of the
    model, so let an optimiser of the parameters alone finish: `InTurn(PathAnnealing(), Adam(1500, 0.01),
    Newton(best=1))`.

    Meanwhile the likelihood is tempered, for a path that is free fits noise; and parameters of the likelihood
    are held at their start, for data that a free path fits without error would make the noise vanish: give
    them a prior whose median is near to what is expected. One step costs about as much as a gradient of the
    simulation, and less where many cores or a GPU run segments at once.

    The result is the parameters where the last level ended. Starts differ little in a tall posterior, so
    paths differ too: each begins at rest with noise.

    Args:
        steps: of Adam, at all levels together.
        levels: of the price of deviations.
        widest, narrowest: standard deviation of a defect at the first and at the last level, in units of the
            standard deviation of a uniform distribution over the range that the model declares for a state.
        temperature: the likelihood is taken to the power of one over it.
        learning_rate: of Adam, for unconstrained parameters and for states in the unit above.
        jitter: of the first path, in the unit above.
        segment: ms or a Quantity; None: the time between samples.

    Raises:
        ValueError: when a search begins: a problem whose likelihood does not simulate, with noise, delays or
            trials.
    """

    steps: int = eqx.field(static=True, default=8400)
    levels: int = eqx.field(static=True, default=12)
    widest: float = eqx.field(static=True, default=0.3)
    narrowest: float = eqx.field(static=True, default=0.003)
    temperature: float = eqx.field(static=True, default=4.0)
    learning_rate: float = eqx.field(static=True, default=0.03)
    jitter: float = eqx.field(static=True, default=0.1)
    segment: float | None = eqx.field(static=True, default=None, converter=_segment)

    def __check_init__(self):
        check_counts("PathAnnealing", steps=self.steps, levels=self.levels)
        if not 0.0 < self.narrowest <= self.widest:
            raise ValueError(
                f"PathAnnealing(widest={self.widest:g}, narrowest={self.narrowest:g}): expected 0 < narrowest"
                " ≤ widest"
            )
        if self.temperature < 1.0:
            raise ValueError(
                f"PathAnnealing(temperature={self.temperature:g}): expected at least 1, which leaves the"
                " likelihood as it is"
            )

    def search(self, objective, starts, bar):
        if objective.freed is None:
            raise ValueError(
                "PathAnnealing needs the path of a simulation, got a log density alone; use it with MAP,"
                " metrics.Laplace or starts.FromModes"
            )
        freed, length = objective.freed(self.segment), max(1, self.steps // self.levels)
        adam = optax.scale_by_adam()

        def loss(point: tuple[Array, Array], width: Array) -> Array:
            return -freed.log_density(*point, width, self.temperature)

        def move(carry: Any, settings: tuple[Array, Array]) -> tuple[Any, None]:
            (point, memory), (width, rate) = carry, settings
            gradient = jax.grad(loss)(point, width)
            # Where segments blow up there is no way to tell; what is known of the others still is.
            gradient = jax.tree.map(
                lambda g: jnp.where(jnp.isfinite(g), g, 0.0),
                (jnp.where(freed.held, 0.0, gradient[0]), gradient[1]),
            )
            update, memory = adam.update(gradient, memory)
            return (jax.tree.map(lambda p, u: p - rate * u, point, update), memory), None

        chunk = jax.jit(
            jax.vmap(lambda carry, settings: jax.lax.scan(move, carry, settings)[0], in_axes=(0, None))
        )
        height = jax.jit(jax.vmap(lambda point, width: -loss(point, width), in_axes=(0, None)))
        xs = jnp.asarray(starts)
        paths = jax.jit(jax.vmap(freed.begin))(xs)
        paths += self.jitter * jax.random.normal(jax.random.key(len(xs)), paths.shape, paths.dtype)
        points, taken, interrupted = (xs, paths), 0, False
        widths = np.geomspace(self.widest, self.narrowest, self.levels)
        slower = np.geomspace(1.0, SLOWEST, self.levels)
        try:
            for width, slow in zip(widths, slower, strict=True):
                carry = points, jax.vmap(adam.init)(points)
                rates = (
                    self.learning_rate
                    * slow
                    * (LAST + (1.0 - LAST) * 0.5 * (1.0 + np.cos(np.pi * np.arange(length) / length)))
                )
                for first in range(0, length, CHUNK):
                    rate = jnp.asarray(rates[first : first + CHUNK], xs.dtype)
                    carry = chunk(carry, (jnp.full_like(rate, width), rate))
                    taken += len(rate)
                    bar.advance(
                        len(rate),
                        f"defects {width:.2g}, log density"
                        f" {float(height(carry[0], jnp.asarray(width, xs.dtype)).max()):.1f}",
                    )
                points = carry[0]
        except KeyboardInterrupt:
            if not taken:
                raise KeyboardInterrupt(
                    "interrupted before the first steps of the search were done: nothing had been found yet"
                ) from None
            points, interrupted = carry[0], True
        reached = np.asarray(objective.heights(points[0]))
        bar.finish(f"log density {np.nanmax(reached):.1f}")
        return SearchResults(np.asarray(points[0]), reached, taken * len(xs), interrupted)
