"""Chains in different modes, combined by what they predict."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ._leave_one_out import FEWEST, leave_one_out

# A weight below this is no draw in a thousand.
NEGLIGIBLE = 1e-3


def stack(tree: Any) -> Any:
    """Weights the chains of a result by stacking, and resamples it: chains that do not mix need not count
    alike.

    The weights w maximise Σ_i log Σ_k w_k p(y_i | y_-i, chain k), with leave-one-out predictive densities by
    PSIS (Yao, Vehtari, Gelman 2022, JMLR 23:79). That is the mixture of modes that predicts best, not the
    posterior: where the modes' posterior masses are wanted, use SMC. Chains that agree get weights that mean
    nothing, and need no stacking.

    Args:
        tree: with several chains in `posterior` and `log_likelihood`.

    Returns:
        A tree of one chain, the draws of each chain thinned evenly to its share; attribute `stacking_weights`
        has the weights by chain, coordinate `source_chain` of the draws says where each is from.

    Raises:
        ValueError: one chain, too few draws, or no pointwise log likelihood.
    """
    import xarray as xr

    for name in ("posterior", "log_likelihood"):
        if name not in tree.children:
            raise ValueError(
                f"stack(tree) needs the group {name!r}, got {', '.join(tree.children) or 'no groups'}; pass"
                " what an engine of nmm.infer returned"
            )
    chains, draws = tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]
    if chains < 2:
        raise ValueError("stack(tree) got one chain, expected at least 2: there is nothing to weigh")
    if draws < FEWEST:
        raise ValueError(
            f"stack(tree) got {draws} draws a chain, expected at least {FEWEST}: leave-one-out needs them;"
            " draw more"
        )
    posterior, pointwise = tree["posterior"].to_dataset(), tree["log_likelihood"].to_dataset()
    left_out = [
        leave_one_out(posterior.isel(chain=[chain]), pointwise.isel(chain=[chain])) for chain in range(chains)
    ]
    w = stacking_weights(np.stack([one.elpd for one in left_out], axis=1))
    w = np.where(w < NEGLIGIBLE, 0.0, w)
    w /= w.sum()
    groups = {}
    for name, child in tree.children.items():
        dataset = child.to_dataset()
        if {"chain", "draw"} <= set(dataset.sizes) and dataset.sizes["chain"] == chains:
            groups[name] = _resampled(dataset, w)
        else:
            groups[name] = dataset
    stacked = xr.DataTree.from_dict(groups)
    stacked.attrs = {**tree.attrs, "stacking_weights": w, "stacked_draws": int(draws * chains)}
    return stacked


def stacking_weights(elpd: Float[np.ndarray, "observation model"]) -> Float[np.ndarray, " model"]:
    """w ≥ 0 with sum 1 that maximises Σ_i log Σ_k w_k exp(elpd_ik) (Yao, Vehtari, Simpson, Gelman 2018).

    Only differences between models matter, so each observation is compared with its best model: densities of
    spectra over- and underflow.
    """
    from scipy.optimize import Bounds, LinearConstraint, minimize

    p = np.exp(elpd - elpd.max(axis=1, keepdims=True))
    k = p.shape[1]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(p @ w, 1e-300)
        return -float(np.log(mixed).mean()), -(p / mixed[:, None]).mean(axis=0)

    found = minimize(
        loss,
        np.full(k, 1.0 / k),
        jac=True,
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(np.ones(k), 1.0, 1.0),
        method="SLSQP",
    )
    w = np.clip(found.x, 0.0, None)
    return w / w.sum()


def _resampled(dataset: Any, w: np.ndarray) -> Any:
    """Evenly spaced draws of each chain, as many as its weight says, as one chain."""
    import xarray as xr

    draws = dataset.sizes["draw"]
    counts = np.round(w * draws / w.max()).astype(int)
    pieces = []
    for chain, count in enumerate(counts):
        if count:
            chosen = np.linspace(0, draws - 1, count).round().astype(int)
            piece = dataset.isel(chain=chain, draw=chosen).drop_vars("chain", errors="ignore")
            pieces.append(piece.assign_coords(source_chain=("draw", np.full(count, chain))))
    together = xr.concat(
        pieces,
        dim="draw",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    together = together.assign_coords(draw=np.arange(counts.sum())).expand_dims(chain=[0])
    return together.assign_coords(source_chain=("draw", np.repeat(np.arange(w.size), counts)))
