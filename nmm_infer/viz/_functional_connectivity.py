"""Measured against predicted functional connectivity."""

from typing import Any

import numpy as np

from ..check._predictive import correlation, pairs
from ._connectivity import connectivity
from ._draws import centre, interval, sample_dims
from ._style import FAINT, POSTERIOR, Panels, colourbar, note, panels


def functional_connectivity(observed: Any, predicted: Any, ax: Panels | None = None) -> np.ndarray:
    """Both matrices on one colour scale, and one against the other with 90 % intervals of the prediction;
    three axes.

    Args:
        observed: `DataArray` of two region dims.
        predicted: the same, or with chain and draw, of which the mean is shown.
    """
    axes = panels(ax, 3, (10.5, 3.3), "functional_connectivity", width_ratios=(1, 1, 0.95))
    mean = centre(predicted)
    measured, expected = (
        pairs(np.asarray(observed.values)),
        pairs(np.asarray(mean.transpose(*observed.dims).values)),
    )
    # The diagonal is 1 by definition; were it in the scale, it would use up the colours.
    top = float(np.nanmax(np.abs(np.concatenate([measured, expected])))) or 1.0
    of_draws = " (posterior mean)" if sample_dims(predicted) else ""
    for panel, matrix, title in zip(
        axes, (observed, mean), ("measured", f"predicted{of_draws}"), strict=False
    ):
        connectivity(
            matrix,
            panel,
            limits=(-top, top) if min(measured.min(), expected.min()) < 0 else (0.0, top),
            colorbar=False,
        )
        panel.set_title(title)
    colourbar(axes[0].images[0], list(axes[:2]), "correlation", fraction=0.03)

    scatter = axes[2]
    if sample_dims(predicted):
        low, high = (pairs(np.asarray(end.transpose(*observed.dims).values)) for end in interval(predicted))
        # Of thousands of pairs a few hundred intervals show the widths; all of them would be one grey cloud.
        some = slice(None, None, max(1, len(measured) // 300))
        scatter.vlines(measured[some], low[some], high[some], color=FAINT, lw=0.5, alpha=0.5)
    scatter.scatter(measured, expected, s=5 if len(measured) > 500 else 14, color=POSTERIOR, alpha=0.45, lw=0)
    ends = (min(measured.min(), expected.min()), max(measured.max(), expected.max()))
    scatter.plot(ends, ends, color=FAINT, lw=0.8, ls="--", zorder=0)
    scatter.set(xlabel="measured", ylabel="predicted", title="pairs of regions")
    note(scatter, f"r = {correlation(measured, expected):.2f}")
    return axes
