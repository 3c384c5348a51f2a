"""Leaky integrator."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractLinearModel, State


class LeakyIntegrator(AbstractLinearModel):
    r"""Activity that follows its input with a regional time constant.

    τ x' = -x + I + c

    The linear rate model. Because τ multiplies the whole equation, regional time constants change
    spectra but not the stability of a network without delays: it is stable exactly when the
    spectral radius of G W is below 1, whatever τ. That is why the resting-state demo uses it.
    """

    tau: Slot = param(1000.0, "ms", doc="time constant", low=1.0, high=20_000.0)
    I: Slot = param(0.0, doc="constant input", low=-1.0, high=1.0)

    states = (State("x", 0.1),)
    sends = ("x",)
    ports = ("x",)
    observable = "x"
    category = "phenomenological"
    use_case = "regional time scales of slow fluctuations in BOLD"
    references = ("Chaudhuri, Knoblauch, Gariel, Kennedy, Wang 2015, Neuron 88:419 (linearised)",)

    def drift(self, t, y, c):
        (x,), (c_x,) = y, c
        return jnp.stack([(-x + self.I + c_x) / self.tau])
