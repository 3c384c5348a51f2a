"""BOLD by convolution with a kernel."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._signal import Signal
from .._tools._loops import scan
from ._base import AbstractLinear, coarse, interval_of, period_field
from ._fold import AbstractStream
from .kernels import AbstractKernel, DoubleGamma


class HemodynamicResponse(AbstractLinear, AbstractStream):
    """BOLD as activity convolved with a haemodynamic kernel: y(t) = ∫ h(s) x(t - s) ds, with x = 0 before the
    start.

    The integral is a sum over bins of at most `resolution`, each weighted by its length, so the result
    depends neither on the step nor on how samples are grouped.

    Args:
        kernel: `DoubleGamma()`, `Gamma()` or `FirstOrderVolterra()` of `nmm.observe.kernels`.
        period: repetition time.
        variable: variable of the model; None: its observable.
        resolution: longest bin in ms.
    """

    kernel: AbstractKernel = DoubleGamma()
    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)
    resolution: float = eqx.field(static=True, default=50.0)

    def _bin(self, signal: Signal) -> tuple[int, float]:
        """How many samples are in a bin, and its length in ms."""
        step = interval_of(signal, "HemodynamicResponse")
        together = coarse(self.every(signal), step, self.resolution)
        return together, together * step

    def init(self, signal):
        _, width = self._bin(signal)
        return jnp.zeros((int(np.ceil(self.kernel.duration / width)), signal.values.shape[1]))

    def advance(self, memory, signal):
        together, width = self._bin(signal)
        # A bin's activity sits at its middle; the newest bin is the last of the memory.
        weights = width * self.kernel(width * (jnp.arange(memory.shape[0])[::-1] + 0.5))
        activity, per_output = signal.values, self.every(signal) // together
        bins = activity.reshape(-1, per_output, together, activity.shape[1]).mean(axis=2)

        def output(memory, new):
            memory = jnp.concatenate([memory, new])[-memory.shape[0] :]
            return memory, weights @ memory

        memory, outputs = scan(output, memory.astype(activity.dtype), bins)
        return memory, signal.with_values(outputs, interval=self.period, name="bold", unit="1")

    def respond(self, omega, response):
        width = min(self.resolution, 50.0)
        t = width * (jnp.arange(int(self.kernel.duration / width)) + 0.5)
        h = width * jnp.exp(-1j * omega[:, None] * t) @ self.kernel(t)
        return h[:, None, None] * response

    def basis(self):
        return None
