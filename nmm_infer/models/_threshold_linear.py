"""Threshold-linear excitatory and inhibitory rates."""

import jax
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class ThresholdLinear(AbstractModel):
    r"""Rates that are proportional to their input above threshold, the local circuit of the cortical
    time-scale hierarchy.

    x_e = I_e + c
    τ_e E' = -E + β_e [x_e]₊
    τ_i I' = -I + β_i [I_i]₊

    Recurrence within a region, and from its excitatory to its inhibitory population, is the coupling's.
    """

    tau_e: Slot = param(20.0, "ms", doc="time constant of E", low=5.0, high=100.0)
    tau_i: Slot = param(10.0, "ms", doc="time constant of I", low=5.0, high=100.0)
    beta_e: Slot = param(0.066, doc="slope of E's input-output function", low=0.01, high=1.0)
    beta_i: Slot = param(0.351, doc="slope of I's input-output function", low=0.01, high=1.0)
    I_e: Slot = param(0.0, doc="external input to E", low=0.0, high=50.0)
    I_i: Slot = param(0.0, doc="external input to I", low=0.0, high=50.0)

    states = (State("E", 0.1, low=0.0, high=50.0), State("I", 0.1, low=0.0, high=50.0))
    sends = ("E",)
    ports = ("x_e",)
    observable = "E"
    category = "phenomenological"
    use_case = "hierarchy of time scales"
    references = ("Chaudhuri, Knoblauch, Gariel, Kennedy, Wang 2015, Neuron 88:419",)

    def drift(self, t, y, c):
        (E, I), (c_e,) = y, c
        return jnp.stack(
            [
                (-E + self.beta_e * jax.nn.relu(self.I_e + c_e)) / self.tau_e,
                (-I + self.beta_i * jax.nn.relu(self.I_i)) / self.tau_i,
            ]
        )
