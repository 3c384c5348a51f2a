"""Temporal average."""

import equinox as eqx
import jax.numpy as jnp

from .._signal import Signal
from .._stream import AbstractStream
from ._base import AbstractLinear, period_field, steps_in
from ._naming import of_model
from ._stream import observe_stored


class TemporalAverage(AbstractLinear, AbstractStream):
    """The mean of the variable over each `period`.

    Args:
        period: length of the window and time between outputs.
        variable: variable of the model; None: its observable.
    """

    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def init(self, n_regions, step):
        return None

    def advance(self, memory, activity, step):
        every = steps_in(self.period, step, "TemporalAverage")
        return memory, activity.reshape(-1, every, activity.shape[1]).mean(axis=1)

    def signal(self, outputs, regions, model):
        return Signal(outputs, self.period, ("time", "region"), ((), regions), *of_model(model, self.variable))

    def __call__(self, activity):
        return observe_stored(self, activity, "TemporalAverage")

    def respond(self, omega, response):
        # A box of length T that ends at the sample: a sinc, and a delay of T/2.
        if self.period is None:
            raise ValueError("TemporalAverage(period=...) is missing: its spectrum depends on the length of the window")
        window = jnp.sinc(omega * self.period / (2.0 * jnp.pi)) * jnp.exp(-0.5j * omega * self.period)
        return window[:, None, None] * response

    def basis(self):
        return None
