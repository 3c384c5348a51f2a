"""Temporal average."""

import equinox as eqx
import jax.numpy as jnp

from ._base import AbstractLinear, period_field
from ._fold import AbstractStream


class TemporalAverage(AbstractLinear, AbstractStream):
    """The mean of the variable over each `period`.

    Args:
        period: length of the window and time between outputs.
        variable: variable of the model; None: its observable.
    """

    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def advance(self, memory, signal):
        windows = signal.values.reshape(-1, self.every(signal), signal.values.shape[1])
        return memory, signal.with_values(windows.mean(axis=1), interval=self.period)

    def respond(self, omega, response):
        # A box of length T that ends at the sample: a sinc, and a delay of T/2.
        if self.period is None:
            raise ValueError(
                "TemporalAverage(period=...) is missing: its spectrum depends on the length of the window"
            )
        window = jnp.sinc(omega * self.period / (2.0 * jnp.pi)) * jnp.exp(-0.5j * omega * self.period)
        return window[:, None, None] * response

    def basis(self):
        return None
