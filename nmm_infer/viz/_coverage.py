"""Do intervals hold the truth as often as they say?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..check._calibration._ecdf_band import band, ecdf, points
from ._rank_ecdf import grid, names_of
from ._style import ALERT, FAINT, POSTERIOR, PRIOR, Panels


def coverage(
    calibration: Any, ax: Panels | None = None, *, variables: Sequence[str] | None = None
) -> np.ndarray:
    """How often central intervals hold the truth, over what they promise, one axes for each parameter, a line
    for each region.

    Below the diagonal intervals are too short. The band is the simultaneous 95 % band of uniform ranks; lines
    that leave it are red.

    Args:
        calibration: `Dataset` with `rank` (simulation, parameter): `nmm.check.calibration(...).data`.
        variables: names; None: all.
    """
    names = names_of(calibration, variables, "coverage")
    axes = grid(ax, len(names), "coverage")
    n = calibration.sizes["simulation"]
    x = points(n)
    low, high = band(n)
    for panel, name in zip(axes, names, strict=True):
        panel.fill_between(x, low, high, color=PRIOR, alpha=0.7, lw=0)
        panel.plot([0, 1], [0, 1], color=FAINT, lw=0.6)
        for u in calibration["rank"].values[:, calibration["name"].values == name].T:
            # The central interval of level c holds the truth if |2 rank - 1| ≤ c.
            line = ecdf(np.abs(2.0 * u - 1.0))
            out = np.any((line < low - 1e-9) | (line > high + 1e-9))
            panel.plot(x, line, color=ALERT if out else POSTERIOR, lw=1.2, drawstyle="steps-post")
        panel.set_title(name, fontsize=9)
        panel.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 0.9), yticks=(0, 0.5, 0.9), aspect="equal")
    axes[0].set(xlabel="level of the interval", ylabel="held the truth")
    return axes
