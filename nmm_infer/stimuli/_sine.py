"""A sine wave."""

import equinox as eqx
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractStimulus, regions_field


class Sine(AbstractStimulus):
    r"""offset + amplitude sin(2π frequency t + phase): tACS, flicker, the probe of a resonance."""

    amplitude: Slot = param(
        1.0, doc="height above the offset, in the unit of the port", low=-100.0, high=100.0
    )
    frequency: Slot = param(0.01, "kHz", doc="cycles per ms", low=1e-5, high=0.5)
    phase: Slot = param(0.0, "rad", doc="phase at time 0", low=-6.3, high=6.3)
    offset: Slot = param(0.0, doc="mean, in the unit of the port", low=-100.0, high=100.0)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __call__(self, t):
        return self.offset + self.amplitude * jnp.sin(2.0 * jnp.pi * self.frequency * t + self.phase)

    def until(self, t):
        # A quarter of a cycle.
        return t + 0.25 / jnp.max(jnp.asarray(self.frequency))
