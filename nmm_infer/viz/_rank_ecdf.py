"""Are the ranks of the truth uniform?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..check._calibration._ecdf_band import band, ecdf, points
from ._style import ALERT, FAINT, POSTERIOR, PRIOR, Panels, legend, note, panels

COLUMNS = 4


def rank_ecdf(
    calibration: Any, ax: Panels | None = None, *, variables: Sequence[str] | None = None
) -> np.ndarray:
    """Empirical distribution function of the ranks minus the diagonal, one axes for each parameter, a line
    for each region.

    The band holds, at all points together, 95 % of the functions that uniform ranks have (Säilynoja, Bürkner,
    Vehtari 2022). A line that leaves it is red: ∩-shaped, estimates are too high; ∪-shaped, too low; rising,
    falling and rising again, too narrow; the reverse, too wide. Of twenty lines one leaves it by chance.

    Args:
        calibration: `Dataset` with `rank` (simulation, parameter): `nmm.check.calibration(...).data`.
        variables: names; None: all.
    """
    names = names_of(calibration, variables, "rank_ecdf")
    axes = grid(ax, len(names), "rank_ecdf")
    n = calibration.sizes["simulation"]
    x = points(n)
    low, high = (end - x for end in band(n))
    for panel, name in zip(axes, names, strict=True):
        panel.fill_between(x, low, high, color=PRIOR, alpha=0.7, lw=0, label="95 % band")
        panel.axhline(0.0, color=FAINT, lw=0.6)
        lines = [ecdf(u) - x for u in calibration["rank"].values[:, calibration["name"].values == name].T]
        outside = [bool(np.any((line < low - 1e-9) | (line > high + 1e-9))) for line in lines]
        for line, out in zip(lines, outside, strict=True):
            panel.plot(
                x,
                line,
                color=ALERT if out else POSTERIOR,
                lw=1.2 if len(lines) == 1 else 0.6,
                drawstyle="steps-post",
            )
        panel.set_title(name, fontsize=9)
        panel.set(xlim=(0, 1), xticks=(0, 0.5, 1))
        if len(lines) > 1:
            note(panel, f"{sum(outside)} of {len(lines)} outside")
    axes[0].set_ylabel("ECDF of ranks - uniform")
    for panel in axes:
        panel.set_xlabel("rank of the truth", fontsize=8)
    legend(axes[0], loc="lower right", fontsize=7)
    return axes


def names_of(calibration: Any, variables: Sequence[str] | None, caller: str) -> list[str]:
    """Names of the parameters to draw.

    Raises:
        ValueError: no ranks, or unknown names.
    """
    if "rank" not in calibration or "name" not in calibration.coords:
        raise ValueError(
            f"{caller}(calibration) got variables {', '.join(map(str, calibration.data_vars))}; pass the data"
            " of nmm.check.calibration(...)"
        )
    known = list(dict.fromkeys(calibration["name"].values.tolist()))
    absent = [name for name in variables or () if name not in known]
    if absent:
        raise ValueError(
            f"{caller}(variables=...) names {', '.join(absent)}; the calibration has {', '.join(known)}"
        )
    return list(variables) if variables is not None else known


def grid(ax: Panels | None, n: int, caller: str) -> np.ndarray:
    """`n` panels in rows of four, or those that were passed."""
    if ax is None:
        columns = min(COLUMNS, n)
        rows = -(-n // columns)
        made = panels(None, rows * columns, (2.5 * columns, 2.0 * rows), caller, nrows=rows, ncols=columns)
        for spare in made[n:]:
            spare.remove()
        ax = list(made[:n])
    return panels(ax, n, (0, 0), caller)
