"""Can these draws be trusted?"""

import re
from typing import Any

from .criteria import Criterion, Run, apart, divergences, energy, ess_bulk, ess_tail, failed_simulations, finite, interrupted, learnt, r_hat, tree_depth
from .diagnosis import Diagnosis
from .groups import group, number, require_posterior
from .influence import influential
from .special import approximation, energy_error, optimisation, particles, temperatures
from .table import rows

# Engines whose draws are independent draws of an approximation, for which chains prove nothing.
_APPROXIMATE = re.compile(r"^(SVI|Laplace|Pathfinder|MAP|CMAES)\b", re.IGNORECASE)  # the engine itself, not its metric

_CONVERGED: tuple[Criterion, ...] = (finite, r_hat, ess_bulk, ess_tail, apart)
_ALWAYS: tuple[Criterion, ...] = (failed_simulations, interrupted, influential, learnt)
SAMPLED: tuple[Criterion, ...] = (*_CONVERGED, divergences, energy, tree_depth, *_ALWAYS)
# Without a Metropolis test there is no energy to conserve, and "diverging" means NaN.
INEXACT: tuple[Criterion, ...] = (*_CONVERGED, divergences, energy_error, *_ALWAYS)
POPULATIONS: tuple[Criterion, ...] = (*_CONVERGED, particles, temperatures, *_ALWAYS)
APPROXIMATED: tuple[Criterion, ...] = (finite, approximation, optimisation, failed_simulations, interrupted, learnt)


def diagnose(tree: Any) -> Diagnosis:
    """Checks the draws of a `DataTree` against the criteria of the field; print the result.

    Chains (NUTS, HMC): rank-normalised R-hat < 1.01, bulk and tail effective sample sizes > 400, chains in one place, no divergence, E-BFMI > 0.3, no
    saturated trees. MCLMC, which is not exact: its energy error in place of the last two. SMC: distinct particles, and temperatures that reached the
    posterior. SVI, Laplace, Pathfinder and other approximations: their optimisation and Pareto k-hat. All: failed simulations, single
    observations that decide (Pareto k of leave-one-out), and how much the data narrowed each prior.

    Raises:
        ValueError: the tree has no posterior.
    """
    posterior = require_posterior(tree, "diagnose(tree)")
    prior, optimization, tempering = (group(tree, name) for name in ("prior", "optimization", "tempering"))
    engine = str(tree.attrs.get("engine", tree.attrs.get("inference_library", "unknown engine")))
    approximate = bool(_APPROXIMATE.search(engine)) or optimization is not None
    table = rows(posterior, prior)
    if approximate:
        # Independent draws of one approximation: these numbers would look perfect and mean nothing.
        nan = float("nan")
        table = tuple(row._replace(r_hat=nan, ess_bulk=nan, ess_tail=nan, worst="") for row in table)
    run = Run(engine, posterior, group(tree, "sample_stats"), prior, optimization, tempering, group(tree, "log_likelihood"), dict(tree.attrs), table)
    checks = [criterion(run) for criterion in _criteria(run, approximate)]
    return Diagnosis(engine, posterior.sizes["chain"], posterior.sizes["draw"], tuple(check for check in checks if check is not None), table)


def _criteria(run: Run, approximate: bool) -> tuple[Criterion, ...]:
    """Those that have a meaning for the engine, by what it recorded."""
    if approximate:
        return APPROXIMATED
    if run.tempering is not None:
        return POPULATIONS
    return INEXACT if number(run.attrs, "exact") == 0 else SAMPLED
