"""Pulses that repeat."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..parameters import Slot, param
from ..priors._base import AbstractPrior
from ._base import AbstractStimulus, first_after, regions_field
from ._pulse import corners, pulse


class PulseTrain(AbstractStimulus):
    r"""`count` pulses like `Pulse`, the first at `onset`, one every `period`.

    amplitude pulse(t - onset - k period) for the pulse k that t belongs to, k = 0, 1, … count - 1

    Args:
        count: how many pulses; None: without end.

    Raises:
        ValueError: pulses that overlap (width + rise > period), or a count below 1.
    """

    amplitude: Slot = param(1.0, doc="height, in the unit of the port", low=-100.0, high=100.0)
    onset: Slot = param(0.0, "ms", doc="middle of the first rising edge", low=-1000.0, high=10_000.0)
    width: Slot = param(10.0, "ms", doc="time between the middles of a pulse's edges", low=0.1, high=1000.0)
    period: Slot = param(100.0, "ms", doc="time from one pulse to the next", low=1.0, high=10_000.0)
    rise: Slot = param(1.0, "ms", doc="duration of an edge", low=0.01, high=100.0)
    count: int | None = eqx.field(static=True, default=None)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __check_init__(self):
        if self.count is not None and self.count < 1:
            raise ValueError(
                f"PulseTrain(count={self.count}): expected at least 1 pulse, or None for a train without end"
            )
        times: tuple[Any, ...] = (self.width, self.rise, self.period)
        if any(isinstance(value, AbstractPrior | Tracer) for value in times):
            return
        if np.any(np.add(self.width, self.rise) > np.asarray(self.period)):
            raise ValueError(
                "PulseTrain(width=..., rise=..., period=...) got pulses of"
                f" {np.max(np.add(self.width, self.rise)):g} ms, edges included, every"
                f" {np.min(self.period):g} ms; expected width + rise ≤ period"
            )

    def __call__(self, t):
        # A pulse begins half an edge before its onset.
        since = t - self.onset
        k = self._pulse(jnp.floor((since + 0.5 * self.rise) / self.period))
        return self.amplitude * pulse(since - k * self.period, self.width, self.rise)

    def until(self, t):
        # Of the pulse that t belongs to and of its neighbours: one of them is the next.
        now = jnp.floor((t - self.onset) / self.period)
        pulses = (self._pulse(now + k) for k in (-1, 0, 1))
        return first_after(
            t,
            *(time for k in pulses for time in corners(self.onset + k * self.period, self.width, self.rise)),
        )

    def _pulse(self, k: Any) -> Any:
        """The number of the pulse, of those that there are."""
        return jnp.clip(k, 0.0, math.inf if self.count is None else self.count - 1.0)
