"""Criterion of `diagnose` on networks that rest at one place for some draws, and at another for others."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .._table import element_label
from ._criteria import Result
from ._finding import Finding

# Draws that rest at another place than the others are a branch if they are so many of all, and at least so
# many.
SHARE, LEAST = 0.01, 10
# And if the gap between both is so many times the standard deviation of the draws beside it, on the wider
# side.
GAP = 3.0
# Rounding moves a network that rests in one place by less than this part of how far that is from zero.
ROUNDING = 1e-3


class Branches(NamedTuple):
    """Two places at which a region rests: up to `low`, and from `high` on, which `share` of the draws do."""

    low: float
    high: float
    share: float


def split(values: Float[np.ndarray, " draw"]) -> Branches | None:
    """The two branches on which draws lie, if there is a gap between them that no single distribution has."""
    values = np.sort(values[np.isfinite(values)])
    least = max(LEAST, round(SHARE * len(values)))
    if len(values) < 2 * least:
        return None
    # Single draws are no branch: gaps between the outermost ones do not count.
    gaps = np.diff(values)[least - 1 : len(values) - least]
    at = int(np.argmax(gaps)) + least
    below, above = values[:at], values[at:]
    # Of several places beyond the gap the nearest counts: a quarter of all draws.
    near = max(least, len(values) // 4)
    spread = max(below[-near:].std(), above[:near].std())
    if not gaps.max() > max(GAP * spread, ROUNDING * np.abs(values).max()):
        return None
    return Branches(float(below[-1]), float(above[0]), len(above) / len(values))


def branches(run: Result) -> Finding | None:
    """All draws rest on one branch of fixed points."""
    if run.rest is None:
        return None
    found: list[tuple[str, Branches]] = []
    for name, data in run.rest.data_vars.items():
        by_draw = data.transpose("chain", "draw", ...)
        values = np.asarray(by_draw.values, np.float64).reshape(
            by_draw.sizes["chain"] * by_draw.sizes["draw"], -1
        )
        for i, column in enumerate(values.T):
            if (apart := split(column)) is not None:
                found.append((f"{name}[{element_label(by_draw.isel(chain=0, draw=0), i)}]", apart))
    if run.posterior.sizes["chain"] * run.posterior.sizes["draw"] < 2 * LEAST:
        return None
    if not found:
        return Finding("good", "fixed points", "all draws rest on one branch", "one branch", "")
    label, widest = max(found, key=lambda one: one[1].high - one[1].low)
    more = f", and others likewise ({len(found)} in all)" if len(found) > 1 else ""
    where = (
        f"below {widest.low:.3g} in {100 * (1 - widest.share):.2g} % of the draws and above {widest.high:.3g}"
        f" in {100 * widest.share:.2g} %"
    )
    return Finding(
        "warning",
        "fixed points",
        f"{label} rests {where}{more}",
        "one branch",
        "the network has several fixed points, and which one it comes to from its initial state changes with"
        " the parameters; the density jumps between them: say which is meant (nmm.AtRest(...), or"
        " Network(initial=...) near it with a prior that keeps to it), or report the two apart",
    )
