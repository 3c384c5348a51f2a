"""A matrix between regions."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize

from ._style import DIVERGING, INK, SEQUENTIAL, colourbar, labels_of, single, thinned, title_of

# Labels along an edge of a panel of ordinary size before they run into each other.
MOST_LABELS = 18
# Largest over middle value from which linear colours show the largest alone.
SKEWED = 30.0


def connectivity(
    matrix: Any,
    ax: Axes | None = None,
    *,
    log: bool | None = None,
    limits: tuple[float, float] | None = None,
    label: str | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draws a `DataArray` of two region dims, rows receiving (to), columns sending (from), with its colour
    scale.

    Args:
        matrix: weights, lengths or functional connectivity; signed values get a diverging scale around 0.
        log: logarithmic colours; zeros are left blank. None: where nothing is negative and the largest value
            is more than thirty times the middle one, as of streamline counts.
        limits: ends of the colour scale.
        label: of the colour bar; None: name and unit of the matrix.
    """
    if matrix.ndim != 2:
        raise ValueError(
            f"connectivity(matrix) got dims {tuple(matrix.dims)}, expected two region dims; average over"
            " draws first"
        )
    ax = single(ax, (5.2, 4.4), "connectivity")
    values = np.asarray(matrix.values, dtype=float)
    if log is None:
        log = limits is None and _is_skewed(values)
    if log:
        values = np.where(values > 0, values, np.nan)
    finite = values[np.isfinite(values)]
    low, high = limits or ((finite.min(), finite.max()) if finite.size else (0.0, 1.0))
    if limits is None and low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    norm = LogNorm(low, high) if log else Normalize(low, high)
    image = ax.imshow(
        values,
        cmap=DIVERGING if low < 0 < high else SEQUENTIAL,
        norm=norm,
        interpolation="nearest",
        origin="upper",
    )
    rows, columns = (thinned(labels_of(matrix, dim), MOST_LABELS) for dim in matrix.dims)
    ax.set_yticks(*rows, fontsize=6)
    ax.set_xticks(*columns, fontsize=6, rotation=90)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, colors=INK)
    ax.set(xlabel="from", ylabel="to")
    if colorbar:
        bar = colourbar(image, ax, title_of(matrix, "weight").replace("_", " ") if label is None else label)
        if not log:
            bar.formatter.set_powerlimits((-3, 4))
    return ax


def _is_skewed(values: np.ndarray) -> bool:
    known = values[np.isfinite(values) & (values != 0)]
    return bool(known.size and known.min() > 0 and known.max() > SKEWED * np.median(known))
