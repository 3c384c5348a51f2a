"""Nullclines, flow and fixed points in the plane of two states."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .._style import ALERT, CHAINS, FAINT, INK, POSTERIOR, legend, single, title_of

# Arrows along each axis.
ARROWS = 18


def phase_plane(field: Any, ax: Axes | None = None, *, points: Any = None, trajectories: Any = None) -> Axes:
    """Where neither state changes, where both flow, and where they rest.

    Args:
        field: `Dataset` of `nmm.dynamics.vector_field`.
        points: `Dataset` of `nmm.dynamics.fixed_points`: stable ones filled, unstable ones open; those
            outside the plane are left out.
        trajectories: `Dataset` of `nmm.simulate`, or several: the path of the field's region, a dot at its
            start.
    """
    if "change_x" not in field or "x" not in field.attrs:
        raise ValueError("phase_plane(field) expected the dataset of nmm.dynamics.vector_field")
    across, up = field.attrs["x"], field.attrs["y"]
    ax = single(ax, (4.6, 4.0), "phase_plane")
    x, y = np.asarray(field[across].values), np.asarray(field[up].values)
    change = [np.asarray(field[name].transpose(up, across).values) for name in ("change_x", "change_y")]
    _arrows(ax, x, y, *change)
    handles = []
    for values, colour, name in ((change[0], POSTERIOR, across), (change[1], CHAINS[1], up)):
        if values.min() < 0 < values.max():
            ax.contour(x, y, values, levels=[0.0], colors=[colour], linewidths=1.4)
        handles.append(Line2D([], [], color=colour, lw=1.4, label=f"{name}' = 0"))
    for path in _several(trajectories):
        region = field.attrs["region"]
        chosen = (
            path.isel(region=[str(label) for label in path["region"].values].index(region))
            if "region" in path.dims
            else path
        )
        ax.plot(chosen[across].values, chosen[up].values, color=INK, lw=0.8, alpha=0.8)
        ax.plot(chosen[across].values[0], chosen[up].values[0], ".", color=INK, ms=5)
    if points is not None:
        handles += _points(ax, points, field)
    ax.set(
        xlim=(x[0], x[-1]),
        ylim=(y[0], y[-1]),
        xlabel=title_of(field[across]),
        ylabel=title_of(field[up]),
        title=field.attrs["model"],
    )
    legend(ax, handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _several(trajectories: Any) -> Sequence[Any]:
    if trajectories is None:
        return []
    return trajectories if isinstance(trajectories, list | tuple) else [trajectories]


def _arrows(ax: Axes, x: np.ndarray, y: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> None:
    """Directions on the page, all of the same length: the speed varies over decades."""
    columns, rows = (
        np.unique(np.linspace(0, len(axis) - 1, ARROWS + 2).round().astype(int)[1:-1]) for axis in (x, y)
    )
    u, v = dx[np.ix_(rows, columns)] / (x[-1] - x[0]), dy[np.ix_(rows, columns)] / (y[-1] - y[0])
    length = np.hypot(u, v)
    length[length == 0] = 1.0
    ax.quiver(
        x[columns],
        y[rows],
        u / length,
        v / length,
        angles="uv",
        scale=1.6 * ARROWS,
        width=0.0028,
        headwidth=4,
        color=FAINT,
        alpha=0.7,
        pivot="mid",
        zorder=1,
    )


def _points(ax: Axes, points: Any, field: Any) -> list[Line2D]:
    region = [str(label) for label in points["region"].values].index(field.attrs["region"])
    values = points["value"].isel(region=region)
    x, y = (np.asarray(values.sel(state=field.attrs[name]).values) for name in ("x", "y"))
    handles = []
    for stable, face, name in ((True, ALERT, "stable"), (False, "white", "unstable")):
        which = np.asarray(points["stable"].values) == stable
        if which.any():
            style = {"marker": "o", "ls": "", "ms": 6, "mfc": face, "mec": ALERT, "mew": 1.3}
            ax.plot(x[which], y[which], zorder=5, **style)
            handles.append(Line2D([], [], label=name, **style))
    return handles
