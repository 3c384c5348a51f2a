"""What the data did to the scalar parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ._draws import interval
from ._style import FAINT, POSTERIOR, Panels, panels, title_of
from ._traces import scalar_names

COLUMNS = 4


def prior_posterior(
    posterior: Any, prior: Any = None, ax: Panels | None = None, *, variables: Sequence[str] | None = None
) -> np.ndarray:
    """Histograms of each scalar parameter before (grey) and after (blue) the data; one axes each.

    The axis shows the central 98 % of both, so that heavy tails of a prior do not squeeze the posterior.

    Args:
        posterior, prior: `Dataset`s with chain and draw; prior None: the posterior alone.
        variables: names; None: every scalar parameter that varies.
    """
    names = list(variables) if variables is not None else scalar_names(posterior)
    if not names:
        raise ValueError(
            "prior_posterior(posterior) has no scalar parameter that varies; it has"
            f" {', '.join(map(str, posterior.data_vars))}"
        )
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    if ax is None:
        made = panels(
            None, rows * columns, (2.4 * columns, 1.9 * rows), "prior_posterior", nrows=rows, ncols=columns
        )
        for spare in made[len(names) :]:
            spare.remove()
        ax = list(made[: len(names)])
    axes = panels(ax, len(names), (0, 0), "prior_posterior")
    for panel, name in zip(axes, names, strict=True):
        before = prior[name] if prior is not None and name in prior else None
        shown = [posterior[name], *([before] if before is not None else [])]
        ends = [float(end) for data in shown for end in interval(data, 0.98)]
        edges = np.linspace(min(ends), max(ends), 61)
        if before is not None:
            panel.hist(
                np.asarray(before.values).ravel(),
                edges,
                density=True,
                color=FAINT,
                alpha=0.45,
                lw=0,
                label="prior",
            )
        panel.hist(
            np.asarray(posterior[name].values).ravel(),
            edges,
            density=True,
            color=POSTERIOR,
            alpha=0.75,
            lw=0,
            label="posterior",
        )
        panel.set(yticks=[], xlim=(edges[0], edges[-1]))
        panel.spines["left"].set_visible(False)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.set_title(title_of(posterior[name]), fontsize=9)
    axes[0].legend(frameon=False, fontsize=7)
    return axes
