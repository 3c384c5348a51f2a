"""True values against estimated ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..check._calibration._calibration_report import LOG_LIKELIHOOD
from ._rank_ecdf import grid, names_of
from ._style import FAINT, POSTERIOR, Panels, note, title_of

MOST_BARS = 500


def recovery(data: Any, ax: Panels | None = None, *, variables: Sequence[str] | None = None) -> np.ndarray:
    """Posterior means with 90 % intervals over the true values, one axes for each parameter; on the diagonal
    they agree.

    Args:
        data: `Dataset` with `truth`, `mean`, `low` and `high` by simulation and parameter:
            `nmm.check.recovery(...).data`, or that of `calibration`.
        variables: names; None: all.
    """
    names = [name for name in names_of(data, variables, "recovery") if name != LOG_LIKELIHOOD]
    axes = grid(ax, len(names), "recovery")
    for panel, name in zip(axes, names, strict=True):
        chosen = data.isel(parameter=data["name"].values == name)
        truth, mean, low, high = (
            chosen[variable].values.ravel() for variable in ("truth", "mean", "low", "high")
        )
        ends = [min(truth.min(), mean.min()), max(truth.max(), mean.max())]
        panel.plot(ends, ends, color=FAINT, lw=0.8, zorder=0)
        if len(truth) <= MOST_BARS:
            panel.vlines(truth, low, high, color=POSTERIOR, lw=0.7, alpha=0.4)
        panel.plot(truth, mean, "o", color=POSTERIOR, ms=2.5, mew=0)
        panel.set_title(title_of(chosen["truth"].rename(name)), fontsize=9)
        if len(np.unique(truth)) > 2:
            note(panel, f"r = {np.corrcoef(truth, mean)[0, 1]:.2f}")
    axes[0].set(xlabel="true", ylabel="estimated")
    return axes
