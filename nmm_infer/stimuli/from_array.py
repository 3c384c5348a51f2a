"""A stimulus that was recorded."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ..units import UnitError, is_quantity, milliseconds
from .base import AbstractStimulus, first_after, regions_field


class FromArray(AbstractStimulus):
    r"""amplitude times samples that are `interval` apart, the first at `onset`; linear between them, zero before and after.

    Args:
        values: `["time"]` for all driven regions, or `["time region"]` with a column for each region of the network;
            plain numbers, for only the network knows the unit of the port.
        interval: time between samples, a Quantity or ms.

    Raises:
        ValueError: NaN, fewer than two samples, more than two dimensions, or a Quantity.
    """

    values: Float[Array, "time *region"]
    interval: float = eqx.field(static=True)
    amplitude: Slot = param(1.0, doc="factor of the samples, which are in the unit of the port", low=-100.0, high=100.0)
    onset: Slot = param(0.0, "ms", doc="time of the first sample", low=-1000.0, high=10_000.0)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __init__(self, values: Any, interval: Any, amplitude: Any = 1.0, onset: Any = 0.0, port: str | None = None, regions: Any = None):
        if is_quantity(values):
            raise UnitError(
                f"FromArray(values=...) got a quantity in {values.unit}, expected plain numbers in the unit of the port that they drive; "
                "convert them, such as values.to_decimal(u.kHz) for a port that takes a rate"
            )
        self.values = values if isinstance(values, jax.Array) else np.asarray(values, dtype=np.float64)  # pyright: ignore[reportAttributeAccessIssue]
        self.interval = milliseconds(interval, "FromArray(interval=...)")
        self.amplitude = amplitude
        self.onset = onset
        self.port = port
        self.regions = regions

    def __check_init__(self):
        shape = np.shape(self.values)
        if len(shape) not in (1, 2) or shape[0] < 2:
            raise ValueError(f"FromArray(values=...) has shape {shape}, expected (time,) or (time, region) with at least two samples")
        if not isinstance(self.values, Tracer) and not np.all(np.isfinite(np.asarray(self.values))):
            raise ValueError("FromArray(values=...) contains NaN or infinite values; expected finite samples")

    def __call__(self, t):
        values = jnp.asarray(self.values)
        position = (t - jnp.asarray(self.onset)) / self.interval
        last = values.shape[0] - 1
        left = jnp.clip(jnp.floor(position), 0, last - 1)
        part = position - left
        index = left.astype(jnp.int32)
        if jnp.ndim(index) and values.ndim == 2:  # an onset for each region
            regions = jnp.arange(values.shape[1])
            between = (1.0 - part) * values[index, regions] + part * values[index + 1, regions]
        else:
            between = (1.0 - part) * values[index] + part * values[index + 1]
        return self.amplitude * jnp.where((position >= 0) & (position <= last), between, 0.0)

    def until(self, t):
        # Every sample is a kink.
        onset, last = jnp.asarray(self.onset), np.shape(self.values)[0] - 1
        sample = jnp.floor((t - onset) / self.interval)
        return first_after(t, *(onset + jnp.clip(sample + k, 0, last) * self.interval for k in (0, 1, 2)))
