"""One parameter in all regions."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._draws import centre, interval, sample_dims
from ._style import INTERVAL, POSTERIOR, PRIOR, labels_of, legend, require_dims, single, thinned, title_of

MOST_LABELS = 70


def regional_posterior(
    posterior: Any, prior: Any = None, ax: Axes | None = None, *, interval_level: float = INTERVAL
) -> Axes:
    """Intervals and medians by region, sorted by the median, over the band of the prior.

    Args:
        posterior: `DataArray` (chain, draw, region).
        prior: draws of the same parameter before the data; None: no band.
        interval_level: fraction of the draws inside an interval, and inside the band.
    """
    require_dims(posterior, ("chain", "draw", "region"), "regional_posterior(posterior)")
    ax = single(ax, (9.5, 3.2), "regional_posterior")
    middle = centre(posterior, "median").values
    order = np.argsort(middle)
    low, high = (end.values[order] for end in interval(posterior, interval_level))
    x = np.arange(len(order))
    if prior is not None and sample_dims(prior):
        # Regions are exchangeable a priori unless their priors differ; then their mean band is shown.
        bottom, top = (float(end.mean()) for end in interval(prior, interval_level))
        ax.axhspan(
            bottom, top, color=PRIOR, alpha=0.6, lw=0, label=f"prior, {100 * interval_level:.0f} %", zorder=0
        )
    ax.vlines(
        x,
        low,
        high,
        color=POSTERIOR,
        lw=1.6 if len(x) <= 100 else 0.8,
        alpha=0.6,
        label=f"posterior, {100 * interval_level:.0f} %",
    )
    ax.plot(x, middle[order], "o", color=POSTERIOR, ms=3, label="median")
    labels = labels_of(posterior, "region")
    ax.set_xticks(
        *thinned([labels[i] for i in order], MOST_LABELS), rotation=90, fontsize=6 if len(x) > 30 else 8
    )
    ax.set(xlim=(-1, len(x)), ylabel=title_of(posterior))
    _zoom(ax, low, high)
    legend(ax, loc="upper left")
    return ax


def _zoom(ax: Axes, low: np.ndarray, high: np.ndarray) -> None:
    """Keeps a wide prior from flattening the posterior: beyond three widths of the posterior the
    band is cut.
    """
    bottom, top = float(low.min()), float(high.max())
    width = max(top - bottom, 1e-12)
    seen = ax.get_ylim()
    ax.set_ylim(max(seen[0], bottom - width), min(seen[1], top + width))
