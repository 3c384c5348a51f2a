"""What the data said: contraction, priors against posteriors, regions."""

from typing import Any

from ..check._diagnostics._diagnosis import Diagnosis
from ..check._groups import group, require_posterior, variable
from ..check._table import contraction
from ..viz import brain, prior_posterior, regional_posterior
from ..viz._traces import scalar_names
from ._found import regional_names
from ._html import attempt, axes, bullets, paragraph, section

# More would make a catalogue of what should be a page; the rest is in the table.
MOST_SCALARS, MOST_REGIONAL = 12, 4


def render(tree: Any, diagnosis: Diagnosis) -> str:
    """The section; brain views need `constant_data.centres`."""
    posterior, prior = require_posterior(tree, "write_report(tree)"), group(tree, "prior")
    sentences = diagnosis.learnt()
    parts = [
        (
            paragraph(
                "Contraction is 1 - posterior variance / prior variance: 0 where the data said nothing, near"
                " 1 where they decide."
            )
            if sentences
            else paragraph("Not available: contraction, because the tree has no prior draws.", "absent")
        ),
        bullets(sentences),
    ]
    scalars = scalar_names(posterior)[:MOST_SCALARS]
    if scalars:
        parts.append(_scalars(posterior, prior, scalars))
    centres = variable(tree, "constant_data", "centres")
    regional = regional_names(posterior)
    if regional and centres is None:
        parts.append(paragraph("Not available: brain views, because constant_data has no centres.", "absent"))
    for name in regional[:MOST_REGIONAL]:
        parts.append(_region(name, posterior, prior, centres))
    if len(regional) > MOST_REGIONAL:
        parts.append(paragraph(f"Not drawn: {', '.join(regional[MOST_REGIONAL:])}.", "absent"))
    return section("learnt", "What was learnt", *parts)


def _scalars(posterior: Any, prior: Any, names: list[str]) -> str:
    columns = min(4, len(names))
    rows = -(-len(names) // columns)

    def draw() -> Any:
        panels = axes((2.4 * columns, 1.9 * rows), nrows=rows, ncols=columns)
        for spare in panels[len(names) :]:
            spare.remove()
        return prior_posterior(posterior, prior, panels[: len(names)], variables=names)

    return attempt(
        draw,
        "Parameters shared by all regions"
        + (", before (grey) and after (blue) the data." if prior is not None else ", after the data."),
    )


def _region(name: str, posterior: Any, prior: Any, centres: Any) -> str:
    data, before = posterior[name], prior[name] if prior is not None and name in prior else None
    parts = []
    if centres is not None:
        ratios = {"width_ratios": (1.25, 1.0, 1.25)}
        parts.append(
            attempt(
                lambda: brain(data, centres, axes((9.5, 2.9), 3, **ratios)),
                f"{name}: posterior mean of every region.",
            )
        )
        # Of a pooled parameter the deviations say what was learnt of single regions; its values mix that with
        # the common mean.
        source = (
            f"{name}.z" if prior is not None and f"{name}.z" in posterior and f"{name}.z" in prior else name
        )
        gain = (
            contraction(posterior[source], prior[source]).clip(0, 1)
            if prior is not None and source in prior
            else None
        )
        if gain is not None and bool(gain.notnull().any()):
            drawn = axes((9.5, 2.9), 3, **ratios)
            caption = f"{source}: where the data were informative" + (
                " (about a region's deviation from the common mean)." if source != name else "."
            )
            parts.append(
                attempt(
                    lambda: brain(
                        gain, centres, drawn, label="contraction", limits=(0.0, 1.0), cmap="cividis"
                    ),
                    caption,
                )
            )
    parts.append(
        attempt(
            lambda: regional_posterior(data, before, axes((9.5, 3.4))[0]),
            f"{name}: posterior of every region, sorted by the median.",
        )
    )
    return "".join(parts)
