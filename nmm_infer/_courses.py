"""Time courses as users have them: arrays, tables and labelled arrays, with what they say of themselves."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from ._labelled import Labels, is_dataarray, is_table, read
from ._mne import from_mne, is_mne
from ._sampling import sampling
from ._tools._real import real
from .units import is_quantity, text

# Columns of a table that are no channel, as in the data frames of MNE.
CLOCK = ("time", "volume", "frame", "epoch", "condition")


class Courses(NamedTuple):
    """Time courses, not looked at yet.

    Fields:
        values: `["time channel"]` or `["trial time channel"]`.
        start, interval: time of the first sample and time between samples in ms; None: not said.
        dim: what the channels are, "region" or "sensor".
        channels: their labels; None: not said.
        unit: its name, empty if not said.
    """

    values: Float[Array | np.ndarray, "*trial time channel"]
    start: float | None = None
    interval: float | None = None
    dim: str = "region"
    channels: Labels = None
    unit: str = ""


def courses(data: Any, what: str) -> Courses:
    """An array `["time channel"]` or `["trial time channel"]`, a Quantity, an `xarray.DataArray`, a
    `pandas.DataFrame` with a column for each channel, or MNE's `Raw`, `Epochs` or `Evoked`.

    The `time` coordinate of a DataArray is read in its `units` attribute (ms without one), and so is the unit
    of its values.

    Raises:
        TypeError: something else.
        ValueError: other axes, irregular times, complex or masked numbers.
    """
    if is_mne(data):
        data = from_mne(data)
    if is_dataarray(data):
        return _of_dataarray(data, what)
    if is_table(data):
        found = read(data.to_frame() if data.ndim == 1 else data)
        assert found is not None
        times = sampling(data, what)
        if kept := [name for name in found.labels[1] or () if name.lower() in CLOCK]:
            raise ValueError(
                f"{what} is a table with a column {kept[0]!r}, expected a column for each channel and nothing"
                " else; drop it, or make time spans of it the index:"
                f" table.set_index(pandas.to_timedelta(table.pop({kept[0]!r}), unit='s'))"
            )
        return Courses(
            real(found.values, what), *(times or (None, None)), "region", found.labels[1], found.unit
        )
    if is_quantity(data):
        quantity = 1.0 * data
        if not is_quantity(quantity):  # it was without a dimension
            return Courses(real(quantity, what))
        return Courses(real(quantity.mantissa, what), unit=text(quantity.unit))
    if not isinstance(data, np.ndarray | jax.Array | list | tuple):
        raise TypeError(
            f"{what} is {type(data).__name__}, expected an array [time, region], an xarray.DataArray with"
            " dims (time, region), a pandas.DataFrame with a column for each region, or a Signal"
        )
    return Courses(data if isinstance(data, jax.Array) and not np.iscomplexobj(data) else real(data, what))


def _of_dataarray(data: Any, what: str) -> Courses:
    channel = [dim for dim in data.dims if dim not in ("time", "trial")]
    if "time" not in data.dims or len(channel) != 1:
        raise ValueError(
            f"{what} has dims {tuple(data.dims)}, expected ('time', 'region') or ('time', 'sensor'), or these"
            " with 'trial'"
        )
    trial = ("trial",) if "trial" in data.dims else ()
    found = read(data.transpose(*trial, "time", channel[0]))
    assert found is not None
    times = sampling(data, what)
    return Courses(
        real(found.values, what), *(times or (None, None)), str(channel[0]), found.labels[-1], found.unit
    )
