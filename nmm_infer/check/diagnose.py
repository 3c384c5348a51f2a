"""Can these draws be trusted?"""

import re
from typing import Any

from .criteria import APPROXIMATED, SAMPLED, Run
from .diagnosis import Diagnosis
from .groups import group, require_posterior
from .table import rows

# Engines whose draws are independent draws of an approximation, for which chains prove nothing.
_APPROXIMATE = re.compile(r"^(SVI|Laplace|Pathfinder|MAP|CMAES)\b", re.IGNORECASE)  # the engine itself, not its metric


def diagnose(tree: Any) -> Diagnosis:
    """Checks the draws of a `DataTree` against the criteria of the field; print the result.

    Rank-normalised R-hat < 1.01, bulk and tail effective sample sizes > 400, no divergence, E-BFMI > 0.3, no saturated trees, no failed
    simulations, and how much the data narrowed each prior. Draws of SVI and other approximations are judged by their optimisation and,
    if it was recorded, by Pareto k-hat.

    Raises:
        ValueError: the tree has no posterior.
    """
    posterior = require_posterior(tree, "diagnose(tree)")
    prior, optimization = group(tree, "prior"), group(tree, "optimization")
    engine = str(tree.attrs.get("engine", tree.attrs.get("inference_library", "unknown engine")))
    approximate = bool(_APPROXIMATE.search(engine)) or optimization is not None
    table = rows(posterior, prior)
    if approximate:
        # Independent draws of one approximation: these numbers would look perfect and mean nothing.
        nan = float("nan")
        table = tuple(row._replace(r_hat=nan, ess_bulk=nan, ess_tail=nan, worst="") for row in table)
    run = Run(engine, posterior, group(tree, "sample_stats"), prior, optimization, dict(tree.attrs), table)
    checks = [criterion(run) for criterion in (APPROXIMATED if approximate else SAMPLED)]
    return Diagnosis(engine, posterior.sizes["chain"], posterior.sizes["draw"], tuple(check for check in checks if check is not None), table)
