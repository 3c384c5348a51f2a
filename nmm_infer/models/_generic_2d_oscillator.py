"""Generic planar oscillator of TVB."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class Generic2dOscillator(AbstractModel):
    r"""Planar oscillator with a cubic and a parabolic nullcline: excitable, oscillating or bistable.

    V' = d τ (α W - f V³ + e V² + g V + γ I + γ c)
    W' = (d/τ) (a + b V + c V² - β W)
    """

    tau: Slot = param(1.0, doc="time-scale separation", low=0.5, high=5.0)
    I: Slot = param(0.0, doc="constant input", low=-5.0, high=5.0)
    a: Slot = param(-2.0, doc="offset of the parabolic nullcline", low=-5.0, high=5.0)
    b: Slot = param(-10.0, doc="slope of the parabolic nullcline", low=-20.0, high=15.0)
    c: Slot = param(0.0, doc="curvature of the parabolic nullcline", low=-10.0, high=10.0)
    d: Slot = param(0.02, "1/ms", doc="overall rate", low=0.0001, high=1.0)
    e: Slot = param(3.0, doc="quadratic coefficient of the cubic nullcline", low=-5.0, high=5.0)
    f: Slot = param(1.0, doc="cubic coefficient of the cubic nullcline", low=-5.0, high=5.0)
    g: Slot = param(0.0, doc="linear coefficient of the cubic nullcline", low=-5.0, high=5.0)
    alpha: Slot = param(1.0, doc="gain from W to V", low=-5.0, high=5.0)
    beta: Slot = param(1.0, doc="decay of W", low=-5.0, high=5.0)
    gamma: Slot = param(1.0, doc="gain of the input and of the coupling", low=-1.0, high=1.0)

    states = (State("V", 0.1, low=-2.0, high=4.0), State("W", 0.0, low=-6.0, high=6.0))
    sends = ("V",)
    ports = ("V",)
    observable = "V"
    category = "phenomenological"
    use_case = "generic excitability and oscillation"
    references = ("Sanz-Leon, Knock, Spiegler, Jirsa 2015, NeuroImage 111:385",)

    def drift(self, t, y, c):
        (V, W), (c_V,) = y, c
        cubic = self.alpha * W - self.f * V**3 + self.e * V**2 + self.g * V
        return jnp.stack(
            [
                self.d * self.tau * (cubic + self.gamma * self.I + self.gamma * c_V),
                self.d / self.tau * (self.a + self.b * V + self.c * V**2 - self.beta * W),
            ]
        )
