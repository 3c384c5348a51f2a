"""The criteria of `diagnose`, one function each: from a run to a finding, or None where it has no meaning."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...results import Kind
from .._groups import flag, number
from .._table import Row, coordinate_names
from .._text import listed
from ._finding import Finding, Severity
from ._hints import down_to_nothing, where_they_gather

# Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021 (Bayesian Analysis 16:667).
R_HAT, ESS = 1.01, 400.0
# Draws of which one may expect that many independent ones.
DRAWS = 500
# Betancourt 2016 (arXiv:1604.00695).
E_BFMI = 0.3
# Draws of a maximal tree cost time; more than this fraction, and the trajectories are cut short
# systematically.
SATURATED = 0.01
# Vehtari, Simpson, Gelman, Yao, Gabry 2024 (JMLR 25:72).
PARETO_K = 0.7
# Nearer to 0 than this, the posterior of a parameter is its prior, up to the noise of the draws.
CONTRACTION = 0.1
# Standard errors by which a posterior has to be wider than its prior to be called so.
CERTAIN = 3.0
# Parameters that are named before the others are only counted.
NAMED = 4


class Result(NamedTuple):
    """What the criteria look at; groups that the tree has not are None."""

    engine: str
    kind: Kind
    posterior: Any
    stats: Any
    prior: Any
    optimization: Any
    tempering: Any
    log_likelihood: Any
    rest: Any
    attrs: dict[Any, Any]
    table: tuple[Row, ...]

    @property
    def varying(self) -> list[Row]:
        """The parameters that were inferred, constants left out."""
        return [row for row in self.table if row.finite and not row.constant]


type Criterion = Callable[[Result], Finding | None]


def finite(run: Result) -> Finding:
    """No NaN among the draws."""
    bad = [row.name for row in run.table if not row.finite]
    return Finding(
        "problem" if bad else "good",
        "finite draws",
        f"NaN or infinite values in {listed(bad, NAMED)}" if bad else "all finite",
        "no NaN",
        (
            "a transform or a simulation overflows: bound the prior, or work in float64"
            " (jax.config.update('jax_enable_x64', True))"
            if bad
            else ""
        ),
    )


def moving(run: Result) -> Finding | None:
    """There are draws, of numbers, and not all of them are one."""
    if run.posterior.sizes["chain"] * run.posterior.sizes["draw"] == 1:
        return None
    what, expected = "moving draws", "numbers that differ"
    if not run.table:
        kinds = (
            ", ".join(f"{name} ({data.dtype})" for name, data in run.posterior.data_vars.items()) or "nothing"
        )
        return Finding(
            "problem",
            what,
            f"no parameter is numeric: {kinds}",
            expected,
            "the posterior holds no draws of parameters: run the fit again",
        )
    held = [row for row in run.table if row.finite]
    if held and all(row.constant for row in held):
        names = listed([row.name for row in held], NAMED)
        remedy = (
            "no proposal was ever accepted: start elsewhere, take smaller steps, and look whether the density"
            " is finite there"
        )
        return Finding("problem", what, f"all draws are equal in {names}", expected, remedy)
    return Finding("good", what, "parameters vary", expected, "")


def r_hat(run: Result) -> Finding:
    """The chains agree."""
    if run.posterior.sizes["chain"] < 2:
        return Finding(
            "problem",
            "R-hat",
            "not available: one chain",
            f"< {R_HAT}",
            "run at least 4 chains (chains=4): one chain cannot show that it has converged",
        )
    rows = [row for row in run.varying if not math.isnan(row.r_hat)]
    if not rows:
        return _nothing("R-hat", f"< {R_HAT}")
    worst = max(rows, key=lambda row: row.r_hat)
    bad = [row.name for row in rows if row.r_hat >= R_HAT]
    return Finding(
        "problem" if bad else "good",
        "R-hat",
        f"{_figure(worst.r_hat)} at {_element(worst.name, worst.worst)}"
        + (f"; {len(bad)} of {len(rows)} parameters are above" if bad else ""),
        f"< {R_HAT}",
        _chains_disagree(run, worst.r_hat) if bad else "",
    )


def ess_bulk(run: Result) -> Finding:
    """Enough independent draws for means."""
    return _ess(run, "bulk ESS", lambda row: row.ess_bulk, "means")


def ess_tail(run: Result) -> Finding:
    """Enough independent draws for interval ends."""
    return _ess(run, "tail ESS", lambda row: row.ess_tail, "the ends of intervals")


def divergences(run: Result) -> Finding:
    """The integrator followed the posterior everywhere."""
    diverging = _stat(run, "diverging")
    if diverging is None:
        return _unrecorded("divergences", "0", "sample_stats.diverging")
    flags = np.asarray(diverging.values).astype(bool)
    count = int(flags.sum())
    return Finding(
        "problem" if count else "good",
        "divergences",
        f"{count} of {flags.size} draws"
        + (f" ({100 * count / flags.size:.1f} %){where_they_gather(run, flags)}" if count else ""),
        "0",
        (
            "raise the target acceptance (0.95) and run a longer warmup; if they stay, write regional"
            " parameters as Pooled(...) (non-centred), tighten the prior of the scale"
            if count
            else ""
        ),
    )


def energy(run: Result) -> Finding:
    """The momentum reaches all energies of the posterior."""
    recorded = _stat(run, "energy")
    if recorded is None:
        return _unrecorded("E-BFMI", f"> {E_BFMI}", "sample_stats.energy")
    from arviz_stats import bfmi  # pyright: ignore[reportPrivateImportUsage]

    with np.errstate(all="ignore"):
        values = np.atleast_1d(bfmi(recorded.to_dataset(name="energy"))["energy"].values)
    if np.all(np.isnan(values)):
        return Finding("note", "E-BFMI", "not available: the energy is constant", f"> {E_BFMI}", "")
    smallest = float(np.nanmin(values))
    low = int(np.sum(values <= E_BFMI))
    return Finding(
        "problem" if low else "good",
        "E-BFMI",
        f"{smallest:.2f} in the worst chain" + (f"; {low} of {len(values)} chains are below" if low else ""),
        f"> {E_BFMI}",
        (
            "tails are explored too slowly: run a longer warmup, use a lighter-tailed prior for scales"
            " (HalfNormal for HalfCauchy), write hierarchies as Pooled(...)"
            if low
            else ""
        ),
    )


def tree_depth(run: Result) -> Finding | None:
    """Trajectories end by themselves."""
    reached = _stat(run, "reached_max_treedepth")
    if reached is None:
        # Engines without trees (HMC, MCLMC) have nothing to saturate.
        return (
            None
            if _stat(run, "tree_depth") is None
            else _unrecorded("tree depth", "below the maximum", "sample_stats.reached_max_treedepth")
        )
    flags = np.asarray(reached.values).astype(bool)
    count = int(flags.sum())
    return Finding(
        "good" if not count else "problem" if count > SATURATED * flags.size else "warning",
        "tree depth",
        f"{count} of {flags.size} draws at the maximum" if count else "never at the maximum",
        "below the maximum",
        (
            "use a dense or low-rank metric (a diagonal one makes every trajectory of a sloppy model too"
            " long), whiten with the Hessian at the mode, or raise the maximal depth"
            if count
            else ""
        ),
    )


def interrupted(run: Result) -> Finding | None:
    """The run went to its end."""
    if not flag(run.attrs.get("interrupted", False)):
        return None
    draws, wanted = run.posterior.sizes["draw"], number(run.attrs, "draws")
    return Finding(
        "warning",
        "interrupted run",
        f"stopped after {draws} draws a chain",
        "all draws" if wanted is None else f"{wanted:.0f} draws a chain",
        "what is here are valid draws, only fewer; run again, or continue, if the effective sample sizes are"
        " too small",
    )


def learnt(run: Result) -> Finding:
    """The data said something about every parameter, and agree with its prior."""
    expected = f"contraction > {CONTRACTION}"
    rows = [row for row in run.varying if not math.isnan(row.contraction)]
    if not rows:
        return Finding(
            "note",
            "what was learnt",
            "not available: no prior draws",
            expected,
            "keep the prior group in the tree to compare it with the posterior",
        )
    wider = [row for row in rows if row.contraction < -CONTRACTION and _is_wider(run, row)]
    silent = [row.name for row in rows if row.contraction < CONTRACTION and row not in wider]
    nothing = f"nothing about {listed(silent, NAMED)}"
    coordinates = coordinate_names(row.name for row in run.table)
    parameters = [row for row in rows if row.name not in coordinates] or rows
    if wider:
        names = [f"{row.name} ({math.sqrt(1.0 - row.contraction):.2g} times)" for row in wider]
        return Finding(
            "warning",
            "what was learnt",
            f"the posterior is wider than the prior: {listed(names, NAMED)}"
            + (f"; {nothing}" if silent else ""),
            expected,
            "data and prior disagree there, or the chains have not converged: look at R-hat first; then plot"
            " prior and posterior (nmm.viz.prior_posterior), and widen or move the prior if it excludes what"
            " the data say",
        )
    return Finding(
        "note" if silent else "good",
        "what was learnt",
        (
            nothing
            if silent
            else f"every parameter, the least {min(parameters, key=lambda row: row.contraction).name}"
        ),
        expected,
        (
            "there the posterior is the prior: report it as such, fix the parameter, or measure something"
            " that depends on it"
            if silent
            else ""
        ),
    )


def _is_wider(run: Result, row: Row) -> bool:
    """Whether the variance of the posterior exceeds the prior's by more than the noise of both; of many
    values, in their middle.
    """
    after, before = run.posterior[row.name], run.prior[row.name]
    n_after = after.sizes["chain"] * after.sizes["draw"] if math.isnan(row.ess_bulk) else row.ess_bulk
    n_before = math.prod(before.sizes[dim] for dim in ("chain", "draw") if dim in before.sizes)
    (variance, error), (width, noise) = _variance(after, n_after), _variance(before, n_before)
    with np.errstate(all="ignore"):
        ratio = variance / width
        excess = ratio * (1.0 - CERTAIN * (error**2 + noise**2) ** 0.5) - 1.0
    return bool(excess.median() > 0.0)


def _variance(data: Any, n: float) -> tuple[Any, Any]:
    """Variance of each element, and its relative standard error for `n` independent draws; heavy tails have a
    large one.
    """
    dims = [dim for dim in ("chain", "draw") if dim in data.dims]
    centred = data - data.mean(dims)
    variance = (centred**2).mean(dims)
    kurtosis = (centred**4).mean(dims) / variance.where(variance > 0) ** 2
    return variance, ((kurtosis - 1.0).clip(0.0) / n) ** 0.5


def apart(run: Result) -> Finding | None:
    """The chains are in one place."""
    from ._multimodality import finding

    return finding(run.posterior, run.stats)


def _ess(run: Result, what: str, value: Callable[[Row], float], purpose: str) -> Finding:
    rows = [row for row in run.varying if not math.isnan(value(row))]
    if not rows:
        return _nothing(what, f"> {ESS:.0f}")
    worst = min(rows, key=value)
    bad = [row for row in rows if value(row) <= ESS]
    more = math.ceil(2 * ESS / max(value(worst), 1.0)) / 2
    total = run.posterior.sizes["chain"] * run.posterior.sizes["draw"]
    factor = (
        f"about {more:.2g} times as many draws"
        if more <= 10
        else f"there are {total} draws in all; begin with {DRAWS} in each chain"
        if total < DRAWS
        else "not more draws first: see R-hat and divergences, then use a dense or low-rank metric"
    )
    return Finding(
        "problem" if bad else "good",
        what,
        f"{value(worst):.0f} at {worst.name}"
        + (f"; {len(bad)} of {len(rows)} parameters are below" if bad else ""),
        f"> {ESS:.0f}",
        f"too few independent draws for {purpose}: {factor}{down_to_nothing(run, worst)}" if bad else "",
    )


def _chains_disagree(run: Result, value: float) -> str:
    places = apart(run)
    if value > 1.1 and not (places is not None and places.severity == "good"):
        return (
            "the chains are in different places: start them from the prior or from the mode, not from uniform"
            " unconstrained values; if each stays where it is, the posterior has several modes and needs a"
            " more informative prior, SMC, or stacking of chains"
        )
    return "run a longer warmup and more draws; if that does not help, use a dense or low-rank metric"


def _stat(run: Result, name: str) -> Any:
    return run.stats[name] if run.stats is not None and name in run.stats else None


def _unrecorded(what: str, expected: str, name: str) -> Finding:
    return Finding(
        "warning",
        what,
        "not recorded",
        expected,
        f"the tree has no {name}: keep sample_stats when saving, it cannot be recomputed",
    )


def _nothing(what: str, expected: str, severity: Severity = "note") -> Finding:
    return Finding(
        severity,
        what,
        "not available: every parameter is constant",
        expected,
        "give at least one slot a Prior",
    )


def _element(name: str, element: str) -> str:
    return f"{name}[{element}]" if element else name


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 10 else "above 10"
