"""One rectangular pulse."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractStimulus, first_after, regions_field


def pulse(
    t: Float[Array, "..."], width: Float[Array, "..."], rise: Float[Array, "..."]
) -> Float[Array, "..."]:
    """A pulse of height 1 from 0 to `width`, with edges that take `rise`; its area is `width` whatever `rise`
    is.
    """

    def edge(time: Array) -> Array:
        x = jnp.clip(time / rise + 0.5, 0.0, 1.0)
        return x * x * (3.0 - 2.0 * x)

    return edge(t) - edge(t - width)


def corners(onset: Any, width: Any, rise: Any) -> tuple[Array, ...]:
    """Where the edges of a pulse begin and end."""
    half, last = 0.5 * jnp.asarray(rise), onset + jnp.asarray(width)
    return onset - half, onset + half, last - half, last + half


class Pulse(AbstractStimulus):
    r"""A pulse from `onset` to `onset + width`, with smooth edges around these times.

    amplitude [s((t - onset)/rise + 1/2) - s((t - onset - width)/rise + 1/2)],  s(x) = x² (3 - 2 x) between 0
    and 1

    The edges give onset and width their gradients: a sharp edge between two steps of a solver has none.
    Make `rise` at least two steps long.
    """

    amplitude: Slot = param(1.0, doc="height, in the unit of the port", low=-100.0, high=100.0)
    onset: Slot = param(0.0, "ms", doc="middle of the rising edge", low=-1000.0, high=10_000.0)
    width: Slot = param(100.0, "ms", doc="time between the middles of the edges", low=0.1, high=10_000.0)
    rise: Slot = param(1.0, "ms", doc="duration of an edge", low=0.01, high=100.0)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __call__(self, t):
        return self.amplitude * pulse(t - self.onset, self.width, self.rise)

    def until(self, t):
        return first_after(t, *corners(self.onset, self.width, self.rise))
