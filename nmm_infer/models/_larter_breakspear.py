"""Larter–Breakspear: ion channels of a cortical column."""

from typing import Any

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class LarterBreakspear(AbstractModel):
    r"""Pyramidal cells with Ca, K and Na channels, and inhibitory interneurons: rest, oscillation or chaos.

    m_x = (1 + tanh((V - T_x) / d_x)) / 2  for x = Ca, Na, K
    Q_V = QV_max (1 + tanh((V - VT) / d_V)) / 2
    Q_Z = QZ_max (1 + tanh((Z - ZT) / d_Z)) / 2
    q = aee ((1 - C) Q_V + C c)
    I_Ca = (gCa + rNMDA q) m_Ca (V - VCa)
    I_Na = (gNa m_Na + q) (V - VNa)
    I_K = gK W (V - VK)
    V' = t_scale (-I_Ca - I_Na - I_K - gL (V - VL) - aie Z Q_Z + ane Iext)
    W' = t_scale φ (m_K - W) / τ_K
    Z' = t_scale b (ani Iext + aei V Q_V)

    A region sends its firing rate Q_V, and `c` is the weighted sum of the others'. All is
    dimensionless, time is counted in ms. At the defaults, TVB's, an isolated column repeats itself
    every 99.5 ms; the chaos of the literature is that of the preset `chaotic`.
    """

    gCa: Slot = param(1.1, doc="conductance of Ca channels", low=0.9, high=1.5)
    gK: Slot = param(2.0, doc="conductance of K channels", low=1.5, high=2.5)
    gL: Slot = param(0.5, doc="conductance of leak channels", low=0.4, high=0.6)
    phi: Slot = param(0.7, doc="temperature factor", low=0.3, high=0.9)
    gNa: Slot = param(6.7, doc="conductance of Na channels", low=0.0, high=10.0)
    TK: Slot = param(0.0, doc="threshold of K channels", low=-0.1, high=0.1)
    TCa: Slot = param(-0.01, doc="threshold of Ca channels", low=-0.1, high=0.1)
    TNa: Slot = param(0.3, doc="threshold of Na channels", low=0.2, high=0.4)
    VCa: Slot = param(1.0, doc="Nernst potential of Ca", low=0.9, high=1.1)
    VK: Slot = param(-0.7, doc="Nernst potential of K", low=-0.8, high=1.0)
    VL: Slot = param(-0.5, doc="Nernst potential of leak channels", low=-0.7, high=-0.4)
    VNa: Slot = param(0.53, doc="Nernst potential of Na", low=0.5, high=0.56)
    d_K: Slot = param(0.3, doc="width of the threshold of K channels", low=0.1, high=0.4)
    tau_K: Slot = param(1.0, doc="relaxation time of K channels", low=0.5, high=10.0)
    d_Na: Slot = param(0.15, doc="width of the threshold of Na channels", low=0.1, high=0.2)
    d_Ca: Slot = param(0.15, doc="width of the threshold of Ca channels", low=0.1, high=0.2)
    aei: Slot = param(2.0, doc="synaptic strength excitatory → inhibitory", low=0.1, high=3.0)
    aie: Slot = param(2.0, doc="synaptic strength inhibitory → excitatory", low=0.1, high=3.0)
    b: Slot = param(0.1, doc="rate of the inhibitory population", low=0.0001, high=1.0)
    C: Slot = param(0.1, doc="share of the excitatory input that comes from other regions", low=0.0, high=1.0)
    ane: Slot = param(1.0, doc="synaptic strength non-specific → excitatory", low=0.4, high=1.5)
    ani: Slot = param(0.4, doc="synaptic strength non-specific → inhibitory", low=0.1, high=0.6)
    aee: Slot = param(0.4, doc="synaptic strength excitatory → excitatory", low=0.0, high=0.8)
    Iext: Slot = param(0.3, doc="subcortical input", low=0.1, high=0.5)
    rNMDA: Slot = param(0.25, doc="ratio of NMDA to AMPA receptors", low=0.1, high=0.4)
    VT: Slot = param(0.0, doc="mean threshold of excitatory cells", low=-0.1, high=0.7)
    d_V: Slot = param(0.65, doc="width of the threshold of excitatory cells", low=0.4, high=0.9)
    ZT: Slot = param(0.0, doc="mean threshold of inhibitory cells", low=-0.1, high=0.1)
    d_Z: Slot = param(0.7, doc="width of the threshold of inhibitory cells", low=0.1, high=0.9)
    QV_max: Slot = param(1.0, doc="maximum rate of excitatory cells", low=0.1, high=1.5)
    QZ_max: Slot = param(1.0, doc="maximum rate of inhibitory cells", low=0.1, high=1.5)
    t_scale: Slot = param(1.0, doc="rate of everything", low=0.1, high=2.0)

    states = (
        State("V", 0.1, low=-1.5, high=1.5),
        State("W", 0.1, low=-1.5, high=1.5),
        State("Z", 0.1, low=-1.5, high=1.5),
    )
    sends = ("Q_V",)
    ports = ("V",)
    observable = "V"
    derived = {"Q_V": "1", "Q_Z": "1"}
    category = "physiological"
    use_case = "chaotic resting state, functional connectivity"
    references = (
        "Larter, Speelman, Worth 1999, Chaos 9:795",
        "Breakspear, Terry, Friston 2003, Network 14:703",
        "Alstott et al. 2009, PLoS Comput Biol 5:e1000408",
    )

    def Q_V(self, y):
        """Firing rate of the excitatory cells."""
        return self.QV_max * _open(y[0], self.VT, self.d_V)

    def Q_Z(self, y):
        """Firing rate of the inhibitory cells."""
        return self.QZ_max * _open(y[2], self.ZT, self.d_Z)

    def drift(self, t, y, c):
        (V, W, Z), (c_V,) = y, c
        Q_V = self.Q_V(y)
        input_e = self.aee * ((1.0 - self.C) * Q_V + self.C * c_V)
        calcium = (self.gCa + self.rNMDA * input_e) * _open(V, self.TCa, self.d_Ca) * (V - self.VCa)
        sodium = (self.gNa * _open(V, self.TNa, self.d_Na) + input_e) * (V - self.VNa)
        currents = calcium + sodium + self.gK * W * (V - self.VK) + self.gL * (V - self.VL)
        return self.t_scale * jnp.stack(
            [
                -currents - self.aie * Z * self.Q_Z(y) + self.ane * self.Iext,
                self.phi * (_open(V, self.TK, self.d_K) - W) / self.tau_K,
                self.b * (self.ani * self.Iext + self.aei * V * Q_V),
            ]
        )

    @classmethod
    def chaotic(cls, **slots: Any) -> "LarterBreakspear":
        """Conductances at which a column is chaotic, and rests (below about 0.55) or cycles (up to about 0.6)
        at smaller d_V; `slots` replace any parameter.
        """
        return cls(**{"gCa": 1.0} | slots)


def _open(v, threshold, width):
    """Fraction of channels open, or of cells firing, at potential v."""
    return 0.5 * (1.0 + jnp.tanh((v - threshold) / width))
