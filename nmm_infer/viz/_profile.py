"""How well data tell one parameter, whatever the others are."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..check._identifiability._profile import THRESHOLD
from ._style import FAINT, POSTERIOR, single, title_of


def profile(data: Any, ax: Axes | None = None) -> Axes:
    """Profile of the log likelihood; the part above the dashed line is the 95 % interval, and a curve that
    stays above it has none.

    Args:
        data: `nmm.check.profile(...).data`.
    """
    if "log_likelihood" not in data or "value" not in data.coords:
        raise ValueError(
            f"profile(data) got variables {', '.join(map(str, data.data_vars))}; pass"
            " nmm.check.profile(...).data"
        )
    ax = single(ax, (3.6, 2.6), "profile")
    height = np.where(np.isfinite(data["log_likelihood"].values), data["log_likelihood"].values, np.nan)
    ax.axhline(-THRESHOLD, color=FAINT, lw=0.8, ls="--")
    ax.plot(data["value"].values, height, "o-", color=POSTERIOR, ms=2.5, lw=1.2)
    bottom = max(np.nanmin(height), -5 * THRESHOLD) - 0.3
    ax.set_ylim(bottom, 0.3)
    # Values far down the sides say nothing more, and would squeeze the curve; the next ones outside are kept,
    # for the line to leave the picture.
    shown = np.flatnonzero(height >= bottom)
    first, last = max(shown[0] - 1, 0), min(shown[-1] + 1, len(height) - 1)
    if last > first:
        ax.set_xlim(*(data["value"].values[[first, last]]))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set(
        xlabel=title_of(data["value"].rename(data.attrs.get("parameter", "value"))),
        ylabel="log likelihood, relative",
    )
    return ax
