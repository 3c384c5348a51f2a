"""Can these draws be trusted?"""

from typing import Any

from ...results import Kind
from .._groups import group, number, require_posterior
from .._table import rows
from ._branches import branches
from ._criteria import (
    Criterion,
    Result,
    apart,
    divergences,
    energy,
    ess_bulk,
    ess_tail,
    finite,
    interrupted,
    learnt,
    moving,
    r_hat,
    tree_depth,
)
from ._criteria_by_engine import approximation, energy_error, optimisation, particles, temperatures
from ._diagnosis import Diagnosis
from ._edges_of_stability import failed_simulations, walls
from ._influence import influential

_CONVERGED: tuple[Criterion, ...] = (finite, moving, r_hat, ess_bulk, ess_tail, apart)
_ALWAYS: tuple[Criterion, ...] = (walls, failed_simulations, branches, interrupted, influential, learnt)
SAMPLED: tuple[Criterion, ...] = (*_CONVERGED, divergences, energy, tree_depth, *_ALWAYS)
# Without a Metropolis test there is no energy to conserve, and "diverging" means NaN.
INEXACT: tuple[Criterion, ...] = (*_CONVERGED, divergences, energy_error, *_ALWAYS)
POPULATIONS: tuple[Criterion, ...] = (*_CONVERGED, particles, temperatures, *_ALWAYS)
APPROXIMATED: tuple[Criterion, ...] = (
    finite,
    moving,
    approximation,
    optimisation,
    walls,
    failed_simulations,
    branches,
    interrupted,
    learnt,
)
CRITERIA: dict[Kind, tuple[Criterion, ...]] = {
    Kind.CHAINS: SAMPLED,
    Kind.INEXACT: INEXACT,
    Kind.POPULATIONS: POPULATIONS,
    Kind.APPROXIMATION: APPROXIMATED,
    Kind.POINT: APPROXIMATED,
}


def diagnose(tree: Any, *, coordinates: bool = False) -> Diagnosis:
    """Checks the draws of a `DataTree` against the criteria of the field; print the result.

    Chains (NUTS, HMC): rank-normalised R-hat < 1.01, bulk and tail effective sample sizes > 400, chains in
    one place, no divergence, E-BFMI > 0.3, no saturated trees. MCLMC, which is not exact: its energy error in
    place of the last two. SMC: distinct particles, and temperatures that reached the posterior. SVI, Laplace,
    Pathfinder and other approximations: their optimisation and Pareto k-hat. All: failed simulations, how
    many proposals ended where the density is zero and why, networks that rest on several branches of fixed
    points, single observations that decide (Pareto k of leave-one-out), and how much the data narrowed each
    prior.

    Args:
        tree: the result.
        coordinates: whether what is printed has rows, too, for the coordinates in which pooled parameters
            were sampled (`.x`, `.z`). They are checked in any case.

    Raises:
        ValueError: the tree has no posterior.
    """
    posterior = require_posterior(tree, "diagnose(tree)")
    prior, optimization, tempering = (group(tree, name) for name in ("prior", "optimization", "tempering"))
    engine = str(tree.attrs.get("engine", tree.attrs.get("inference_library", "unknown engine")))
    kind = kind_of(tree)
    table = rows(posterior, prior)
    if kind in (Kind.APPROXIMATION, Kind.POINT):
        # Independent draws of one approximation: these numbers would look perfect and mean nothing.
        nan = float("nan")
        table = tuple(row._replace(r_hat=nan, ess_bulk=nan, ess_tail=nan, worst="") for row in table)
    stats, pointwise, rest = (group(tree, name) for name in ("sample_stats", "log_likelihood", "rest"))
    run = Result(
        engine,
        kind,
        posterior,
        stats,
        prior,
        optimization,
        tempering,
        pointwise,
        rest,
        dict(tree.attrs),
        table,
    )
    checks = [criterion(run) for criterion in CRITERIA[kind]]
    return Diagnosis(
        engine,
        posterior.sizes["chain"],
        posterior.sizes["draw"],
        tuple(check for check in checks if check is not None),
        table,
        coordinates,
    )


def kind_of(tree: Any) -> Kind:
    """What the draws of a tree are: in its own word, or by the groups that it has, if it is older than that
    word or another library's.
    """
    told = tree.attrs.get("draws_are")
    if told in list(Kind):
        return Kind(told)
    if group(tree, "tempering") is not None:
        return Kind.POPULATIONS
    sizes = require_posterior(tree, "diagnose(tree)").sizes
    if sizes["chain"] * sizes["draw"] == 1:
        return Kind.POINT
    if group(tree, "optimization") is not None:
        return Kind.APPROXIMATION
    return Kind.INEXACT if number(tree.attrs, "exact") == 0 else Kind.CHAINS
