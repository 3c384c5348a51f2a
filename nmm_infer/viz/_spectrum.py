"""What rhythms a time course has."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from ..units import factor
from ._style import FAINT, POSTERIOR, legend, require_dims, single, title_of
from ._timeseries import array_of

MOST = 100  # lines; of more regions the mean says enough
MS_PER_S = 1000.0


def spectrum(
    data: Any,
    ax: Axes | None = None,
    *,
    variable: str | None = None,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Power spectral density of time courses: a thin line for each region or sensor, a thick one for their
    mean. Welch's method with Hann windows of a quarter of the recording (Welch 1967).

    Args:
        data: `DataArray` (time[, region or sensor]) with evenly spaced times (in ms, if they have no unit),
            or a `Dataset` as `simulate` returns it.
        variable: of a dataset; None: its first.
        limits: frequencies in Hz that are shown; None: from the lowest resolved to the highest.
    """
    from scipy.signal import welch

    array = array_of(data, variable)
    require_dims(array, ("time",), "spectrum(data)")
    others = [dim for dim in array.dims if dim != "time"]
    time = _milliseconds(array)
    steps = np.diff(time)
    if len(time) < 16 or not np.allclose(steps, steps[0], rtol=1e-3):
        raise ValueError(
            f"spectrum(data) got {len(time)} samples {steps.min():g} to {steps.max():g} apart, expected at"
            " least 16 at one distance; resample first, for instance data.interp(time=...)"
            if len(time) > 1
            else "spectrum(data) got one sample, expected at least 16"
        )
    values = np.asarray(array.transpose("time", *others).values, dtype=float).reshape(len(time), -1)
    values = values[:, ~np.isnan(values).all(axis=0)]  # a state that regions of another model have not
    frequency, power = welch(
        values, fs=MS_PER_S / steps[0], nperseg=max(len(time) // 4, 16), axis=0, detrend="linear"
    )
    inside = (frequency > 0) if limits is None else (frequency >= limits[0]) & (frequency <= limits[1])
    ax = single(ax, (4.6, 3.0), "spectrum")
    n = values.shape[1]
    if 1 < n <= MOST:
        lines = ax.plot(frequency[inside], power[inside], color=FAINT, lw=0.5, alpha=0.6)
        lines[0].set_label(f"each of {n}")
    mean = power[inside].mean(axis=1)
    ax.plot(frequency[inside], mean, color=POSTERIOR, lw=1.6, label="mean" if n > 1 else None)
    ax.set_yscale("log")
    ax.yaxis.set_minor_formatter(NullFormatter())
    unit = str(array.attrs.get("units", ""))
    ax.set(xlabel="frequency (Hz)", ylabel=f"power ({unit}²/Hz)" if unit not in ("", "1") else "power (1/Hz)")
    ax.set_title(title_of(array, "signal"))
    if n > 1:
        legend(ax)
    return ax


def _milliseconds(array: Any) -> np.ndarray:
    """The times of the samples, which have to say their unit."""
    if "time" not in array.coords:
        raise ValueError(
            "spectrum(data) got data without times; expected a coordinate `time` in ms or s, such as"
            " data.assign_coords(time=('time', times, {'units': 's'}))"
        )
    time = array["time"].values
    if time.dtype.kind == "m":
        return time / np.timedelta64(1, "us") / 1000.0
    unit = array["time"].attrs.get("units")
    return np.asarray(time, dtype=float) * (
        1.0 if unit is None else factor(str(unit), "ms", "spectrum(data)")
    )
