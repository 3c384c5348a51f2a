"""Covariance."""

import equinox as eqx

from ..._signal import Signal
from .._base import period_field
from ._moments import pairs
from ._statistic import AbstractStatistic, squared


class Covariance(AbstractStatistic):
    """Covariance between the time courses of regions (or sensors) over the whole signal; divided by the
    number of samples minus one.

    Args:
        period: time between the samples that count; None: all samples of what is observed.
        variable: variable of the model; None: its observable.
    """

    products = staticmethod(pairs)
    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def conclude(self, moments, signal):
        dim, labels = signal.dims[1], signal.labels[1]
        return Signal(
            moments.products / (moments.n - 1),
            None,
            (dim, f"{dim}_2"),
            (labels, labels),
            "covariance",
            squared(signal.unit),
        )
