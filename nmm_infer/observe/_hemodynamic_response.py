"""BOLD by convolution with a kernel."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._signal import Signal
from .._stream import AbstractStream
from .._tools._loops import scan
from ._base import AbstractLinear, coarse, period_field, steps_in
from ._stream import observe_stored
from .kernels import AbstractKernel, DoubleGamma


class HemodynamicResponse(AbstractLinear, AbstractStream):
    """BOLD as activity convolved with a haemodynamic kernel: y(t) = ∫ h(s) x(t - s) ds, with x = 0 before the start.

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

    def _bin(self, step: float) -> tuple[int, int]:
        """Samples in a bin, and bins in a period."""
        every = steps_in(self.period, step, "HemodynamicResponse")
        together = coarse(every, step, self.resolution)
        return together, every // together

    def init(self, n_regions, step):
        together, _ = self._bin(step)
        return jnp.zeros((int(np.ceil(self.kernel.duration / (together * step))), n_regions))

    def advance(self, memory, activity, step):
        together, per_output = self._bin(step)
        width = together * step
        # A bin's activity sits at its middle; the newest bin is the last of the memory.
        weights = width * self.kernel(width * (jnp.arange(memory.shape[0])[::-1] + 0.5))
        bins = activity.reshape(-1, per_output, together, activity.shape[1]).mean(axis=2)

        def output(memory, new):
            memory = jnp.concatenate([memory, new])[-memory.shape[0] :]
            return memory, weights @ memory

        return scan(output, memory.astype(activity.dtype), bins)

    def signal(self, outputs, regions, model):
        return Signal(outputs, self.period, ("time", "region"), ((), regions), "bold", "1")

    def __call__(self, activity):
        return observe_stored(self, activity, "HemodynamicResponse")

    def respond(self, omega, response):
        width = min(self.resolution, 50.0)
        t = width * (jnp.arange(int(self.kernel.duration / width)) + 0.5)
        h = width * jnp.exp(-1j * omega[:, None] * t) @ self.kernel(t)
        return h[:, None, None] * response

    def basis(self):
        return None
