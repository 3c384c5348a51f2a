"""Subsample."""

import equinox as eqx

from ._base import AbstractLinear, period_field
from ._fold import AbstractStream


class Subsample(AbstractLinear, AbstractStream):
    """The variable itself, every `period`.

    Args:
        period: time between samples; None: only for spectra, where it does not matter.
        variable: variable of the model; None: its observable.
    """

    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def advance(self, memory, signal):
        every = self.every(signal)
        return memory, signal.with_values(signal.values[every - 1 :: every], interval=self.period)

    def respond(self, omega, response):
        return response

    def basis(self):
        return None
