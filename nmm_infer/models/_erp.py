"""Event-related potentials of a cortical source."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import sigmoid


class ERP(AbstractModel):
    r"""Pyramidal cells, stellate cells and interneurons of one source, as used to model evoked responses.

    S(v, v') = 1 / (1 + exp(-0.56 (v - δ v'))) - 1/2
    x1' = x4,  x4' = (h_e (g_1 S(x9, x5 - x6) + u + c) - x1/τ_e - 2 x4) / τ_e
    x2' = x5,  x5' = (h_e g_2 S(x1, x4) - x2/τ_e - 2 x5) / τ_e
    x3' = x6,  x6' = (h_i g_4 S(x7, x8) - x3/τ_i - 2 x6) / τ_i
    x7' = x8,  x8' = (h_e g_3 S(x9, x5 - x6) - x7/τ_e - 2 x8) / τ_e
    x9' = x5 - x6

    The observable is x9, the potential of the pyramidal cells. The coupling adds to the input u of
    the stellate cells, and the other regions see `rate` = S(x9, x5 - x6), a rate relative to rest.
    """

    g_1: Slot = param(0.42, "kHz", doc="pyramidal → stellate cells", low=0.0, high=2.0)
    g_2: Slot = param(0.76, "kHz", doc="stellate → pyramidal cells", low=0.0, high=2.0)
    g_3: Slot = param(0.15, "kHz", doc="pyramidal cells → interneurons", low=0.0, high=1.0)
    g_4: Slot = param(0.16, "kHz", doc="interneurons → pyramidal cells", low=0.0, high=1.0)
    delta: Slot = param(
        12.13, "ms", doc="adaptation: how much a rising potential lowers the rate", low=0.0, high=30.0
    )
    tau_i: Slot = param(7.77, "ms", doc="inhibitory time constant", low=3.0, high=40.0)
    h_i: Slot = param(27.87, "mV", doc="inhibitory gain", low=1.0, high=60.0)
    tau_e: Slot = param(5.77, "ms", doc="excitatory time constant", low=3.0, high=40.0)
    h_e: Slot = param(1.63, "mV", doc="excitatory gain", low=0.5, high=10.0)
    u: Slot = param(3.94, "kHz", doc="input of the stellate cells", low=0.0, high=10.0)

    states = (
        State("x1", 0.0, "mV", -5.0, 50.0),
        State("x2", 0.0, "mV", -5.0, 10.0),
        State("x3", 0.0, "mV", -10.0, 20.0),
        State("x4", 0.0, "mV/ms", -5.0, 5.0),
        State("x5", 0.0, "mV/ms", -2.0, 2.0),
        State("x6", 0.0, "mV/ms", -2.0, 2.0),
        State("x7", 0.0, "mV", -5.0, 5.0),
        State("x8", 0.0, "mV/ms", -2.0, 2.0),
        State("x9", 0.0, "mV", -20.0, 10.0),
    )
    sends = ("rate",)
    ports = ("u",)
    observable = "x9"
    noisy = ("x4",)
    derived = {"rate": "1"}
    category = "physiological"
    use_case = "EEG/MEG: evoked responses, dynamic causal modelling"
    references = (
        "David, Kiebel, Harrison, Mattout, Kilner, Friston 2006, NeuroImage 30:1255",
        "Baldy, Woodman, Jirsa, Hashemi 2025, J R Soc Interface 22:20240880",
    )

    def S(self, v, slope):
        """Firing rate relative to rest at potential v (mV) that changes by `slope` (mV/ms)."""
        return sigmoid(0.56 * (v - self.delta * slope)) - 0.5

    def rate(self, y):
        """Firing rate of the pyramidal cells relative to rest, S(x9, x5 - x6)."""
        return self.S(y[8], y[4] - y[5])

    def drift(self, t, y, c):
        (x1, x2, x3, x4, x5, x6, x7, x8, _), (c_u,) = y, c
        pyramidal = self.rate(y)
        return jnp.stack(
            [
                x4,
                x5,
                x6,
                (self.h_e * (self.g_1 * pyramidal + self.u + c_u) - x1 / self.tau_e - 2.0 * x4) / self.tau_e,
                (self.h_e * self.g_2 * self.S(x1, x4) - x2 / self.tau_e - 2.0 * x5) / self.tau_e,
                (self.h_i * self.g_4 * self.S(x7, x8) - x3 / self.tau_i - 2.0 * x6) / self.tau_i,
                x8,
                (self.h_e * self.g_3 * pyramidal - x7 / self.tau_e - 2.0 * x8) / self.tau_e,
                x5 - x6,
            ]
        )
