"""Predictive densities of left-out observations."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

# Draws without which importance weights have no tail to smooth.
FEWEST = 25
# Relative spread of a log likelihood over the draws that is rounding.
ROUNDING = 1e-12


class LeftOut(NamedTuple):
    """PSIS-LOO of every observation.

    Fields:
        elpd: log predictive density given all others.
        p_loo: effective number of parameters.
        pareto_k: reliability of each.
    """

    elpd: Float[np.ndarray, " observation"]
    p_loo: float
    pareto_k: Float[np.ndarray, " observation"]


def leave_one_out(posterior: Any, log_likelihood: Any) -> LeftOut:
    """Leave-one-out by Pareto-smoothed importance sampling (Vehtari, Gelman, Gabry 2017), of all sites.

    Observations whose density no parameter changes, such as a sample at a fixed initial state, have that
    density; ArviZ's estimate has no tail to fit there, and refuses.

    Args:
        posterior, log_likelihood: Datasets with chain and draw, the second pointwise.
    """
    import xarray as xr
    from arviz_stats import loo  # pyright: ignore[reportPrivateImportUsage]

    elpd, p_loo, pareto_k = [], 0.0, []
    for data in log_likelihood.data_vars.values():
        values = np.asarray(data.transpose("chain", "draw", ...).values, dtype=np.float64)
        values = values.reshape(*values.shape[:2], -1)
        own, k = values[0, 0].copy(), np.zeros(values.shape[2])
        varies = np.ptp(values, axis=(0, 1)) > ROUNDING * (1.0 + np.abs(values).max(axis=(0, 1)))
        if varies.any():
            flat = xr.Dataset(
                {"y": (("chain", "draw", "observation"), values[..., varies])},
                coords={dim: posterior[dim] for dim in ("chain", "draw")},
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # high Pareto k are counted and reported in words
                found: Any = loo(
                    xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": flat}),
                    var_name="y",
                    pointwise=True,
                )
            own[varies], k[varies] = np.asarray(found.elpd_i).ravel(), np.asarray(found.pareto_k).ravel()
            p_loo += float(found.p)
        elpd.append(own)
        pareto_k.append(k)
    return LeftOut(np.concatenate(elpd), p_loo, np.concatenate(pareto_k))
