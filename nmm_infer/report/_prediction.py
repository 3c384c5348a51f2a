"""Pictures of what the fitted model predicts beside what was measured."""

from typing import Any

import numpy as np

from ..check._groups import variable
from ..check._predictive import observed_connectivity
from ..viz import functional_connectivity, spectra, timeseries
from ..viz._draws import channel_dims
from ._html import attempt, axes, paragraph, section

N_SPECTRA = 6


def render(tree: Any) -> str:
    """Functional connectivity, spectra and signals, as far as the tree has them."""
    parts = [part for part in (_connectivity(tree), _spectra(tree), _signals(tree)) if part]
    if not parts:
        parts = [
            paragraph(
                "Not available: the tree has no posterior_predictive with a counterpart in observed_data.",
                "absent",
            )
        ]
    return section("prediction", "Predicted and measured", *parts)


def _connectivity(tree: Any) -> str:
    observed, predicted = observed_connectivity(tree), variable(tree, "posterior_predictive", "fc")
    if observed is None or predicted is None:
        return ""
    return attempt(
        lambda: functional_connectivity(observed, predicted, axes((10.5, 3.4), 3, width_ratios=(1, 1, 0.95))),
        "Functional connectivity, measured and predicted; on the right each pair of regions with the 90 %"
        " interval of its prediction.",
    )


def _spectra(tree: Any) -> str:
    observed, predicted = (
        variable(tree, "observed_data", "power"),
        variable(tree, "posterior_predictive", "power"),
    )
    if predicted is None:
        return ""
    others = channel_dims(predicted)
    labels = [str(label) for label in predicted[others[0]].values] if others else []
    chosen: list[str | None] = [
        None,
        *(
            labels[i]
            for i in np.unique(
                np.linspace(0, len(labels) - 1, min(N_SPECTRA - 1, len(labels))).round().astype(int)
            )
        ),
    ]

    def draw() -> Any:
        columns = min(3, len(chosen))
        rows = -(-len(chosen) // columns)
        panels = axes((3.3 * columns, 2.5 * rows), nrows=rows, ncols=columns)
        for panel, region in zip(panels, chosen, strict=False):
            spectra(observed, predicted, panel, region=region)
            if region is not None and panel.get_legend() is not None:
                panel.get_legend().remove()
        for spare in panels[len(chosen) :]:
            spare.remove()
        return panels

    return attempt(
        draw,
        "Power, measured (dark) and predicted (blue, 90 %): the mean over regions and some single regions.",
    )


def _signals(tree: Any) -> str:
    observed, predicted = variable(tree, "observed_data", "y"), variable(tree, "posterior_predictive", "y")
    if observed is None or predicted is None or "time" not in observed.dims:
        return ""
    return attempt(
        lambda: timeseries(observed, axes((9.5, 4.6))[0], predicted=predicted, most=10),
        "Signals, measured (dark) and predicted (blue, 90 %).",
    )
