"""Variance."""

import equinox as eqx

from ..._signal import Signal
from .._base import period_field
from ._moments import squares
from ._statistic import AbstractStatistic, squared


class Variance(AbstractStatistic):
    """Variance over time of each region (or sensor, or of a single time course); divided by the number of
    samples minus one.

    Args:
        period: time between the samples that count; None: all samples of what is observed.
        variable: variable of the model; None: its observable.
    """

    products = staticmethod(squares)
    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def conclude(self, moments, signal):
        return Signal(
            moments.products / (moments.n - 1),
            None,
            signal.dims[1:],
            signal.labels[1:],
            "variance",
            squared(signal.unit),
        )
