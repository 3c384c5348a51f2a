"""What was found, first of all: in words, on a brain, with what to distrust."""

from html import escape
from typing import Any

import numpy as np

from ..check._diagnostics._diagnosis import Diagnosis
from ..check._groups import group, number, require_posterior, variable
from ..check._predictive import Prediction
from ..check._table import TAILS, contraction, coordinate_names
from ..viz._style import title_of
from ._atlas import atlas, region_table
from ._html import bullets, paragraph

MOST_SCALARS, MOST_REGIONAL = 6, 2
# Fewer regions than this have no distribution to be summarised: they are listed.
FEW = 4


def render(tree: Any, diagnosis: Diagnosis, prediction: Prediction) -> list[str]:
    """Parts of the first section."""
    posterior, prior = require_posterior(tree, "write_report(tree)"), group(tree, "prior")
    centres = variable(tree, "constant_data", "centres")
    every, scalars = regional_names(posterior), _scalar_names(posterior)
    regional = every[:MOST_REGIONAL]
    found = [_regional_words(_by_region(posterior[name])) for name in regional]
    found += [_scalar_words(posterior[name]) for name in scalars[:MOST_SCALARS]]
    more = len(every) - len(regional) + max(len(scalars) - MOST_SCALARS, 0)
    found += [f"And {more} more parameters, below."] if more else []
    parts = ["<h3>What was found</h3>", bullets(found)]
    for name in regional:
        before = None if prior is None else prior.get(name)
        where = centres if "region" in posterior[name].dims else None  # of a group it is not known
        parts += _shown(_by_region(posterior[name]), None if before is None else _by_region(before), where)
    parts += ["<h3>Does it predict the measurement?</h3>", bullets(prediction.sentences())]
    if not prediction.sentences():
        parts.append(paragraph("Not available: there are no predictions to compare.", "absent"))
    doubts = _doubts(tree, diagnosis, prediction)
    parts += ["<h3>What to distrust</h3>", bullets(doubts)]
    if not doubts:
        parts.append(paragraph("Nothing stood out."))
    return parts


def regional_names(posterior: Any) -> list[str]:
    """Regional parameters that vary, without the coordinates in which they were sampled: these say nothing
    that the parameter itself does not.
    """
    names = [
        str(name)
        for name, data in posterior.data_vars.items()
        if {"chain", "draw"} < set(data.dims)
        and data.ndim == 3
        and _region_of(data).startswith("region")
        and data.dtype.kind in "fiu"
        and (float(data.max()) > float(data.min()) or data.sizes["chain"] * data.sizes["draw"] == 1)
    ]
    hidden = coordinate_names(names)
    return [name for name in names if name not in hidden]


def _by_region(data: Any) -> Any:
    return data.rename({_region_of(data): "region"}) if _region_of(data) != "region" else data


def _region_of(data: Any) -> str:
    """The axis of the regions: all of them, or of a group of a mixed network."""
    return next((str(dim) for dim in data.dims if dim not in ("chain", "draw")), "")


def _scalar_names(posterior: Any) -> list[str]:
    return [
        str(name)
        for name, data in posterior.data_vars.items()
        if set(data.dims) == {"chain", "draw"}
        and data.dtype.kind in "fiu"
        and not str(name).endswith((".mean", ".sd"))
    ]


def _is_point(data: Any) -> bool:
    return data.sizes["chain"] * data.sizes["draw"] == 1


def _scalar_words(data: Any) -> str:
    if _is_point(data):
        return f"{title_of(data)}: {float(data.values.item()):.3g}, the best point; how sure, is not known."
    low, middle, high = np.quantile(data.values, (TAILS[0], 0.5, TAILS[1]))
    return f"{title_of(data)}: {middle:.3g}, with 90 % probability between {low:.3g} and {high:.3g}."


