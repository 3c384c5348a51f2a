"""Zetterberg–Jansen: a cortical column with inhibition of the inhibitory cells."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import sigmoid


class ZetterbergJansen(AbstractModel):
    r"""Pyramidal cells, stellate cells and interneurons, which also inhibit themselves.

    S(v) = 2 e0 / (1 + exp(ρ_1 (ρ_2 - v)))
    v1' = y1,  y1' = He ke (γ_1 S(v2 - v3) + γ_1T (U + S(c))) - 2 ke y1 - ke² v1
    v2' = y2,  y2' = He ke (γ_2 S(v1) + γ_2T (P + S(c))) - 2 ke y2 - ke² v2
    v3' = y3,  y3' = Hi ki γ_4 S(v4 - v5) - 2 ki y3 - ki² v3
    v4' = y4,  y4' = He ke (γ_3 S(v2 - v3) + γ_3T (Q + S(c))) - 2 ke y4 - ke² v4
    v5' = y5,  y5' = Hi ki γ_5 S(v4 - v5) - 2 ki y5 - ke² v5
    v6' = y2 - y3,  v7' = y4 - y5

    Exactly TVB's, which has ke² in the equation of y5. v6 = v2 - v3 and v7 = v4 - v5 are the
    potentials of pyramidal cells and interneurons, which an initial state has to respect. Regions
    send v6; the sigmoid of the summed potentials is a rate into all three populations.
    """

    He: Slot = param(3.25, "mV", doc="maximum excitatory potential", low=2.6, high=9.75)
    Hi: Slot = param(22.0, "mV", doc="maximum inhibitory potential", low=17.6, high=110.0)
    ke: Slot = param(0.1, "kHz", doc="inverse excitatory time constant", low=0.05, high=0.15)
    ki: Slot = param(0.05, "kHz", doc="inverse inhibitory time constant", low=0.025, high=0.075)
    e0: Slot = param(0.0025, "kHz", doc="half the maximum firing rate", low=0.00125, high=0.00375)
    rho_2: Slot = param(6.0, "mV", doc="potential of half the maximum rate", low=3.12, high=10.0)
    rho_1: Slot = param(0.56, "1/mV", doc="steepness of the sigmoid", low=0.28, high=0.84)
    gamma_1: Slot = param(135.0, doc="pyramidal → stellate cells", low=65.0, high=1350.0)
    gamma_2: Slot = param(108.0, doc="stellate → pyramidal cells", low=0.0, high=200.0)
    gamma_3: Slot = param(33.75, doc="pyramidal cells → interneurons", low=0.0, high=200.0)
    gamma_4: Slot = param(33.75, doc="interneurons → pyramidal cells", low=0.0, high=200.0)
    gamma_5: Slot = param(15.0, doc="interneurons → interneurons", low=0.0, high=100.0)
    gamma_1T: Slot = param(1.0, doc="external input of the stellate cells", low=0.0, high=100.0)
    gamma_2T: Slot = param(1.0, doc="external input of the pyramidal cells", low=0.0, high=100.0)
    gamma_3T: Slot = param(1.0, doc="external input of the interneurons", low=0.0, high=100.0)
    P: Slot = param(0.12, "kHz", doc="input rate of the pyramidal cells", low=0.0, high=0.35)
    U: Slot = param(0.12, "kHz", doc="input rate of the stellate cells", low=0.0, high=0.35)
    Q: Slot = param(0.12, "kHz", doc="input rate of the interneurons", low=0.0, high=0.35)

    states = (
        State("v1", 0.0, "mV", 0.0, 40.0),
        State("y1", 0.0, "mV/ms", -5.0, 5.0),
        State("v2", 0.0, "mV", 0.0, 40.0),
        State("y2", 0.0, "mV/ms", -5.0, 5.0),
        State("v3", 0.0, "mV", 0.0, 40.0),
        State("y3", 0.0, "mV/ms", -5.0, 5.0),
        State("v4", 0.0, "mV", 0.0, 40.0),
        State("y4", 0.0, "mV/ms", -5.0, 5.0),
        State("v5", 0.0, "mV", 0.0, 40.0),
        State("y5", 0.0, "mV/ms", -5.0, 5.0),
        State("v6", 0.0, "mV", -20.0, 20.0),
        State("v7", 0.0, "mV", -20.0, 20.0),
    )
    sends = ("v6",)
    ports = ("v6",)
    observable = "v6"
    noisy = ("y1",)
    derived = {"rate": "kHz"}
    category = "physiological"
    use_case = "EEG/MEG: rhythms with inhibition of inhibition"
    references = (
        "Zetterberg, Kristiansson, Mossberg 1978, Biol Cybern 31:15",
        "Jansen & Rit 1995, Biol Cybern 73:357",
        "Moran et al. 2007, NeuroImage 37:706",
    )

    def S(self, v):
        """Firing rate (kHz) at potential v (mV)."""
        return 2.0 * self.e0 * sigmoid(self.rho_1 * (v - self.rho_2))

    def rate(self, y):
        """Firing rate of the pyramidal cells (kHz)."""
        return self.S(y[2] - y[4])

    def drift(self, t, y, c):
        (v1, y1, v2, y2, v3, y3, v4, y4, v5, y5, _, _), (c_v,) = y, c
        pyramidal, inhibitory, remote = self.rate(y), self.S(v4 - v5), self.S(c_v)

        def excitatory(rate, y, v):
            return self.He * self.ke * rate - 2.0 * self.ke * y - self.ke**2 * v

        return jnp.stack(
            [
                y1,
                excitatory(self.gamma_1 * pyramidal + self.gamma_1T * (self.U + remote), y1, v1),
                y2,
                excitatory(self.gamma_2 * self.S(v1) + self.gamma_2T * (self.P + remote), y2, v2),
                y3,
                self.Hi * self.ki * self.gamma_4 * inhibitory - 2.0 * self.ki * y3 - self.ki**2 * v3,
                y4,
                excitatory(self.gamma_3 * pyramidal + self.gamma_3T * (self.Q + remote), y4, v4),
                y5,
                self.Hi * self.ki * self.gamma_5 * inhibitory - 2.0 * self.ki * y5 - self.ke**2 * v5,
                y2 - y3,
                y4 - y5,
            ]
        )
