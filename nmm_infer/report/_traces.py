"""How the chains moved."""

from typing import Any

from ..check._groups import group, require_posterior, variable
from ..viz import loss
from ..viz import traces as draw_traces
from ..viz._traces import scalar_names
from ._html import attempt, axes, paragraph, section

MOST = 8


def render(tree: Any) -> str:
    """Traces and ranks of the shared parameters, and the loss of an optimisation."""
    posterior, optimization = require_posterior(tree, "write_report(tree)"), group(tree, "optimization")
    parts = []
    if optimization is not None and "loss" in optimization:
        parts.append(
            attempt(
                lambda: loss(optimization, axes((9.5, 2.6))[0]),
                "The loss of the optimisation; at its end it should be flat.",
            )
        )
    names = scalar_names(posterior)
    shown = names[:MOST]
    if shown:
        several = posterior.sizes["chain"] > 1
        parts.append(
            attempt(
                lambda: draw_traces(
                    posterior,
                    axes((9.5, 0.4 + 1.35 * len(shown)), nrows=len(shown), ncols=2, width_ratios=(2, 1)),
                    variables=shown,
                    diverging=variable(tree, "sample_stats", "diverging"),
                ),
                (
                    "Traces, one colour for each chain, red ticks where a draw diverged; on the right the"
                    " ranks of each chain's draws, which hardly leave the grey band (99 %) when the chains"
                    " agree."
                    if several
                    else "Draws of the only chain, and their histogram."
                ),
            )
        )
    else:
        parts.append(
            paragraph("No parameter is shared by all regions; see the table for regional ones.", "absent")
        )
    if len(names) > MOST:
        parts.append(paragraph(f"Not drawn: {', '.join(names[MOST:])}.", "absent"))
    return section("traces", "Chains", *parts)
