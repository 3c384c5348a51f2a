"""Haemodynamic response kernels, normalised to unit area where their papers give only a shape."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from ..parameters import AbstractPart, Slot, param


class AbstractKernel(AbstractPart):
    """Response to an impulse, as a density over time since it (per ms)."""

    duration: eqx.AbstractVar[float]

    @abc.abstractmethod
    def __call__(self, t: Float[Array, " time"]) -> Float[Array, " time"]:
        """The kernel at `t` ≥ 0 (ms), per ms."""


def _gamma_density(t: Array, shape: Array, scale: Array) -> Array:
    """Gamma density, zero at t = 0, with finite gradients there."""
    safe = jnp.maximum(t, 1e-6)
    return jnp.where(
        t > 0,
        jnp.exp((shape - 1.0) * jnp.log(safe) - safe / scale - gammaln(shape) - shape * jnp.log(scale)),
        0.0,
    )


class DoubleGamma(AbstractKernel):
    """The canonical response of SPM: a gamma density that peaks at 5 s minus a sixth of one that peaks at 15
    s (Friston et al. 1998; Glover 1999).
    """

    peak: Slot = param(6.0, doc="shape of the response", low=2.0, high=12.0)
    undershoot: Slot = param(16.0, doc="shape of the undershoot", low=8.0, high=30.0)
    ratio: Slot = param(1.0 / 6.0, doc="undershoot relative to the response", low=0.0, high=1.0)
    scale: Slot = param(1000.0, "ms", doc="time scale of both", low=300.0, high=3000.0)
    duration: float = eqx.field(static=True, default=32_000.0)

    def __call__(self, t):
        shape = _gamma_density(t, self.peak, self.scale) - self.ratio * _gamma_density(
            t, self.undershoot, self.scale
        )
        return shape / (1.0 - self.ratio)


class Gamma(AbstractKernel):
    """A gamma density of integer order (Boynton et al. 1996)."""

    n: Slot = param(3.0, doc="order", low=1.0, high=10.0)
    tau: Slot = param(1080.0, "ms", doc="time constant", low=200.0, high=4000.0)
    duration: float = eqx.field(static=True, default=25_000.0)

    def __call__(self, t):
        return _gamma_density(t, self.n, self.tau)


class FirstOrderVolterra(AbstractKernel):
    r"""Linear part of the haemodynamics (Friston et al. 2000), TVB's default: k1 V0/3 exp(-t/(2 τ_s))
    sin(√(1/τ_f - 1/(4 τ_s²)) t) / √(1/τ_f - 1/(4 τ_s²)).

    Times inside the root are in seconds, as in TVB; the result is the kernel per s, here per ms.
    """

    tau_s: Slot = param(800.0, "ms", doc="decay of the vasodilatory signal", low=300.0, high=2000.0)
    tau_f: Slot = param(400.0, "ms", doc="feedback of blood flow (s² in the formula)", low=100.0, high=1000.0)
    k_1: Slot = param(5.6, doc="coefficient of the signal", low=1.0, high=10.0)
    V_0: Slot = param(0.02, doc="resting blood volume fraction", low=0.005, high=0.1)
    duration: float = eqx.field(static=True, default=20_000.0)

    def __call__(self, t):
        seconds, tau_s, tau_f = 1e-3 * t, 1e-3 * self.tau_s, 1e-3 * self.tau_f
        frequency = jnp.sqrt(1.0 / tau_f - 1.0 / (4.0 * tau_s**2))
        return (
            1e-3
            * self.k_1
            * self.V_0
            / 3.0
            * jnp.exp(-seconds / (2.0 * tau_s))
            * jnp.sin(frequency * seconds)
            / frequency
        )
