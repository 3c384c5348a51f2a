"""A stimulus that was recorded."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._labelled import UNKNOWN, ordered, read
from .._regional import Regional
from .._sampling import sampling
from .._tools._real import real
from ..parameters import Slot, param
from ..units import UnitError, is_quantity, is_unit, milliseconds
from ._base import AbstractStimulus, first_after, regions_field


class FromArray(AbstractStimulus):
    r"""amplitude times samples that are `interval` apart, the first at `onset`; linear between them, zero
    before and after.

    Args:
        values: `["time"]` for all driven regions, or `["time region"]` with a column for each region of the
            network, in any order where regions have labels (`pandas.DataFrame`, `xarray.DataArray`); plain
            numbers, for only the network knows the unit of the port.
        interval: time between samples, a Quantity or ms.

    Raises:
        ValueError: NaN, fewer than two samples, more than two dimensions, a unit, or times of its own that
            are not `interval` apart.
    """

    values: Float[Array, "time *region"]
    interval: float = eqx.field(static=True)
    amplitude: Slot = param(
        1.0, doc="factor of the samples, which are in the unit of the port", low=-100.0, high=100.0
    )
    onset: Slot = param(0.0, "ms", doc="time of the first sample", low=-1000.0, high=10_000.0)
    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = regions_field()

    def __init__(
        self,
        values: Any,
        interval: Any,
        amplitude: Any = 1.0,
        onset: Any = 0.0,
        port: str | None = None,
        regions: Any = None,
    ):
        if is_quantity(values):
            raise UnitError(
                f"FromArray(values=...) got a quantity in {values.unit}, expected plain numbers in the unit"
                " of the port that they drive; convert them, such as values.to_decimal(u.kHz) for a port"
                " that takes a rate"
            )
        self.interval = milliseconds(interval, "FromArray(interval=...)")
        self.values = _samples(values, self.interval)  # pyright: ignore[reportAttributeAccessIssue]
        self.amplitude = amplitude
        self.onset = onset
        self.port = port
        self.regions = regions

    def __check_init__(self):
        array = self.values.values if isinstance(self.values, Regional) else self.values
        shape = np.shape(array)
        if len(shape) not in (1, 2) or shape[0] < 2:
            raise ValueError(
                f"FromArray(values=...) has shape {shape}, expected (time,) or (time, region) with at least"
                " two samples"
            )
        if not isinstance(array, Tracer) and not np.all(np.isfinite(np.asarray(array))):
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


def _samples(values: Any, interval: float) -> Any:
    what = "FromArray(values=...)"
    named = read(values)
    if named is None:
        return values if isinstance(values, jax.Array) and not np.iscomplexobj(values) else real(values, what)
    if named.unit not in UNKNOWN and is_unit(named.unit):
        raise UnitError(
            f"{what} got values in {named.unit}, expected plain numbers in the unit of the port that they"
            " drive; convert them, and take the word of the unit away: values.assign_attrs(units='')"
        )
    axes = ("time", "region")[: named.values.ndim]
    found = ordered(named, dict.fromkeys(axes), "", what)
    own = sampling(values, what)
    if own is not None and abs(own.interval - interval) > 1e-3 * interval:
        raise ValueError(
            f"{what} has a sample every {own.interval:g} ms, FromArray(interval=...) got {interval:g} ms;"
            " pass the one that is right"
        )
    regions = found.labels[1] if len(axes) == 2 else None
    return found.values if regions is None else Regional(found.values, regions, what)
