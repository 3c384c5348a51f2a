"""One simulation judged: where the truth lies among the draws."""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._table import TAILS
from ._ecdf_band import rank


class Judgement(NamedTuple):
    """What is kept of a posterior whose truth is known, one value for each parameter; `r_hat` is the largest
    of them.

    `rank` is that of the truth among draws thinned to about independent ones, `ess` how many these were
    worth, `low` and `high` are the ends of the 90 % interval.
    """

    truth: np.ndarray
    rank: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ess: np.ndarray
    r_hat: np.ndarray


def judge(
    draws: Float[np.ndarray, "chain draw parameter"],
    truth: Float[np.ndarray, " parameter"],
    rng: np.random.Generator,
) -> Judgement:
    """Ranks, moments and intervals.

    Draws are thinned, parameter by parameter, by the smaller of bulk and tail effective sample size: ranks
    among correlated draws are not uniform even if the posterior is right.
    """
    pooled = draws.reshape(-1, draws.shape[-1])
    worth = effective(draws)
    ranks = np.empty(len(truth))
    for i, size in enumerate(worth):
        step = max(1, math.ceil(len(pooled) / size))
        ranks[i] = rank(draws[:, ::step, i].reshape(-1), truth[i], rng)
    with np.errstate(invalid="ignore"):  # a log likelihood of -inf has no mean
        low, high = np.quantile(pooled, TAILS, axis=0)
        sd = pooled.std(axis=0, ddof=1) if len(pooled) > 1 else np.full(len(truth), math.nan)
        mean = pooled.mean(axis=0)
    return Judgement(truth, ranks, mean, sd, low, high, worth, np.asarray(r_hat(draws)))


def effective(draws: Float[np.ndarray, "chain draw parameter"]) -> Float[np.ndarray, " parameter"]:
    """The smaller of bulk and tail effective sample size; all draws where there are too few of them to tell,
    or where they are constant.
    """
    total = draws.shape[0] * draws.shape[1]
    if draws.shape[1] < 4:
        return np.full(draws.shape[-1], float(total))
    stats = _array_stats()
    with np.errstate(all="ignore"):
        bulk = stats.ess(draws, chain_axis=0, draw_axis=1, method="bulk")
        tail = stats.ess(draws, chain_axis=0, draw_axis=1, method="tail", prob=TAILS)
    worth = np.fmin(bulk, tail)
    return np.clip(np.where(np.isfinite(worth), worth, total), 1.0, total)


def r_hat(draws: np.ndarray) -> float:
    """The largest; NaN with one chain, for which it means nothing."""
    if draws.shape[0] < 2 or draws.shape[1] < 4:
        return math.nan
    with np.errstate(all="ignore"):
        values = _array_stats().rhat(draws, chain_axis=0, draw_axis=1)
    values = values[np.ptp(draws, axis=(0, 1)) > 0]
    return float(np.nanmax(values, initial=1.0))


def _array_stats() -> Any:
    from arviz_stats.base.array import array_stats

    return array_stats
