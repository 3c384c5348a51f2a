"""Data as users have them, checked before anything is computed."""

import hashlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from ..signal import Signal
from ..units import factor, is_quantity, text

# What data and sensors say of their unit when they say nothing.
UNKNOWN = {"", "1", "a.u."}


class Recording(eqx.Module):
    """Time courses of regions or sensors, perhaps in trials.

    Fields:
        values: `["time channel"]` or `["trial time channel"]`.
        interval: time between samples in ms; None: not said.
        dim: "region" or "sensor".
        channels: labels; None: not said.
        unit: as said by the data.
    """

    values: Float[np.ndarray, "*trial time channel"]
    interval: float | None = eqx.field(static=True)
    dim: str = eqx.field(static=True)
    channels: tuple[str, ...] | None = eqx.field(static=True)
    unit: str = eqx.field(static=True)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes of `values`."""
        return ("time", self.dim) if self.values.ndim == 2 else ("trial", "time", self.dim)

    @property
    def hash(self) -> str:
        """A short fingerprint of the numbers."""
        return hashlib.sha256(np.ascontiguousarray(self.values, dtype=np.float64).tobytes()).hexdigest()[:16]

    def converted(self, unit: str) -> "Recording":
        """The recording in `unit`; as it is where one of the two units is not known.

        Raises:
            UnitError: its own unit has another dimension.
        """
        if self.unit == unit or {self.unit, unit} & UNKNOWN:
            return self
        return Recording(factor(self.unit, unit, "data") * self.values, self.interval, self.dim, self.channels, unit)


def read_recording(data: Any) -> Recording:
    """An array `["time channel"]` or `["trial time channel"]`, a Quantity, an `xarray.DataArray` or a `Signal`, as a Recording.

    A DataArray's `time` coordinate is read in its `units` attribute (ms without one), and so is the unit of
    its values.

    Raises:
        ValueError: neither two nor three axes, NaN, constant or too short; irregular times.
    """
    if isinstance(data, Recording):
        return data
    if isinstance(data, Signal):
        return _checked(np.asarray(data.values), data.interval, data.dims[-1] if len(data.dims) > 1 else "region", data.labels[-1] or None, data.unit)
    if hasattr(data, "dims") and hasattr(data, "coords"):  # an xarray.DataArray, which is not imported here
        return _from_xarray(data)
    if is_quantity(data):
        quantity = 1.0 * data
        return _checked(np.asarray(quantity.mantissa), None, "region", None, text(quantity.unit))
    if not isinstance(data, np.ndarray | jax.Array | list | tuple):
        raise TypeError(f"data is {type(data).__name__}, expected an array data[time, region], an xarray.DataArray with dims (time, region) or a Signal")
    return _checked(np.asarray(data, dtype=np.float64), None, "region", None, "")


def _from_xarray(data: Any) -> Recording:
    channel = [dim for dim in data.dims if dim not in ("time", "trial")]
    if "time" not in data.dims or len(channel) != 1:
        raise ValueError(f"data has dims {tuple(data.dims)}, expected ('time', 'region') or ('time', 'sensor'), or these with 'trial'")
    data = data.transpose(*(("trial",) if "trial" in data.dims else ()), "time", channel[0])
    interval = None
    if "time" in data.coords:
        times = np.asarray(data["time"].values, dtype=np.float64) * factor(data["time"].attrs.get("units", "ms"), "ms", "data.time")
        steps = np.diff(times)
        if len(steps) == 0 or np.any(steps <= 0) or np.ptp(steps) > 1e-3 * steps.mean():
            raise ValueError("data has irregular or decreasing times; expected evenly spaced samples, resample it first")
        interval = float(steps.mean())
    labels = tuple(str(x) for x in data[channel[0]].values) if channel[0] in data.coords else None
    return _checked(np.asarray(data.values, dtype=np.float64), interval, str(channel[0]), labels, str(data.attrs.get("units", "")))


def _checked(values: np.ndarray, interval: float | None, dim: str, channels: tuple[str, ...] | None, unit: str) -> Recording:
    if values.ndim not in (2, 3):
        raise ValueError(f"data has shape {values.shape}, expected two axes data[time, {dim}], or data[trial, time, {dim}]; a single channel is data[:, None]")
    bad = ~np.isfinite(values)
    if bad.any():
        columns = np.flatnonzero(bad.any(axis=tuple(range(values.ndim - 1))))
        names = ", ".join(channels[i] if channels else str(i) for i in columns[:5])
        raise ValueError(f"data has {int(bad.sum())} NaN or infinite values, in {dim}s {names}; {_leave_out(dim)}, or interpolate")
    flat = np.flatnonzero((np.ptp(values, axis=-2) == 0).reshape(-1, values.shape[-1]).any(axis=0)) if values.shape[-2] > 1 else []
    if len(flat):
        names = ", ".join(channels[i] if channels else str(i) for i in flat[:5])
        raise ValueError(f"data is constant in {dim}s {names}; such {dim}s carry no signal, drop them")
    return Recording(values, interval, dim, channels, unit)


def _leave_out(dim: str) -> str:
    """What to do about channels that one side lacks: regions are those of the connectome, sensors those of a lead field."""
    if dim == "region":
        return "keep the regions that both have: connectome.select(labels), and the same of the data"
    return f"keep the {dim}s that both have: their columns of the data, and their rows of LeadField(gain)"


def check_channels(recording: Recording, labels: tuple[str, ...], dim: str) -> Recording:
    """The recording with its channels in the order of `labels`.

    Raises:
        ValueError: number or names of the channels differ.
    """
    n = recording.values.shape[-1]
    if recording.channels is None or not labels or set(recording.channels) == {str(i) for i in range(n)}:
        if n != len(labels):
            hint = "; is it transposed?" if recording.values.shape[-2] == len(labels) else ""
            raise ValueError(f"data has {n} {recording.dim}s, the model predicts {len(labels)} {dim}s; expected data[time, {dim}]{hint}")
        return recording
    missing = [label for label in labels if label not in recording.channels]
    unknown = [label for label in recording.channels if label not in labels]
    if missing or unknown:
        raise ValueError(
            f"data and model name different {dim}s: missing in the data {missing[:5] or 'none'}, unknown to the model {unknown[:5] or 'none'}; "
            f"{_leave_out(dim)}, or rename the data's {recording.dim}s"
        )
    order = [recording.channels.index(label) for label in labels]
    return Recording(recording.values[..., order], recording.interval, recording.dim, labels, recording.unit)
