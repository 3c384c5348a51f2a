"""Criteria of `diagnose` on proposals that ended where the density is zero."""

import numpy as np

from ...likelihoods._failure import Failure
from ...results import Kind
from .._groups import number
from ._criteria import Result
from ._finding import Finding

# Simulations that fail at the border of the prior are normal; more than this fraction of the evaluations
# shapes the posterior.
FAILED = 0.01
# Of the trajectories, how many may end at a wall before most of the work is lost.
CROWDED = 0.5
# Statements of the model, as opposed to numbers that are not finite.
WALLS = (Failure.UNSTABLE, Failure.NO_FIXED_POINT, Failure.ZERO_DENSITY)


def failed_simulations(run: Result) -> Finding | None:
    """The prior stays where the simulator works."""
    count = number(run.attrs, Failure.NOT_FINITE.attribute)
    if count is None:
        return None
    evaluations = number(run.attrs, "gradient_evaluations")
    fraction = count / evaluations if evaluations else 0.0
    return Finding(
        "good" if count == 0 else "problem" if fraction > FAILED else "warning",
        "failed simulations",
        f"{count:.0f}"
        + (f" of {evaluations:.0f} evaluations ({100 * fraction:.2g} %)" if evaluations else ""),
        "0",
        (
            "they count as impossible and cut the posterior off: let the priors end where the simulation is"
            " finite, use a smaller step or start at the mode"
            if count
            else ""
        ),
    )


def walls(run: Result) -> Finding | None:
    """Where the model says that the density is zero, proposals are rejected rightly; so many of them that
    little is left are a burden, no error.
    """
    recorded = {reason: number(run.attrs, reason.attribute) for reason in WALLS}
    counts = {reason: int(count) for reason, count in recorded.items() if count}
    expected = f"< {100 * CROWDED:.0f} % of the trajectories end at one"
    if all(count is None for count in recorded.values()):
        return None
    if not counts:
        return Finding("good", "walls", "none was met", expected, "")
    why = ", ".join(f"{reason.words} at {count}" for reason, count in counts.items())
    share = _share(run)
    if run.kind in (Kind.APPROXIMATION, Kind.POINT):
        return _approximated(run, sum(counts.values()), why)
    lost = counts.get(Failure.NO_FIXED_POINT, 0) / (number(run.attrs, "gradient_evaluations") or np.inf)
    met = why if share is None else f"{100 * share:.2g} % of the trajectories ended at one; {why} points"
    if share is not None and share > CROWDED:
        remedy = (
            "the draws are valid, but most of the work is lost: let the prior end before the edge (an upper"
            " bound on G), or whiten (metrics.Laplace)"
        )
        return Finding("warning", "walls", met, expected, remedy)
    if lost > FAILED:
        remedy = (
            "where no fixed point is found the density counts as zero, be there one or not: let the prior end"
            " where the network rests, or start the network nearer to its fixed point (initial=)"
        )
        return Finding(
            "warning",
            "walls",
            met,
            f"no fixed point missed at > {100 * FAILED:.0f} % of the evaluations",
            remedy,
        )
    if share == 0.0:
        return Finding("good", "walls", f"met in the warmup alone: {why} points", expected, "")
    reaches = "the prior reaches where " + (
        Failure.UNSTABLE.words if Failure.UNSTABLE in counts else next(iter(counts)).words
    )
    judges = (
        "R-hat and effective sample sizes judge the draws"
        if run.kind is not Kind.INEXACT
        else "compare with a short NUTS run, for there is no test"
    )
    return Finding(
        "note",
        "walls",
        met,
        expected,
        f"fine if it is meant: {reaches}, and the posterior ends there; proposals beyond are rejected;"
        f" {judges}",
    )


def _share(run: Result) -> float | None:
    """Of the proposals after the warmup, those that ended at a wall."""
    if run.stats is None or "failed" not in run.stats:
        return None
    return float((np.asarray(run.stats["failed"].values) > 0).mean())


def _approximated(run: Result, count: int, why: str) -> Finding:
    """An approximation does not see a wall: what it puts beyond is lost."""
    many = count > FAILED * run.posterior.sizes["chain"] * run.posterior.sizes["draw"]
    return Finding(
        "warning" if many else "note",
        "walls",
        f"{why} points",
        f"at < {100 * FAILED:.0f} % of the draws",
        "the approximation reaches over an edge that the posterior has, and knows nothing of it: compare it"
        " with a short NUTS run near that edge",
    )
