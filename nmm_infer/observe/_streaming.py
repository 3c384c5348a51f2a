"""Observations as a simulation runs them."""

from ._base import AbstractObservation
from ._chain import Chain
from ._fold import AbstractPointwise, AbstractStream
from ._statistics._statistic import AbstractStatistic
from ._subsample import Subsample


def streaming(observe: AbstractObservation, interval: float) -> AbstractStream | None:
    """What `nmm.solve(observe=...)` can run in the place of `observe`; None if that needs the whole
    trajectory.

    What acts on samples, and a statistic without a period of its own, gets one every `interval` ms.
    """
    first = observe.parts[0] if isinstance(observe, Chain) else observe
    if isinstance(first, AbstractPointwise) or (
        isinstance(first, AbstractStatistic) and first.period is None
    ):
        return Chain(Subsample(period=interval, variable=first.variable), observe)
    return observe if isinstance(first, AbstractStream) and isinstance(observe, AbstractStream) else None
