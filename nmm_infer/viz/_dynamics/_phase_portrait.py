"""Two variables against each other."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .._style import INK, POSTERIOR, legend, require_dims, single, title_of


def phase_portrait(
    data: Any,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
    *,
    region: str | None = None,
) -> Axes:
    """The path of a region, or of all, in the plane of two variables; a dot marks the start.

    Args:
        data: `Dataset` with variables (time[, region]), as `simulate` returns it.
        x, y: names; None: the first two variables.
        region: label; None: all regions.
    """
    names = [str(name) for name in data.data_vars]
    across = x or names[0]
    up = y or next((name for name in names if name != across), across)
    unknown = [name for name in (across, up) if name not in names]
    if unknown or across == up:
        raise ValueError(
            f"phase_portrait(x={across!r}, y={up!r}) needs two variables of the dataset; it has"
            f" {', '.join(names)}"
        )
    pair = data[[across, up]]
    require_dims(pair[across], ("time",), "phase_portrait(data)")
    if region is not None:
        labels = [str(label) for label in pair["region"].values]
        if region not in labels:
            raise ValueError(
                f"phase_portrait(region={region!r}) is unknown; regions start with {', '.join(labels[:5])}"
            )
        pair = pair.isel(region=[labels.index(region)])
    ax = single(ax, (4.2, 3.8), "phase_portrait")
    horizontal, vertical = (
        np.asarray(pair[name].transpose("time", ...).values).reshape(pair.sizes["time"], -1)
        for name in (across, up)
    )
    n = horizontal.shape[1]
    ax.plot(
        horizontal,
        vertical,
        color=POSTERIOR,
        lw=0.9 if n == 1 else 0.5,
        alpha=1.0 if n == 1 else max(0.15, n**-0.5),
    )
    ax.plot(horizontal[0], vertical[0], "o", color=INK, ms=4 if n == 1 else 2.5, lw=0, label="start")
    ax.lines[0].set_label("_")
    ax.set(xlabel=title_of(pair[across]), ylabel=title_of(pair[up]), title=region or "")
    legend(ax)
    return ax
