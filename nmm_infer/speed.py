"""Which conduction speeds a compiled program must be ready for."""

from typing import Any, NamedTuple

import numpy as np
from jax.core import Tracer

from .priors.base import AbstractPrior
from .priors.prior import Prior

# Conduction in the brain, unmyelinated to the fastest myelinated fibres, in mm/ms = m/s.
PHYSIOLOGICAL = (0.5, 20.0)
# How far into the tails of an unbounded prior the solver is ready to go.
TAIL = 1e-4


class SpeedRange(NamedTuple):
    """Slowest and fastest speed in mm/ms: the one sizes the history, the other the blocks."""

    slowest: float
    fastest: float


def speed_range(speed: Any) -> SpeedRange:
    """The range of a value, of a prior's mass but its tails, or of physiology where nothing is known (a traced value)."""
    if isinstance(speed, Tracer):
        return SpeedRange(*PHYSIOLOGICAL)
    if isinstance(speed, Prior):
        return _prior_range(speed)
    if isinstance(speed, AbstractPrior):
        return SpeedRange(*PHYSIOLOGICAL)
    return SpeedRange(float(np.min(speed)), float(np.max(speed)))


def _prior_range(prior: Prior) -> SpeedRange:
    try:
        low, high = (float(np.asarray(prior.distribution.icdf(p))) * prior.scale for p in (TAIL, 1.0 - TAIL))
    except NotImplementedError:
        return SpeedRange(*PHYSIOLOGICAL)
    if not (0 < low <= high < np.inf):
        raise ValueError(
            f"Network(speed=Prior(...)) puts mass on {low:g} to {high:g} mm/ms, expected positive finite speeds; "
            "use for instance dist.TruncatedNormal(6.0, 2.0, low=1.0) or dist.LogNormal, or pass speed_range=(slowest, fastest)"
        )
    return SpeedRange(low, high)