def _regional_words(data: Any) -> str:
    """The range over regions, its ends by name, and how many regions stand apart from the others."""
    quantiles = data.quantile((TAILS[0], 0.5, TAILS[1]), ["chain", "draw"])
    low, middle, high = (
        quantiles.isel(quantile=i).transpose("region").values for i in range(quantiles.sizes["quantile"])
    )
    labels = [str(label) for label in data["region"].values]

    def one(i: int) -> str:
        return f"{middle[i]:.3g} ({low[i]:.3g} to {high[i]:.3g}) in {labels[i]}"

    if len(labels) <= FEW:
        return f"{title_of(data)}, with 90 % intervals: {'; '.join(one(i) for i in range(len(labels)))}."
    if not np.isfinite(middle).any():
        return f"{title_of(data)} of {len(labels)} regions: no finite draws."
    apart = int(np.sum(stands_apart(data) != 0))
    verdict = (
        ""
        if _is_point(data)
        else "No region differs from the typical one with 90 % probability."
        if apart == 0
        else f"{apart} of {len(labels)} regions differ from the typical one with 90 % probability."
    )
    return (
        f"{title_of(data)} of {len(labels)} regions: medians from {one(int(np.nanargmin(middle)))} to"
        f" {one(int(np.nanargmax(middle)))}. {verdict}"
    )


def stands_apart(data: Any) -> np.ndarray:
    """1 for regions that are above the median region of the same draw with 95 % probability (the upper side
    of a 90 % interval), -1 below, 0 neither.
    """
    deviation = (data - data.median("region")).quantile(TAILS, ["chain", "draw"])
    low, high = (deviation.isel(quantile=i).transpose("region").values for i in (0, 1))
    return np.where(low > 0, 1, np.where(high < 0, -1, 0))


def _shown(data: Any, before: Any, centres: Any) -> list[str]:
    """The brain, if it is known where the regions are, and the table."""
    labels = [str(label) for label in data["region"].values]
    low, middle, high = (
        data.quantile(q, ["chain", "draw"]).transpose("region").values for q in (TAILS[0], 0.5, TAILS[1])
    )
    learnt = (
        np.full(len(labels), np.nan)
        if before is None
        else contraction(data, before).transpose("region").values
    )
    side = stands_apart(data)
    words = {1: "above", -1: "below", 0: ""}
    name, unit = str(data.name), str(data.attrs.get("units", ""))
    unit = "" if unit in ("", "1") else f" {unit}"
    told = [
        f"{label}: {m:.3g}{unit} ({a:.3g} to {b:.3g})"
        for label, a, m, b in zip(labels, low, middle, high, strict=True)
    ]
    heads = ("region", f"median{unit}", "5 %", "95 %", "differs", "contraction")
    rows = [
        (label, float(m), float(a), float(b), words[int(s)], float(c))
        for label, m, a, b, s, c in zip(labels, middle, low, high, side, learnt, strict=True)
    ]
    parts = []
    if centres is not None and len(labels) > FEW:
        caption = f"{title_of(data)}: posterior median of every region. Point at a region for its name."
        drawn = atlas(labels, middle, np.asarray(centres.values, dtype=float), told)
        parts += [f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>"] if drawn else []
    return [*parts, region_table(name, heads, rows)]


def _doubts(tree: Any, diagnosis: Diagnosis, prediction: Prediction) -> list[str]:
    """What a careful reader would ask about."""
    found = [
        f"{finding.what}: {finding.measured} (expected {finding.expected})."
        for finding in diagnosis.findings
        if finding.severity in ("problem", "warning")
    ]
    if number(tree.attrs, "unstable"):
        found.append(
            "Some proposals lay where the network is unstable: the posterior reaches towards the edge of"
            " stability. There a linearised likelihood is least exact; nmm.check.linearity says how much."
        )
    if prediction.power_coverage is not None and prediction.power_coverage < 0.8:
        found.append(
            "The model misses a part of the spectra that were measured: intervals of its parameters hold for"
            " a brain that this model describes, and this one is not quite it."
        )
    model, structure = prediction.fc_correlation, prediction.structure_correlation
    if model is not None and structure is not None and model < structure + 0.1:
        found.append(
            "Functional connectivity is predicted hardly better than by the connectome alone: do not read it"
            " as evidence for the model."
        )
    return found
