"""What data of a kind can tell."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ._style import ALERT, DIVERGING, FAINT, POSTERIOR, Panels, colourbar, panels, thinned

MOST_DIRECTIONS, MOST_LABELS = 8, 60
# What is drawn for an information of zero.
LEAST = 1e-6


def identifiability(data: Any, ax: Panels | None = None) -> np.ndarray:
    """Information of each combination of parameters relative to the prior's, and what the worst known ones
    consist of.

    Below 1 (red) the prior decides. Right: coefficients in standard deviations of the prior; colours of one
    sign move together, of opposite signs against each other, without that the data change.

    Args:
        data: `nmm.check.identifiability(...).data`.
    """
    if "eigenvalue" not in data:
        raise ValueError(
            f"identifiability(data) got variables {', '.join(map(str, data.data_vars))}; pass"
            " nmm.check.identifiability(...).data"
        )
    left, right = panels(
        ax,
        2,
        (8.5, 1.5 + 0.16 * min(data.sizes["parameter"], MOST_LABELS)),
        "identifiability",
        width_ratios=(1, 1.4),
    )
    values = data["eigenvalue"].values
    shown = np.maximum(values, LEAST)
    left.axhline(1.0, color=FAINT, lw=0.8, ls="--")
    left.scatter(
        data["direction"].values,
        shown,
        c=[POSTERIOR if value > 1.0 else ALERT for value in values],
        s=14,
        zorder=2,
    )
    left.set(yscale="log", xlabel="combination of parameters", ylabel="information / prior's")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    worst = data["direction_of"].transpose("parameter", "direction").values[:, ::-1][:, :MOST_DIRECTIONS]
    image = right.imshow(worst, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    right.set_yticks(*thinned([str(label) for label in data["parameter"].values], MOST_LABELS), fontsize=7)
    right.set_xticks(
        range(worst.shape[1]),
        [f"{value:.0f}" if value >= 10 else f"{value:.2g}" for value in values[::-1][:MOST_DIRECTIONS]],
        rotation=60,
        fontsize=7,
    )
    right.set_xlabel("worst known combinations, by their information")
    colourbar(image, right, "coefficient")
    return np.array([left, right])
