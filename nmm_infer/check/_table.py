"""The posterior in rows: one for each parameter, a regional one summarised by its worst and its middle."""

import math
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

# Fractions of the draws below the ends of the reported interval.
TAILS = (0.05, 0.95)


class Row(NamedTuple):
    """One parameter.

    A parameter of many values (regions) has the smallest effective sample sizes and the largest R-hat of
    them, its `mean`, `sd` and interval are of the draws pooled over them, and `contraction` is their median.
    `worst` names the element with the largest R-hat, `most` and `least` those that the data taught most and
    least. What does not apply is NaN or "".
    """

    name: str
    unit: str
    size: int
    mean: float
    sd: float
    low: float
    high: float
    r_hat: float
    ess_bulk: float
    ess_tail: float
    contraction: float
    contraction_low: float
    contraction_high: float
    worst: str
    most: str
    least: str
    constant: bool
    finite: bool


def rows(posterior: Any, prior: Any) -> tuple[Row, ...]:
    """A row for each numeric variable of `posterior`; `prior` (a Dataset or None) has draws under the same
    names.
    """
    numeric = {
        name: data
        for name, data in posterior.data_vars.items()
        if data.dtype.kind in "fiu" and {"chain", "draw"} <= set(data.dims)
    }
    return tuple(
        _row(str(name), data, None if prior is None or name not in prior else prior[name])
        for name, data in numeric.items()
    )


def coordinate_names(names: Iterable[str]) -> set[str]:
    """Those of coordinates in which a pooled parameter was sampled: `model.tau.x` where `model.tau` is there,
    too.
    """
    every = set(names)
    return {name for name in every if name.endswith((".z", ".x")) and name[:-2] in every}


def contraction(posterior: Any, prior: Any) -> Any:
    """1 - var(posterior) / var(prior) of each element: 0 nothing learnt, 1 everything; NaN where the prior is
    a constant.

    Betancourt 2018 (arXiv:1803.08393). Below 0 the posterior is wider than the prior.
    """
    before = prior.var([dim for dim in ("chain", "draw") if dim in prior.dims])
    after = posterior.var(["chain", "draw"])
    if set(before.dims) != set(after.dims):
        return after * math.nan
    # The scale sets what counts as a constant: variances of 1e-30 are rounding.
    return (1.0 - after / before.where(before > 1e-24 * (1.0 + prior.mean() ** 2))).rename(posterior.name)


def element_label(data: Any, index: int) -> str:
    """The coordinate of element `index` of a flattened variable without chain and draw: "L.PCU"; "" for a
    scalar.
    """
    if data.ndim == 0:
        return ""
    position = np.unravel_index(index, data.shape)
    return ", ".join(str(data[dim].values[i]) for dim, i in zip(data.dims, position, strict=True))


def _row(name: str, data: Any, prior: Any) -> Row:
    data = data.transpose("chain", "draw", ...)
    draws = np.asarray(data.values, dtype=np.float64)
    finite = bool(np.all(np.isfinite(draws)))
    varies = np.ptp(draws, axis=(0, 1)) > 0
    r_hat, bulk, tail = (np.where(varies, values, math.nan) for values in convergence(data, draws))
    learnt = contraction(data, prior) if prior is not None else data.isel(chain=0, draw=0) * math.nan
    gains = np.where(varies, learnt.transpose(*data.dims[2:]).values, math.nan)
    element = data.isel(chain=0, draw=0)
    low, high = np.nanquantile(draws, TAILS) if np.any(np.isfinite(draws)) else (math.nan, math.nan)
    return Row(
        name=name,
        unit=str(data.attrs.get("units", "")),
        size=int(varies.size),
        mean=float(draws.mean()),
        sd=float(draws.std()),
        low=float(low),
        high=float(high),
        r_hat=_reduce(np.nanmax, r_hat),
        ess_bulk=_reduce(np.nanmin, bulk),
        ess_tail=_reduce(np.nanmin, tail),
        contraction=_reduce(np.nanmedian, gains),
        contraction_low=_reduce(np.nanmin, gains),
        contraction_high=_reduce(np.nanmax, gains),
        worst=_name_of(np.nanargmax, r_hat, element),
        most=_name_of(np.nanargmax, gains, element),
        least=_name_of(np.nanargmin, gains, element),
        constant=not bool(np.any(varies)),
        finite=finite,
    )


def convergence(data: Any, draws: np.ndarray) -> tuple[Any, Any, Any]:
    """R-hat, bulk and tail effective sample size of every element; R-hat is NaN with one chain."""
    from arviz_stats import ess, rhat  # pyright: ignore[reportPrivateImportUsage]

    dataset = data.rename("value").to_dataset()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # constant elements divide by zero; they are masked by the caller
        r_hat = np.asarray(rhat(dataset)["value"].values)
        bulk, tail = (np.asarray(ess(dataset, method=method)["value"].values) for method in ("bulk", "tail"))
    if draws.shape[0] > 1:
        # Chains that do not move at all, each in its own place: 0/0, and the worst there is.
        r_hat = np.where(np.isnan(r_hat), math.inf, r_hat)
    return r_hat, bulk, tail


def _reduce(function: Any, values: np.ndarray) -> float:
    return float(function(values)) if not np.all(np.isnan(values)) else math.nan


def _name_of(function: Any, values: np.ndarray, element: Any) -> str:
    return "" if np.all(np.isnan(values)) else element_label(element, int(function(values)))
