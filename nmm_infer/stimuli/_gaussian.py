"""A Gaussian bump in time."""

import equinox as eqx
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractStimulus, first_after, regions_field

# Standard deviations from the centre beyond which there is nothing: 4e-6 of the height.
REACH = 5


class Gaussian(AbstractStimulus):
    r"""amplitude exp(-(t - centre)² / (2 width²)), the usual input of evoked-response models (David et al.
    2006, NeuroImage 30:1255).
    """

    amplitude: Slot = param(1.0, doc="height, in the unit of the port", low=-100.0, high=100.0)
    centre: Slot = param(64.0, "ms", doc="time of the peak", low=-1000.0, high=10_000.0)
    width: Slot = param(16.0, "ms", doc="standard deviation", low=0.1, high=1000.0)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __call__(self, t):
        return self.amplitude * jnp.exp(-0.5 * ((t - self.centre) / self.width) ** 2)

    def until(self, t):
        return first_after(t, *(self.centre + k * jnp.asarray(self.width) for k in range(-REACH, REACH + 1)))
