"""Exact mean field of an excitatory and an inhibitory population with synapses."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class DumontGutkin(AbstractModel):
    r"""Excitatory and inhibitory quadratic integrate-and-fire neurons with exponential synapses: gamma
    rhythms.

    r_e' = (Δ_e/(π τ_e) + 2 r_e V_e) / τ_e
    V_e' = (V_e² + η_e - (π τ_e r_e)² + τ_e s_ee - τ_e s_ei + I_e) / τ_e
    s_ee' = (-s_ee + J_ee r_e + c) / τ_s
    s_ei' = (-s_ei + J_ei r_i) / τ_s
    r_i' = (Δ_i/(π τ_i) + 2 r_i V_i) / τ_i
    V_i' = (V_i² + η_i - (π τ_i r_i)² + τ_i s_ie - τ_i s_ii + I_i) / τ_i
    s_ie' = (-s_ie + J_ie r_e + Γ c) / τ_s
    s_ii' = (-s_ii + J_ii r_i) / τ_s

    Beware of the names: J_ei weights i → e. Excitatory cells send their rate, to both populations
    of the other regions.
    """

    I_e: Slot = param(0.0, doc="external current of the excitatory population", low=-10.0, high=30.0)
    Delta_e: Slot = param(
        1.0, doc="half-width of the distribution of excitability, excitatory", low=0.1, high=10.0
    )
    eta_e: Slot = param(
        -5.0, doc="centre of the distribution of excitability, excitatory", low=-10.0, high=10.0
    )
    tau_e: Slot = param(10.0, "ms", doc="membrane time constant, excitatory", low=5.0, high=30.0)
    I_i: Slot = param(0.0, doc="external current of the inhibitory population", low=-10.0, high=30.0)
    Delta_i: Slot = param(
        1.0, doc="half-width of the distribution of excitability, inhibitory", low=0.1, high=10.0
    )
    eta_i: Slot = param(
        -5.0, doc="centre of the distribution of excitability, inhibitory", low=-10.0, high=10.0
    )
    tau_i: Slot = param(10.0, "ms", doc="membrane time constant, inhibitory", low=5.0, high=30.0)
    tau_s: Slot = param(1.0, "ms", doc="synaptic time constant", low=0.5, high=15.0)
    J_ee: Slot = param(0.0, doc="weight e → e", low=0.0, high=25.0)
    J_ei: Slot = param(10.0, doc="weight i → e", low=0.0, high=25.0)
    J_ie: Slot = param(0.0, doc="weight e → i", low=0.0, high=25.0)
    J_ii: Slot = param(15.0, doc="weight i → i", low=0.0, high=25.0)
    Gamma: Slot = param(5.0, doc="input from other regions to i, relative to that to e", low=0.0, high=10.0)

    states = (
        State("r_e", 0.01, "kHz", 0.0, 0.3),
        State("V_e", -2.0, "1", -6.0, 6.0),
        State("s_ee", 0.0, "kHz", 0.0, 2.0),
        State("s_ei", 0.0, "kHz", 0.0, 4.0),
        State("r_i", 0.01, "kHz", 0.0, 0.3),
        State("V_i", -2.0, "1", -6.0, 6.0),
        State("s_ie", 0.0, "kHz", 0.0, 2.0),
        State("s_ii", 0.0, "kHz", 0.0, 4.0),
    )
    sends = ("r_e",)
    ports = ("s_ee",)
    observable = "r_e"
    category = "physiological"
    use_case = "gamma rhythms and their coherence"
    references = ("Dumont & Gutkin 2019, PLoS Comput Biol 15:e1007019",)

    def drift(self, t, y, c):
        (r_e, V_e, s_ee, s_ei, r_i, V_i, s_ie, s_ii), (c_s,) = y, c
        return jnp.stack(
            [
                (self.Delta_e / (jnp.pi * self.tau_e) + 2.0 * r_e * V_e) / self.tau_e,
                (
                    V_e**2
                    + self.eta_e
                    - (jnp.pi * self.tau_e * r_e) ** 2
                    + self.tau_e * (s_ee - s_ei)
                    + self.I_e
                )
                / self.tau_e,
                (-s_ee + self.J_ee * r_e + c_s) / self.tau_s,
                (-s_ei + self.J_ei * r_i) / self.tau_s,
                (self.Delta_i / (jnp.pi * self.tau_i) + 2.0 * r_i * V_i) / self.tau_i,
                (
                    V_i**2
                    + self.eta_i
                    - (jnp.pi * self.tau_i * r_i) ** 2
                    + self.tau_i * (s_ie - s_ii)
                    + self.I_i
                )
                / self.tau_i,
                (-s_ie + self.J_ie * r_e + self.Gamma * c_s) / self.tau_s,
                (-s_ii + self.J_ii * r_i) / self.tau_s,
            ]
        )
