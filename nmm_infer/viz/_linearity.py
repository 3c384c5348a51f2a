"""What a linearisation does to a posterior."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..check._linearity._linearity_report import BAD, BIAS, CERTAIN, Linearity
from ._style import ALERT, FAINT, OBSERVED, POSTERIOR, PRIOR, Panels, legend, panels, thinned

MOST_LABELS = 40


def linearity(data: Any, ax: Panels | None = None) -> np.ndarray:
    """Simulated against predicted power, and how far each parameter's estimates are off.

    Left: the mean over channels, with the middle 90 % of the simulated recordings; of a covariance its
    entries, simulated over predicted. Right: biases in standard deviations of the posterior with two
    Monte-Carlo errors, red where the verdict is bad; open circles are those of a linear network in the same
    noise. Inside the grey zone they are within the limit.

    Args:
        data: `nmm.check.linearity(...).data`.
    """
    if "bias" not in data or "kind" not in data.dims:
        raise ValueError(
            f"linearity(data) got variables {', '.join(map(str, data.data_vars))}; pass"
            " nmm.check.linearity(...).data"
        )
    size = min(data.sizes["parameter"], MOST_LABELS)
    left, right = panels(ax, 2, (8.2, max(3.0, 1.0 + 0.17 * size)), "linearity", width_ratios=(1.1, 1))
    if "power" in data:
        _power(left, data["power"])
    else:
        _covariance(left, data["covariance" if "covariance" in data else "fc"])
    rows = Linearity(data).table()
    at = np.arange(len(rows))
    right.axvspan(-BIAS, BIAS, color=PRIOR, alpha=0.6, lw=0, zorder=0)
    right.axvline(0.0, color=FAINT, lw=0.8, zorder=1)
    colours = [ALERT if row.verdict == BAD else POSTERIOR for row in rows]
    right.hlines(
        at,
        *([row.bias + sign * CERTAIN * row.bias_error for row in rows] for sign in (-1, 1)),
        color=colours,
        lw=1.2,
        zorder=2,
    )
    right.scatter([row.bias for row in rows], at, c=colours, s=16, zorder=3, label="simulated")
    right.scatter(
        data["bias"].sel(kind="linear").values,
        at,
        facecolors="none",
        edgecolors=OBSERVED,
        s=22,
        lw=0.8,
        zorder=3,
        label="linear twin",
    )
    positions, names = thinned([row.label for row in rows], MOST_LABELS)
    right.set_yticks(positions, names, fontsize=7 if len(rows) > 6 else 8)
    right.set(ylim=(len(rows) - 0.5, -0.5), xlabel="bias (posterior sd)")
    reach = max(2.0 * BIAS, 1.1 * float(np.abs(right.dataLim.intervalx).max()))
    right.set_xlim(-reach, reach)
    legend(right, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return np.array([left, right])


def _power(ax: Axes, power: Any) -> None:
    """The mean over channels by frequency."""
    channel = next(dim for dim in power.dims if dim not in ("kind", "recording", "frequency"))
    curves = power.mean(channel)
    frequency = curves["frequency"].values
    simulated = curves.sel(kind="simulated")
    low, high = simulated.quantile([0.05, 0.95], "recording").transpose("quantile", "frequency").values
    ax.fill_between(frequency, low, high, color=OBSERVED, alpha=0.15, lw=0, label="simulated, 90 %")
    mean = curves.mean("recording")
    ax.plot(
        frequency,
        mean.sel(kind="simulated").values,
        color=OBSERVED,
        lw=1.0,
        marker="o",
        ms=3,
        label="simulated, mean",
    )
    ax.plot(frequency, mean.sel(kind="linear").values, color=OBSERVED, lw=0.9, ls="--", label="linear twin")
    ax.plot(frequency, mean.sel(kind="predicted").values, color=POSTERIOR, lw=1.6, label="predicted")
    ax.set(xlabel="frequency (Hz)", ylabel="power, mean over channels")
    if low.min() > 0 and high.max() > 8 * low.min():
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, None)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(which="both", labelsize=8)
    legend(ax)


def _covariance(ax: Axes, matrix: Any) -> None:
    """Every entry, simulated over predicted."""
    matrix = matrix.isel(lag=0) if "lag" in matrix.dims else matrix
    upper = np.triu_indices(matrix.shape[-1])
    values = {kind: matrix.sel(kind=kind).values[upper] for kind in ("simulated", "linear", "predicted")}
    ends = [min(map(np.min, values.values())), max(map(np.max, values.values()))]
    ax.plot(ends, ends, color=FAINT, lw=0.8, zorder=0)
    ax.scatter(values["predicted"], values["simulated"], color=POSTERIOR, s=14, label="simulated")
    ax.scatter(
        values["predicted"],
        values["linear"],
        facecolors="none",
        edgecolors=OBSERVED,
        s=20,
        lw=0.8,
        label="linear twin",
    )
    ax.set(xlabel=f"predicted {matrix.name}", ylabel=f"simulated {matrix.name}")
    legend(ax)
