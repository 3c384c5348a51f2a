"""Signals over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .._signal import PLURAL
from ._draws import centre, interval, sample_dims
from ._style import CHAINS, FAINT, INK, OBSERVED, POSTERIOR, legend, require_dims, single, title_of


def timeseries(
    data: Any,
    ax: Axes | None = None,
    *,
    variable: str | Sequence[str] | None = None,
    predicted: Any = None,
    most: int = 12,
) -> Axes:
    """Stacks one trace for each region or sensor, the first at the top; a common bar gives the scale. A
    single region has an axis, and may show several variables.

    Args:
        data: `DataArray` (time[, region or sensor]), or a `Dataset` as `simulate` returns it.
        variable: of a dataset; None: its first. Of a single region also several, drawn over each other.
        predicted: the same with chain and draw, drawn as 90 % intervals under the traces.
        most: traces that are drawn; of more regions these many, evenly spaced.
    """
    if variable is not None and not isinstance(variable, str):
        if not 0 < len(variable) <= len(CHAINS) + 1:
            raise ValueError(
                f"timeseries(variable=[...]) got {len(variable)} names, expected 1 to {len(CHAINS) + 1}"
            )
        return _overlaid([array_of(data, name) for name in variable], ax)
    array = array_of(data, variable)
    require_dims(array, ("time",), "timeseries(data)")
    others = [dim for dim in array.dims if dim != "time"]
    if len(others) > 1:
        raise ValueError(
            f"timeseries(data) got dims {tuple(array.dims)}, expected time and one more; average over draws,"
            " or pass them as predicted="
        )
    stacked = array.transpose("time", *others) if others else array.expand_dims({"": [""]}, axis=1)
    (dim,) = others or [""]
    if stacked.sizes[dim] == 1 and predicted is None:
        return _overlaid([array], ax)
    chosen = np.unique(
        np.linspace(0, stacked.sizes[dim] - 1, min(most, stacked.sizes[dim])).round().astype(int)
    )
    ax = single(ax, (8.5, 0.9 + 0.38 * max(len(chosen), 4)), "timeseries")
    time, unit = _time(array["time"])
    values = np.asarray(stacked.isel({dim: chosen}).values)
    spread = (
        float(np.nanmax(np.nanquantile(values, 0.995, axis=0) - np.nanquantile(values, 0.005, axis=0))) or 1.0
    )
    offsets = -spread * np.arange(len(chosen)) - np.nanmean(values, axis=0)
    if predicted is not None and sample_dims(predicted):
        _bands(ax, time, predicted, others, chosen, offsets)
    ax.plot(time, values + offsets, color=OBSERVED, lw=0.8)
    ax.lines[-1].set_label("measured")
    labels = [str(label) for label in stacked[dim].values[chosen]]
    ax.set_yticks(-spread * np.arange(len(chosen)), labels, fontsize=7)
    ax.set_xlabel(f"time ({unit})" if unit else "time")
    ax.set_xlim(time[0], time[-1])
    ax.set_ylim(-spread * (len(chosen) - 0.25), spread * 0.9)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    _scale_bar(ax, spread, array)
    if len(chosen) < stacked.sizes[dim]:
        ax.set_title(
            f"{len(chosen)} of {stacked.sizes[dim]} {PLURAL.get(dim, dim)}",
            fontsize=8,
            loc="right",
            color=FAINT,
        )
    if predicted is not None:
        legend(ax, loc="lower right", ncols=2, bbox_to_anchor=(0.98, 1.0))
    return ax


def _overlaid(arrays: list[Any], ax: Axes | None) -> Axes:
    """Time courses of one region over each other, with an axis."""
    ax = single(ax, (6.5, 2.6), "timeseries")
    for array, colour in zip(arrays, (OBSERVED, *CHAINS), strict=False):
        require_dims(array, ("time",), "timeseries(data)")
        if array.size != array.sizes["time"]:
            raise ValueError(
                f"timeseries(variable=[...]) got dims {dict(array.sizes)}, expected a single region; choose"
                " one, such as data.isel(region=0)"
            )
        time, unit = _time(array["time"])
        colour = colour if len(arrays) > 1 else OBSERVED
        ax.plot(time, np.asarray(array.values).reshape(-1), color=colour, lw=1.0, label=title_of(array))
    ax.set_xlim(time[0], time[-1])
    ax.set(xlabel=f"time ({unit})" if unit else "time", ylabel=title_of(arrays[0], "signal"))
    if len(arrays) > 1:
        units = {str(array.attrs.get("units", "")) for array in arrays}
        unit = units.pop() if len(units) == 1 else ""
        ax.set_ylabel("" if unit == "1" else unit)
        legend(ax, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def array_of(data: Any, variable: str | None) -> Any:
    """`data`, or one variable of it."""
    if not hasattr(data, "data_vars"):
        return data
    names = [str(name) for name in data.data_vars]
    name = variable or names[0]
    if name not in names:
        raise ValueError(f"variable={name!r} is not in the dataset; it has {', '.join(names)}")
    return data[name]


def _time(coord: Any) -> tuple[np.ndarray, str]:
    """Times and their unit; from five seconds on, milliseconds become seconds."""
    time, unit = np.asarray(coord.values, dtype=float), str(coord.attrs.get("units", ""))
    return (time / 1000, "s") if unit == "ms" and time[-1] - time[0] >= 5000 else (time, unit)


def _bands(
    ax: Axes, time: np.ndarray, predicted: Any, others: list[str], chosen: np.ndarray, offsets: np.ndarray
) -> None:
    low, high = (
        end.transpose("time", *others).values.reshape(len(time), -1)[:, chosen] for end in interval(predicted)
    )
    middle = centre(predicted, "median").transpose("time", *others).values.reshape(len(time), -1)[:, chosen]
    for i, offset in enumerate(offsets):
        ax.fill_between(
            time,
            low[:, i] + offset,
            high[:, i] + offset,
            color=POSTERIOR,
            alpha=0.3,
            lw=0,
            label="predicted, 90 %" if i == 0 else None,
        )
        ax.plot(time, middle[:, i] + offset, color=POSTERIOR, lw=0.8)


def _scale_bar(ax: Axes, spread: float, array: Any) -> None:
    """A vertical bar of a round length, with its unit, to the right of the traces."""
    length = float(f"{spread / 2:.0e}")
    x = 1.01
    ax.plot(
        [x, x],
        [-length / 2, length / 2],
        color=INK,
        lw=1.5,
        transform=ax.get_yaxis_transform(),
        clip_on=False,
    )
    unit = str(array.attrs.get("units", ""))
    text = f"{length:g} {unit}" if unit not in ("", "1") else f"{length:g}"
    ax.text(x + 0.008, 0, text, transform=ax.get_yaxis_transform(), va="center", fontsize=7, color=INK)
    ax.set_title(title_of(array, "signal"), fontsize=9, loc="left", color=FAINT)
