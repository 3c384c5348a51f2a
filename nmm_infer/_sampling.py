"""When samples were taken, by what data say of themselves."""

from typing import Any, NamedTuple

import numpy as np

from ._labelled import is_dataarray, is_table
from ._tools._real import real
from .units import factor


class Sampling(NamedTuple):
    """Times of evenly spaced samples.

    Fields:
        start: of the first sample in ms; None: on a calendar, from which nothing can be counted.
        interval: between samples in ms.
    """

    start: float | None
    interval: float


def sampling(value: Any, what: str) -> Sampling | None:
    """The times along `time` of an `xarray.DataArray`, in the `units` of that coordinate (ms without one), or
    of a table with an index of time spans.

    None: nothing is said of times.

    Raises:
        ValueError: irregular or decreasing times, or an index of a table whose unit nobody knows.
    """
    if is_dataarray(value) and "time" in value.coords:
        return _of_times(value["time"].values, value["time"].attrs.get("units", "ms"), what)
    return _of_index(value.index, what) if is_table(value) else None


def _of_index(index: Any, what: str) -> Sampling | None:
    if index.dtype.kind in "mM":
        return _of_times(index.to_numpy(), "ms", what)
    if np.array_equal(index, np.arange(len(index))):
        return None
    raise ValueError(
        f"{what} is a table whose index is {', '.join(map(str, index[:3]))}, …; expected 0, 1, 2, … or time"
        " spans (pandas.to_timedelta(index, unit='s')), which say their unit"
    )


def _of_times(times: np.ndarray, unit: str, what: str) -> Sampling:
    calendar = times.dtype.kind == "M"
    if calendar:
        times = times - times[:1]
    # NumPy's own unit of a time span may be anything from years to attoseconds.
    spans = times.dtype.kind == "m"
    numbers = (
        times / np.timedelta64(1, "us") / 1000.0
        if spans
        else real(times, f"{what}.time") * factor(unit, "ms", f"{what}.time")
    )
    steps = np.diff(numbers)
    if len(steps) == 0:
        raise ValueError(
            f"{what} has the time of {len(numbers)} samples, from which no interval is known; expected at"
            " least two, or data without times"
        )
    # Not a number is no order either.
    if not np.all(steps > 0) or np.ptp(steps) > 1e-3 * steps.mean():
        raise ValueError(
            f"{what} has irregular or decreasing times; expected evenly spaced samples, resample it first"
        )
    return Sampling(None if calendar else float(numbers[0]), float(steps.mean()))
