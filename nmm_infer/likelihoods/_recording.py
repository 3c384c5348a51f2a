"""Data as users have them, checked before anything is computed."""

import abc
import dataclasses
import hashlib
from typing import Any, Self

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .._courses import courses
from .._labelled import UNKNOWN, check_unique, order, unmatched, unnamed
from .._signal import Signal
from ..units import factor

# No measurement: marks of what is missing, whose squares are infinite.
HUGE = 1e100


class AbstractRecording(eqx.Module):
    """What was measured of regions or sensors.

    Fields:
        values: the numbers.
        interval: time between samples in ms; None: not said.
        dim: "region" or "sensor".
        channels: labels; None: not said.
        unit: as said by the data.
    """

    values: eqx.AbstractVar[Float[np.ndarray, "..."]]
    interval: eqx.AbstractVar[float | None]
    dim: eqx.AbstractVar[str]
    channels: eqx.AbstractVar[tuple[str, ...] | None]
    unit: eqx.AbstractVar[str]

    @property
    @abc.abstractmethod
    def dims(self) -> tuple[str, ...]:
        """Names of the axes of `values`."""

    @abc.abstractmethod
    def converted(self, unit: str) -> Self:
        """The recording of channels in `unit`; as it is where one of the two units is not known.

        Raises:
            UnitError: its own unit has another dimension.
        """

    @abc.abstractmethod
    def selected(self, order: list[int], labels: tuple[str, ...]) -> Self:
        """The channels at the positions `order`, which are called `labels`."""

    @abc.abstractmethod
    def coords(self) -> dict[str, Any]:
        """Coordinates that the recording says itself, as xarray takes them."""

    @property
    def hash(self) -> str:
        """A short fingerprint of the numbers."""
        return hashlib.sha256(np.ascontiguousarray(self.values, dtype=np.float64).tobytes()).hexdigest()[:16]


class Recording(AbstractRecording):
    """Time courses of regions or sensors, perhaps in trials.

    Fields:
        values: `["time channel"]` or `["trial time channel"]`.
        start: time of the first sample in ms; None: not said.
    """

    values: Float[np.ndarray, "*trial time channel"]
    interval: float | None = eqx.field(static=True)
    dim: str = eqx.field(static=True)
    channels: tuple[str, ...] | None = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    start: float | None = eqx.field(static=True, default=None)

    @property
    def dims(self):
        return ("time", self.dim) if self.values.ndim == 2 else ("trial", "time", self.dim)

    def converted(self, unit):
        if self.unit == unit or {self.unit, unit} & UNKNOWN:
            return self
        return dataclasses.replace(self, values=factor(self.unit, unit, "data") * self.values, unit=unit)

    def selected(self, order, labels):
        return dataclasses.replace(self, values=self.values[..., order], channels=labels)

    def coords(self):
        if self.interval is None:
            return {}
        start = self.interval if self.start is None else self.start
        return {"time": ("time", start + self.interval * np.arange(self.values.shape[-2]), {"units": "ms"})}


def read_recording(data: Any) -> Recording:
    """Time courses in any form that `nmm.Signal.of` takes, in trials too, as a Recording.

    Raises:
        TypeError: something else.
        ValueError: neither two nor three axes, NaN, complex or masked numbers, constant or too short;
            irregular times.
    """
    if isinstance(data, Recording):
        return data
    if isinstance(data, Signal):
        if "time" not in data.dims:
            raise ValueError(
                f"data is a Signal with dims {data.dims}, expected time courses ('time', 'region') or"
                " ('time', 'sensor')"
            )
        dim = data.dims[-1] if len(data.dims) > 1 else "region"
        return _checked(
            Recording(
                np.asarray(data.values), data.interval, dim, data.labels[-1] or None, data.unit, data.interval
            )
        )
    found = courses(data, "data")
    return _checked(
        Recording(
            np.asarray(found.values, dtype=np.float64),
            found.interval,
            found.dim,
            found.channels,
            found.unit,
            found.start,
        )
    )


def _checked(recording: Recording) -> Recording:
    values, dim, channels = recording.values, recording.dim, recording.channels
    if values.ndim not in (2, 3):
        raise ValueError(
            f"data has shape {values.shape}, expected two axes data[time, {dim}], or data[trial, time,"
            f" {dim}]; a single channel is data[:, None]"
        )
    if 0 in values.shape:
        raise ValueError(
            f"data has shape {values.shape}, expected at least one sample of one {dim}; was everything"
            " selected away?"
        )
    bad = ~(np.abs(values).astype(np.float64) < HUGE)
    if bad.any():
        columns = np.flatnonzero(bad.any(axis=tuple(range(values.ndim - 1))))
        names = ", ".join(channels[i] if channels else str(i) for i in columns[:5])
        raise ValueError(
            f"data has {int(bad.sum())} NaN or infinite values, in {dim}s {names}; {_leave_out(dim)}, or"
            " interpolate"
        )
    flat = (
        np.flatnonzero((np.ptp(values, axis=-2) == 0).reshape(-1, values.shape[-1]).any(axis=0))
        if values.shape[-2] > 1
        else []
    )
    if len(flat):
        names = ", ".join(channels[i] if channels else str(i) for i in flat[:5])
        raise ValueError(f"data is constant in {dim}s {names}; such {dim}s carry no signal, drop them")
    return recording


def _leave_out(dim: str) -> str:
    """What to do about channels that one side lacks: regions are those of the connectome, sensors those of a
    lead field.
    """
    if dim == "region":
        return "keep the regions that both have: connectome.select(labels), and the same of the data"
    return f"keep the {dim}s that both have: their columns of the data, and their rows of LeadField(gain)"


def check_channels[R: AbstractRecording](recording: R, labels: tuple[str, ...], dim: str) -> R:
    """The recording with its channels in the order of `labels`, and called what the model calls them: of an
    array nobody knows that it is of sensors.

    Raises:
        ValueError: number or names of the channels differ.
    """
    n = recording.values.shape[-1]
    if not labels or unnamed(recording.channels, labels):
        if n != len(labels):
            hint = "; is it transposed?" if recording.values.shape[-2] == len(labels) else ""
            raise ValueError(
                f"data has {n} {recording.dim}s, the model predicts {len(labels)} {dim}s; expected data[time,"
                f" {dim}]{hint}"
            )
        return dataclasses.replace(recording, dim=dim)
    channels = recording.channels
    assert channels is not None
    check_unique(channels, dim, "data")
    missing, unknown = unmatched(channels, labels)
    if missing or unknown:
        raise ValueError(
            f"data and model name different {dim}s: missing in the data {missing[:5] or 'none'}, unknown to"
            f" the model {unknown[:5] or 'none'}; {_leave_out(dim)}, or rename the data's {recording.dim}s"
        )
    return dataclasses.replace(recording.selected(order(channels, labels, dim, "data"), labels), dim=dim)
