"""Do single observations decide the posterior?"""

import math
from typing import Any

import numpy as np

from ._criteria import PARETO_K, Result
from ._finding import Finding

# Observations that are looked at, evenly spaced; each costs a fit of a tail to all draws.
MOST = 300
FEWEST_DRAWS = 100
# Of so few, each decides something: that is no fault of any.
FEWEST_OBSERVATIONS = 20


def influential(run: Result) -> Finding | None:
    """No observation is so unlike the others that the draws cannot say what the posterior would be without it
    (PSIS-LOO; Vehtari et al. 2024).
    """
    if (
        run.log_likelihood is None
        or run.posterior.sizes["chain"] * run.posterior.sizes["draw"] < FEWEST_DRAWS
    ):
        return None
    kept = [data for data in run.log_likelihood.data_vars.values() if {"chain", "draw"} <= set(data.dims)]
    if not kept:
        return None
    values = [_pointwise(data) for data in kept]
    dims = {str(dim) for data in kept for dim in data.dims}
    from arviz_stats.base.array import array_stats

    pointwise = np.concatenate(values, axis=1)
    # Constant ones (a sample at a fixed initial state) have no tail, and no influence.
    pointwise = pointwise[:, np.isfinite(pointwise).all(axis=0) & (np.ptp(pointwise, axis=0) > 0)]
    total = pointwise.shape[1]
    if total < FEWEST_OBSERVATIONS:
        return None
    chosen = np.unique(np.linspace(0, total - 1, min(total, MOST)).astype(int))
    try:
        with np.errstate(all="ignore"):
            # The weights without an observation are 1/likelihood; the sign is taken inside.
            k = np.asarray(array_stats.psislw(pointwise[:, chosen], axis=0)[1])
    except (
        ValueError
    ):  # chains that stand still have the same number in all of a tail: they have no shape, and R-hat says so
        return None
    limit = min(1.0 - 1.0 / math.log10(len(pointwise)), PARETO_K)
    bad = int(np.sum(k > limit))
    of = f"{len(chosen)} of {total}" if len(chosen) < total else f"{total}"
    what = "frequency bands" if "frequency" in dims else "observations"
    return Finding(
        "warning" if bad else "good",
        "Pareto k (LOO)",
        f"{bad} of {of} {what} above, at most {np.nanmax(k):.2f}",
        f"< {limit:.2f}",
        _remedy(dims) if bad else "",
    )


def _remedy(dims: set[str]) -> str:
    """What helps, by what the observations are."""
    if "frequency" in dims:
        look = (
            "look at them (nmm.viz.spectra) for artefacts and lines of the mains, leave them out of the"
            " likelihood's band, or give the measurement a noise of its own (Spectral(noise=Prior(...)))"
        )
    elif "time" in dims:
        look = "look at them for artefacts, use a likelihood with heavier tails (StudentT)"
    else:
        look = "look at them for artefacts"
    return (
        "these pull the posterior so much that leave-one-out comparisons (az.loo) are not to be trusted:"
        f" {look}, or compare models by evidence or by leaving out whole subjects"
    )


def _pointwise(data: Any) -> np.ndarray:
    """Log likelihoods, `["draw observation"]`."""
    values = np.asarray(data.transpose("chain", "draw", ...).values, dtype=np.float64)
    return values.reshape(values.shape[0] * values.shape[1], -1)
