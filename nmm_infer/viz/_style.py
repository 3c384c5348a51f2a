"""One calm look for every picture. Nothing global is changed: axes are styled one by one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

INK, FAINT = "#22303c", "#8a949e"
OBSERVED, POSTERIOR, PRIOR, ALERT = "#22303c", "#2a6f97", "#d9dde2", "#c1443c"
# Okabe & Ito's: told apart by eyes that lack a colour.
CHAINS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
# 90 %: the interval drawn unless a caller asks for another.
INTERVAL = 0.9

type Panels = Sequence[Axes] | np.ndarray


def panels(ax: Any, n: int, size: tuple[float, float], caller: str, **grid: Any) -> np.ndarray:
    """The `n` axes to draw on: new ones of a figure of `size` inches, or those that the user passed."""
    if ax is None:
        import matplotlib.pyplot as plt

        options: dict[str, Any] = {"nrows": 1, "ncols": n, "layout": "constrained"} | grid
        _, ax = plt.subplots(figsize=size, squeeze=False, **options)
    axes = np.asarray(ax, dtype=object).reshape(-1)
    if len(axes) != n or not all(isinstance(a, Axes) for a in axes):
        raise ValueError(
            f"{caller}(ax=...) got {len(axes)} axes, expected {n} matplotlib axes; leave ax out to have them"
            " made"
        )
    for a in axes:
        calm(a)
    return axes


def single(ax: Axes | None, size: tuple[float, float], caller: str) -> Axes:
    """The same for a picture with one panel."""
    return panels(ax, 1, size, caller)[0]


def calm(ax: Axes) -> None:
    """Only the lines that carry information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=8, width=0.6, length=3)
    ax.xaxis.label.set(color=INK, fontsize=9)
    ax.yaxis.label.set(color=INK, fontsize=9)
    ax.title.set(color=INK, fontsize=10)


def note(ax: Axes, text: str) -> None:
    """A line of text in the upper left corner, inside the axes."""
    ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", ha="left", fontsize=8, color=INK)


def legend(ax: Axes, **where: Any) -> None:
    """Without a frame."""
    ax.legend(**({"frameon": False, "fontsize": 8, "labelcolor": INK} | where))


def colourbar(mappable: Any, axes: Any, label: str, **how: Any) -> Any:
    """A thin colour bar beside `axes`."""
    axes = list(np.asarray(axes, dtype=object).reshape(-1))
    bar = axes[0].figure.colorbar(mappable, ax=axes, **({"fraction": 0.046, "pad": 0.02, "aspect": 25} | how))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=INK, width=0.6, length=2)
    bar.set_label(label, fontsize=9, color=INK)
    return bar


def title_of(data: Any, default: str = "value") -> str:
    """Name and unit of a variable: "model.tau (ms)"."""
    unit = str(data.attrs.get("units", ""))
    name = default if data.name is None else str(data.name)
    return f"{name} ({unit})" if unit not in ("", "1") else name


def labels_of(data: Any, dim: str) -> list[str]:
    """Labels along `dim`, numbers where it has no coordinate."""
    return [str(label) for label in data[dim].values]


def thinned(labels: Sequence[str], most: int) -> tuple[list[int], list[str]]:
    """Positions and texts of every k-th label, at most `most` of them, so that they never overlap."""
    step = max(1, -(-len(labels) // most))
    positions = list(range(0, len(labels), step))
    return positions, [labels[i] for i in positions]


def require_dims(data: Any, dims: Sequence[str], caller: str) -> None:
    """Raises ValueError, naming both, unless `data` has all of `dims`."""
    absent = [dim for dim in dims if dim not in data.dims]
    if absent:
        raise ValueError(f"{caller} got dims {tuple(data.dims)}, expected {', '.join(dims)}")
