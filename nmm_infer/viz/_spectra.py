"""Measured against predicted power."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from .._signal import PLURAL
from ._draws import centre, channel_dims, interval, sample_dims
from ._style import OBSERVED, POSTERIOR, legend, single, title_of


def spectra(
    observed: Any,
    predicted: Any = None,
    ax: Axes | None = None,
    *,
    region: str | None = None,
    interval_level: float = 0.9,
) -> Axes:
    """Power over frequency, the measured line on the interval of the prediction.

    Args:
        observed: `DataArray` (frequency[, region or sensor]); None: the prediction alone.
        predicted: the same with chain and draw; None: the measurement alone.
        region: label of one region or sensor; None: the mean over them.
        interval_level: fraction of the draws inside the band.
    """
    ax = single(ax, (4.2, 3.0), "spectra")
    if observed is None and predicted is None:
        raise ValueError(
            "spectra(observed, predicted) got neither; pass observed_data.power or posterior_predictive.power"
            " of a tree"
        )
    if predicted is not None:
        curve = _of_region(predicted, region)
        if sample_dims(curve):
            low, high = interval(curve, interval_level)
            ax.fill_between(
                low["frequency"].values,
                low.values,
                high.values,
                color=POSTERIOR,
                alpha=0.25,
                lw=0,
                label=f"predicted, {100 * interval_level:.0f} %",
            )
        middle = centre(curve, "median")
        ax.plot(
            middle["frequency"].values,
            middle.values,
            color=POSTERIOR,
            lw=1.2,
            label=None if sample_dims(curve) else "predicted",
        )
    if observed is not None:
        line = _of_region(observed, region)
        ax.plot(
            line["frequency"].values, line.values, color=OBSERVED, lw=1.0, marker="o", ms=3, label="measured"
        )
    ax.set(xlabel="frequency (Hz)", ylabel=title_of(observed if observed is not None else predicted, "power"))
    _scale(ax)
    ax.set_title(_mean_over(observed if observed is not None else predicted) if region is None else region)
    legend(ax)
    return ax


def _mean_over(data: Any) -> str:
    others = channel_dims(data)
    return f"mean over {PLURAL.get(others[0], others[0])}" if others else ""


def _scale(ax: Axes) -> None:
    """Logarithmic power from about a decade on; below, a logarithmic axis has no room for its ticks."""
    low, high = ax.dataLim.intervaly
    if low > 0 and high > 8 * low:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_ylim(0, None)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(which="both", labelsize=8)


def _of_region(data: Any, region: str | None) -> Any:
    """One curve: of a region (or sensor, or direction of sensors), or their mean."""
    others = channel_dims(data)
    if not others:
        return data
    if region is None:
        return data.mean(others, keep_attrs=True)
    dim = others[0]
    labels = [str(label) for label in data[dim].values]
    if region not in labels:
        raise ValueError(
            f"spectra(region={region!r}) is unknown; {PLURAL.get(dim, dim)} start with"
            f" {', '.join(labels[:5])}"
        )
    return data.isel({dim: labels.index(region)})
