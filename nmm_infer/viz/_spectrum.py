"""What rhythms a time course has."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

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
        data: `DataArray` (time[, region or sensor]) with evenly spaced times in ms or s, or a `Dataset` as
            `simulate` returns it.
        variable: of a dataset; None: its first.
        limits: frequencies in Hz that are shown; None: from the lowest resolved to the highest.
    """
    from scipy.signal import welch

    array = array_of(data, variable)
    require_dims(array, ("time",), "spectrum(data)")
    others = [dim for dim in array.dims if dim != "time"]
    time = np.asarray(array["time"].values, dtype=float)
    steps = np.diff(time)
    if len(time) < 16 or not np.allclose(steps, steps[0], rtol=1e-3):
        raise ValueError(
            f"spectrum(data) got {len(time)} samples {steps.min():g} to {steps.max():g} apart, expected at"
            " least 16 at one distance; resample first, for instance data.interp(time=...)"
            if len(time) > 1
            else "spectrum(data) got one sample, expected at least 16"
        )
    per_second = 1.0 if str(array["time"].attrs.get("units", "ms")) == "s" else MS_PER_S
    values = np.asarray(array.transpose("time", *others).values, dtype=float).reshape(len(time), -1)
    frequency, power = welch(
        values, fs=per_second / steps[0], nperseg=max(len(time) // 4, 16), axis=0, detrend="linear"
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
