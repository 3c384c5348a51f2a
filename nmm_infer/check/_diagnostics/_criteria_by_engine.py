"""Criteria of `diagnose` for engines that are not chains of exact samplers: populations, inexact dynamics,
approximations, points.
"""

import math

import numpy as np

from ...results import Kind
from .._groups import number
from ._criteria import PARETO_K, Result
from ._finding import Finding

# Of a population, the fraction of particles that are not copies of others; moves after the last resampling
# should have parted them.
DISTINCT = 0.9
# Mean acceptance of the moves in a stage, below which particles stay where resampling put them.
MOVED = 0.1
# How far the energy error of inexact dynamics may be from what the tuning aimed at.
TUNED = 2.0
# Of the steps of an optimiser, how many may lead where there is no gradient.
SKIPPED = 0.01


def particles(run: Result) -> Finding:
    """The particles of each population are different ones."""
    name = next((row.name for row in run.varying), None)
    if name is None:
        return Finding(
            "note",
            "particles",
            "not available: every parameter is constant",
            f"> {100 * DISTINCT:.0f} % distinct",
            "",
        )
    draws = np.asarray(run.posterior[name].transpose("chain", "draw", ...).values).reshape(
        run.posterior.sizes["chain"], run.posterior.sizes["draw"], -1
    )
    fractions = [len(np.unique(chain, axis=0)) / len(chain) for chain in draws]
    worst = min(fractions)
    return Finding(
        "problem" if worst < DISTINCT / 2 else "warning" if worst < DISTINCT else "good",
        "particles",
        f"{100 * worst:.0f} % distinct in the worst population",
        f"> {100 * DISTINCT:.0f} % distinct",
        (
            "copies that no move has parted count once: take more moves at each temperature, or more"
            " particles"
            if worst < DISTINCT
            else ""
        ),
    )


def temperatures(run: Result) -> Finding | None:
    """Every population got from the prior to the posterior, with moves that were accepted."""
    if run.tempering is None or "temperature" not in run.tempering:
        return None
    last = np.nanmax(run.tempering["temperature"].values, axis=-1)
    stages = int(np.max(np.sum(np.isfinite(run.tempering["temperature"].values), axis=-1)))
    accepted = (
        float(np.nanmin(run.tempering["acceptance_rate"].values))
        if "acceptance_rate" in run.tempering
        else math.nan
    )
    if np.any(last < 1.0 - 1e-6):
        return Finding(
            "problem",
            "temperatures",
            f"the coldest population ended at {last.min():.2g}",
            "1, the posterior",
            "let it run to its end",
        )
    stuck = accepted < MOVED
    return Finding(
        "warning" if stuck else "good",
        "temperatures",
        f"{stages} from prior to posterior"
        + ("" if math.isnan(accepted) else f", lowest acceptance of a stage {accepted:.2f}"),
        f"acceptance > {MOVED}",
        (
            "particles hardly moved at some temperature: take more moves, or smaller steps between"
            " temperatures (a higher ess=)"
            if stuck
            else ""
        ),
    )


def energy_error(run: Result) -> Finding | None:
    """The bias of dynamics without a Metropolis test is as small as it was tuned to be."""
    found, wanted = number(run.attrs, "energy_error"), number(run.attrs, "energy_error_wanted")
    if found is None or wanted is None:
        return None
    large = found > TUNED * wanted
    return Finding(
        "problem" if large else "note",
        "energy error",
        f"variance {found:.2g} per unknown and step, tuned for {wanted:.2g}",
        f"< {TUNED * wanted:.2g}",
        (
            "the step size found in the warmup is too large for the posterior: run a longer warmup, or use"
            " NUTS"
            if large
            else (
                "these draws are not exact, and more of them do not change that: halve energy_error= and look"
                " whether the posterior moves, or confirm with NUTS"
            )
        ),
    )


def approximation(run: Result) -> Finding:
    """Draws of an approximation converge by construction, not necessarily to the posterior."""
    if run.kind is Kind.POINT:
        return Finding(
            "warning",
            "approximation",
            "a point, not a posterior",
            "draws",
            "it says nothing of uncertainty: use it to start Laplace, SVI or NUTS, and report these",
        )
    pareto_k = number(run.attrs, "pareto_k")
    if pareto_k is None:
        return Finding(
            "warning",
            "approximation",
            f"{run.engine} draws from an approximation of unknown error",
            f"Pareto k-hat < {PARETO_K}",
            "R-hat and effective sample sizes do not apply; intervals are often too narrow: compare the"
            " scales with a short NUTS run before you rely on them",
        )
    good = pareto_k < PARETO_K
    return Finding(
        "good" if good else "problem",
        "Pareto k-hat",
        f"{pareto_k:.2f}" if math.isfinite(pareto_k) else "not finite",
        f"< {PARETO_K}",
        (
            ""
            if good
            else (
                "the approximation misses mass of the posterior: use a richer guide (AutoMultivariateNormal),"
                " more steps, or NUTS"
            )
        ),
    )


def optimisation(run: Result) -> Finding | None:
    """The loss has stopped falling."""
    if run.optimization is None or "loss" not in run.optimization:
        return None
    loss = np.asarray(run.optimization["loss"].values, dtype=np.float64).reshape(-1)
    tenth = len(loss) // 10
    if tenth < 5:
        return None
    before, last = loss[-2 * tenth : -tenth], loss[-tenth:]
    if not np.all(np.isfinite(last)):
        return Finding(
            "problem",
            "optimisation",
            "the loss is not finite at the end",
            "a flat end of the loss",
            "lower the learning rate, or start from the prior median",
        )
    skipped = float(np.mean(~np.isfinite(loss)))
    if skipped > SKIPPED:
        return Finding(
            "problem",
            "optimisation",
            f"{100 * skipped:.2g} % of the steps were not taken: they led where the density is zero or NaN",
            f"< {100 * SKIPPED:.0f} %",
            "the fit stops at an edge of the model and does not follow the posterior there: let the prior end"
            " before the edge, or use NUTS",
        )
    fall = float(np.nanmean(before) - np.nanmean(last))
    error = float(np.hypot(np.nanstd(before), np.nanstd(last)) / math.sqrt(tenth))
    # Below one nat the fall changes nothing that the posterior's width would show.
    falling = fall > max(1.0, 2.0 * error)
    return Finding(
        "problem" if falling else "good",
        "optimisation",
        (
            f"the loss fell by {fall:.3g} nats in the last tenth of the steps"
            if falling
            else "the loss is flat at the end"
        ),
        "a flat end of the loss",
        "take more steps (twice as many), or a larger learning rate with a decay" if falling else "",
    )
