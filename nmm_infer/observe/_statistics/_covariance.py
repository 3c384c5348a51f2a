"""Covariance."""

import equinox as eqx

from ..._signal import Signal
from .._base import period_field
from ._statistic import AbstractOfPairs, squared


class Covariance(AbstractOfPairs):
    """Covariance between the time courses of regions (or sensors) over the whole signal; divided by the number of samples minus one.

    Args:
        period: time between the samples that count; None: all samples of what is observed.
        variable: variable of the model; None: its observable.
    """

    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def conclude(self, memory, signal):
        dim, labels = signal.dims[1], signal.labels[1]
        return Signal(memory.products / (memory.n - 1), None, (dim, f"{dim}_2"), (labels, labels), "covariance", squared(signal.unit))
