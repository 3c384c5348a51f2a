"""Jansen–Rit cortical column."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import sigmoid


class JansenRit(AbstractModel):
    r"""Pyramidal cells with excitatory and inhibitory feedback: alpha rhythm and evoked potentials.

    S(v) = 2 ν_max / (1 + exp(r (v0 - v)))
    y0' = y3,  y3' = A a S(y1 - y2) - 2 a y3 - a² y0
    y1' = y4,  y4' = A a (μ + a_2 J S(a_1 J y0) + c) - 2 a y4 - a² y1
    y2' = y5,  y5' = B b a_4 J S(a_3 J y0) - 2 b y5 - b² y2

    The EEG observable is `psp` = y1 - y2, the net potential of the pyramidal cells, in mV. The
    coupling is a firing rate (kHz) into y4': the other regions see `rate` = S(y1 - y2).
    """

    A: Slot = param(3.25, "mV", doc="maximum excitatory potential", low=2.6, high=9.75)
    B: Slot = param(22.0, "mV", doc="maximum inhibitory potential", low=17.6, high=110.0)
    a: Slot = param(0.1, "kHz", doc="inverse excitatory time constant", low=0.05, high=0.15)
    b: Slot = param(0.05, "kHz", doc="inverse inhibitory time constant", low=0.025, high=0.075)
    v0: Slot = param(5.52, "mV", doc="potential of half the maximum rate", low=3.12, high=6.0)
    nu_max: Slot = param(0.0025, "kHz", doc="half the maximum firing rate", low=0.00125, high=0.00375)
    r: Slot = param(0.56, "1/mV", doc="steepness of the sigmoid", low=0.28, high=0.84)
    J: Slot = param(135.0, doc="average number of synapses", low=65.0, high=1350.0)
    a_1: Slot = param(1.0, doc="synapses onto excitatory interneurons, fraction of J", low=0.5, high=1.5)
    a_2: Slot = param(0.8, doc="synapses from excitatory interneurons, fraction of J", low=0.4, high=1.2)
    a_3: Slot = param(0.25, doc="synapses onto inhibitory interneurons, fraction of J", low=0.125, high=0.375)
    a_4: Slot = param(0.25, doc="synapses from inhibitory interneurons, fraction of J", low=0.125, high=0.375)
    mu: Slot = param(0.22, "kHz", doc="mean input rate", low=0.0, high=0.4)

    states = (
        # Started at rest, as published: for mu between 0.114 and 0.137 kHz (v0 = 6) slow spikes and alpha
        # coexist, and rest leads to the spikes.
        State("y0", 0.0, "mV", 0.0, 0.2),
        State("y1", 0.0, "mV", 0.0, 40.0),
        State("y2", 0.0, "mV", 0.0, 40.0),
        State("y3", 0.0, "mV/ms", -0.5, 0.5),
        State("y4", 0.0, "mV/ms", -5.0, 5.0),
        State("y5", 0.0, "mV/ms", -5.0, 5.0),
    )
    sends = ("rate",)
    ports = ("y4",)
    observable = "psp"
    noisy = ("y4",)
    derived = {"psp": "mV", "rate": "kHz"}
    category = "physiological"
    use_case = "EEG/MEG: alpha rhythm, evoked potentials"
    references = (
        "Jansen & Rit 1995, Biol Cybern 73:357",
        "Grimbert & Faugeras 2006, Neural Comput 18:3052",
    )

    def S(self, v: Float[Array, " region"]) -> Float[Array, " region"]:
        """Firing rate (kHz) at potential v (mV)."""
        return 2.0 * self.nu_max * sigmoid(self.r * (v - self.v0))

    def psp(self, y: Float[Array, "state region"]) -> Float[Array, " region"]:
        """Net potential of the pyramidal cells, y1 - y2 (mV)."""
        return y[1] - y[2]

    def rate(self, y: Float[Array, "state region"]) -> Float[Array, " region"]:
        """Firing rate of the pyramidal cells, S(y1 - y2) (kHz)."""
        return self.S(self.psp(y))

    def drift(self, t, y, c):
        (y0, y1, y2, y3, y4, y5), (c_rate,) = y, c
        excitation = self.mu + self.a_2 * self.J * self.S(self.a_1 * self.J * y0) + c_rate
        inhibition = self.a_4 * self.J * self.S(self.a_3 * self.J * y0)
        return jnp.stack(
            [
                y3,
                y4,
                y5,
                self.A * self.a * self.S(y1 - y2) - 2.0 * self.a * y3 - self.a**2 * y0,
                self.A * self.a * excitation - 2.0 * self.a * y4 - self.a**2 * y1,
                self.B * self.b * inhibition - 2.0 * self.b * y5 - self.b**2 * y2,
            ]
        )
