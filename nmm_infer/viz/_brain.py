"""Regional values where the regions are."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Circle, Polygon

from ._draws import centre
from ._style import DIVERGING, FAINT, INK, SEQUENTIAL, Panels, colourbar, panels, title_of

# Centres lie inside the cortex: the outline (mm) is drawn around them, rounded by shrinking the hull before
# it grows.
ROUNDING, SHRINKAGE = 26.0, 0.85
EDGE = "#5b6670"


class View(NamedTuple):
    """A projection of MNI coordinates (x right, y front, z up): which regions, which two axes, what is nearer
    to the eye, and what is at the left and right ends.
    """

    title: str
    hemisphere: int  # -1 left, 1 right, 0 both
    across: tuple[int, int]  # axis and sign
    up: tuple[int, int]
    depth: tuple[int, int]
    ends: tuple[str, str]


VIEWS = (
    View("left side", -1, (1, -1), (2, 1), (0, -1), ("front", "back")),
    View("from above, front up", 0, (0, 1), (1, 1), (2, 1), ("L", "R")),
    View("right side", 1, (1, 1), (2, 1), (0, 1), ("back", "front")),
)


def brain(
    values: Any,
    centres: Any,
    ax: Panels | None = None,
    *,
    label: str | None = None,
    cmap: str | None = None,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Discs at the region centres, coloured by value: from the left, from above, from the right; three axes.

    Args:
        values: `DataArray` (region), or with chain and draw, of which the mean is shown.
        centres: `DataArray` or array (region, axis) in mm (MNI).
        label: of the colour bar; None: name and unit of the values.
        cmap: None: viridis, or a diverging map around 0 for signed values.
        limits: ends of the colour scale; None: the range of the values.
    """
    mean = centre(values)
    numbers, positions = np.asarray(mean.values, dtype=float), np.asarray(centres, dtype=float)
    if numbers.ndim != 1 or positions.shape != (len(numbers), 3):
        raise ValueError(
            f"brain(values, centres) got shapes {numbers.shape} and {positions.shape}, expected (region,) and"
            " (region, 3)"
        )
    axes = panels(ax, 3, (8.6, 2.7), "brain", width_ratios=(1.25, 1.0, 1.25))
    low, high = limits or (float(np.nanmin(numbers)), float(np.nanmax(numbers)))
    if limits is None and low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    norm = Normalize(low, high if high > low else low + 1e-12)
    colours = cmap or (DIVERGING if low < 0 < high else SEQUENTIAL)
    for panel, view in zip(axes, VIEWS, strict=True):
        discs = _draw(panel, view, numbers, positions)
        discs.set(cmap=colours, norm=norm)
    colourbar(
        axes[1].collections[0], axes, title_of(values) if label is None else label, fraction=0.03, shrink=0.8
    )
    return axes


class Projection(NamedTuple):
    """What one view shows: `points` of all regions, the `shown` of them from far to near, the radius of a
    disc, and outlines of the hemispheres, all in mm.
    """

    points: np.ndarray
    shown: np.ndarray
    radius: float
    outlines: list[np.ndarray]


def project(view: View, positions: np.ndarray) -> Projection:
    """Region centres as seen in `view`."""
    side = positions[:, 0] * view.hemisphere
    shown = np.flatnonzero(side >= 0) if view.hemisphere else np.arange(len(positions))
    shown = shown[np.argsort(_along(positions[shown], view.depth))]
    points = np.column_stack([_along(positions, view.across), _along(positions, view.up)])
    # Discs of the whole brain, so that a region has the same size in every view.
    return Projection(points, shown, _radius(positions), _outlines(view, positions, points))


def _draw(ax: Axes, view: View, values: np.ndarray, positions: np.ndarray) -> PatchCollection:
    points, shown, radius, outlines = project(view, positions)
    discs = PatchCollection([Circle((x, y), radius) for x, y in points[shown]], edgecolor=EDGE, linewidth=0.5)
    discs.set_array(values[shown])
    for hull in outlines:
        ax.add_patch(Polygon(hull, facecolor="#f4f5f7", edgecolor=FAINT, linewidth=0.8, zorder=0))
    ax.add_collection(discs)
    ax.set_aspect("equal")
    ax.autoscale_view()
    ax.axis("off")
    style: dict[str, Any] = {"transform": ax.transAxes, "va": "top", "fontsize": 9, "color": INK}
    ax.text(0.5, -0.02, view.title, ha="center", **style)
    style["color"] = FAINT
    ax.text(0.0, -0.02, view.ends[0], ha="left", **style)
    ax.text(1.0, -0.02, view.ends[1], ha="right", **style)
    return discs


def _along(positions: np.ndarray, direction: tuple[int, int]) -> np.ndarray:
    axis, sign = direction
    return sign * positions[:, axis]


def _radius(positions: np.ndarray) -> float:
    """Half the typical distance to the nearest region, within sight and reason (3 to 9 mm)."""
    if len(positions) < 2:
        return 9.0
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return float(np.clip(0.45 * np.median(distance.min(axis=1)), 3.0, 9.0))


def _outlines(view: View, positions: np.ndarray, points: np.ndarray) -> list[np.ndarray]:
    """Rounded convex hulls: one for a side view, one for each hemisphere from above."""
    left, right = (_hull(points[side]) for side in (positions[:, 0] < 0, positions[:, 0] >= 0))
    if view.hemisphere == 0:
        # Seen from above the midline parts the hemispheres, whatever the rounding.
        left[:, 0], right[:, 0] = np.minimum(left[:, 0], -1.0), np.maximum(right[:, 0], 1.0)
    hulls = {-1: [left], 0: [left, right], 1: [right]}[view.hemisphere]
    return [hull for hull in hulls if len(hull)]


def _hull(points: np.ndarray) -> np.ndarray:
    """The convex hull of circles around the points, which are drawn together first."""
    if len(points) == 0:
        return np.zeros((0, 2))
    from scipy.spatial import ConvexHull

    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = ROUNDING * np.column_stack([np.cos(angles), np.sin(angles)])
    middle = points.mean(axis=0)
    cloud = ((middle + SHRINKAGE * (points - middle))[:, None] + circle[None]).reshape(-1, 2)
    return cloud[ConvexHull(cloud).vertices]
