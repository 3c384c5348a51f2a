"""Which conduction speeds a compiled program must be ready for."""

import warnings
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from ..priors._base import AbstractPrior
from ..priors._prior import Prior

# Conduction in the brain, unmyelinated to the fastest myelinated fibres, in mm/ms = m/s.
PHYSIOLOGICAL = (0.5, 20.0)
# How far into the tails of an unbounded prior the solver is ready to go.
TAIL = 1e-4
# Memory for delays is reserved down to this fraction of the median speed: a prior that reaches zero would ask
# for delays without end.
SLOWER = 50.0
# How much of a prior may lie below that, and from where on it is worth a word.
MOST_LOST, LEAST_LOST = 0.1, 1e-3
# From which quantiles are taken that have no formula.
DRAWS = 20_000


class SpeedRange(NamedTuple):
    """Slowest and fastest speed in mm/ms: the one sizes the history, the other the blocks."""

    slowest: float
    fastest: float


def speed_range(speed: Any) -> SpeedRange:
    """The range of a value, of a prior's mass but its tails, or of physiology where nothing is known (a
    traced value).
    """
    if isinstance(speed, Tracer):
        return SpeedRange(*PHYSIOLOGICAL)
    if isinstance(speed, Prior):
        return _prior_range(speed)
    if isinstance(speed, AbstractPrior):
        return SpeedRange(*PHYSIOLOGICAL)
    return SpeedRange(float(np.min(speed)), float(np.max(speed)))


def _prior_range(prior: Prior) -> SpeedRange:
    """What the prior can reach, but for its tails and speeds so slow that nothing could be reserved for their
    delays, of which it warns.
    """
    low, middle, high = (
        prior.scale * quantile for quantile in _quantiles(prior.distribution, (TAIL, 0.5, 1.0 - TAIL))
    )
    if not (0 < middle <= high < np.inf):
        raise ValueError(_refusal(low, high))
    slowest = max(low, middle / SLOWER)
    if slowest > low:
        lost = float(np.mean(prior.scale * _draws(prior.distribution) < slowest))
        if lost > MOST_LOST:
            raise ValueError(_refusal(low, high))
        if lost > LEAST_LOST:
            warnings.warn(
                f"Network(speed=Prior(...)): speeds below {slowest:.2g} mm/ms, {100 * lost:.1f} % of the"
                " prior, have density zero: their delays would fill the memory; use a prior away from zero,"
                " such as dist.LogNormal, or pass speed_range=(slowest, fastest)",
                stacklevel=5,
            )
    return SpeedRange(slowest, high)


def _quantiles(distribution: Any, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Of all of a batch; from draws where NumPyro has none, or only with a package that is not installed."""
    try:
        values = [np.asarray(distribution.icdf(level)) for level in levels]
    except (NotImplementedError, ImportError):
        draws = _draws(distribution)
        values = [np.quantile(draws, level, axis=0) for level in levels]
    first, *between, last = values
    return (float(np.min(first)), *(float(np.median(value)) for value in between), float(np.max(last)))


def _draws(distribution: Any) -> np.ndarray:
    return np.asarray(distribution.sample(jax.random.key(0), (DRAWS,)))


def _refusal(low: float, high: float) -> str:
    return (
        f"Network(speed=Prior(...)) puts mass on {low:g} to {high:g} mm/ms, expected positive finite speeds;"
        " use for instance dist.TruncatedNormal(6.0, 2.0, low=1.0) or dist.LogNormal, or pass"
        " speed_range=(slowest, fastest)"
    )
