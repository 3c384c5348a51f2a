"""Subsample."""

import equinox as eqx

from .._signal import Signal
from .._stream import AbstractStream
from ._base import AbstractLinear, period_field, steps_in
from ._naming import of_model
from ._stream import observe_stored


class Subsample(AbstractLinear, AbstractStream):
    """The variable itself, every `period`.

    Args:
        period: time between samples; None: only for spectra, where it does not matter.
        variable: variable of the model; None: its observable.
    """

    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def init(self, n_regions, step):
        return None

    def advance(self, memory, activity, step):
        every = steps_in(self.period, step, "Subsample")
        return memory, activity[every - 1 :: every]

    def signal(self, outputs, regions, model):
        return Signal(outputs, self.period, ("time", "region"), ((), regions), *of_model(model, self.variable))

    def __call__(self, activity):
        return observe_stored(self, activity, "Subsample")

    def respond(self, omega, response):
        return response

    def basis(self):
        return None
