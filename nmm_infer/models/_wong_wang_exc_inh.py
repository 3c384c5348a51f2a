"""Wong–Wang dynamic mean field with excitatory and inhibitory pools."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import rate


class WongWangExcInh(AbstractModel):
    r"""Dynamic mean field of an excitatory (NMDA) and an inhibitory (GABA) pool.

    x_e = w_p J_N S_e - J_i S_i + W_e I_o + J_N c + I_ext
    x_i = J_N S_e - S_i + W_i I_o + λ J_N c
    S_e' = -S_e/τ_e + (1 - S_e) γ_e H_e(x_e)
    S_i' = -S_i/τ_i + γ_i H_i(x_i)

    The global gain G of the papers is the coupling's. Rates are kHz: H_e rests at 3.08 Hz.
    """

    a_e: Slot = param(0.310, "kHz/nA", doc="gain of the excitatory pool", low=0.1, high=0.6)
    b_e: Slot = param(0.125, "kHz", doc="threshold of the excitatory pool", low=0.05, high=0.25)
    d_e: Slot = param(160.0, "ms", doc="curvature of the excitatory pool", low=50.0, high=300.0)
    gamma_e: Slot = param(0.641, doc="kinetic parameter of the excitatory pool", low=0.1, high=1.0)
    tau_e: Slot = param(100.0, "ms", doc="NMDA decay time constant", low=50.0, high=150.0)
    w_p: Slot = param(1.4, doc="local excitatory recurrence", low=0.0, high=2.0)
    J_N: Slot = param(0.15, "nA", doc="NMDA coupling strength", low=0.001, high=0.5)
    W_e: Slot = param(1.0, doc="external input of the excitatory pool, fraction of I_o", low=0.0, high=2.0)
    a_i: Slot = param(0.615, "kHz/nA", doc="gain of the inhibitory pool", low=0.1, high=1.0)
    b_i: Slot = param(0.177, "kHz", doc="threshold of the inhibitory pool", low=0.05, high=0.35)
    d_i: Slot = param(87.0, "ms", doc="curvature of the inhibitory pool", low=30.0, high=200.0)
    gamma_i: Slot = param(1.0, doc="kinetic parameter of the inhibitory pool", low=0.1, high=2.0)
    tau_i: Slot = param(10.0, "ms", doc="GABA decay time constant", low=5.0, high=100.0)
    J_i: Slot = param(1.0, "nA", doc="local inhibition of the excitatory pool", low=0.001, high=2.0)
    W_i: Slot = param(0.7, doc="external input of the inhibitory pool, fraction of I_o", low=0.0, high=1.0)
    I_o: Slot = param(0.382, "nA", doc="external input", low=0.0, high=1.0)
    I_ext: Slot = param(0.0, "nA", doc="additional input to the excitatory pool", low=0.0, high=1.0)
    lamda: Slot = param(0.0, doc="long-range feedforward inhibition", low=0.0, high=1.0)

    states = (State("S_e", 0.1, low=0.0, high=1.0), State("S_i", 0.1, low=0.0, high=1.0))
    sends = ("S_e",)
    ports = ("x_e",)
    observable = "S_e"
    driven = {"H_e": "kHz", "H_i": "kHz"}
    category = "physiological"
    use_case = "resting-state BOLD with feedback inhibition"
    references = ("Deco et al. 2014, J Neurosci 34:7886",)

    def _rates(self, S_e, S_i, c):
        x_e = self.w_p * self.J_N * S_e - self.J_i * S_i + self.W_e * self.I_o + self.J_N * c + self.I_ext
        # The inhibitory self-weight is 1 nA in Deco et al. 2014.
        x_i = self.J_N * S_e - S_i + self.W_i * self.I_o + self.lamda * self.J_N * c
        return rate(x_e, self.a_e, self.b_e, self.d_e), rate(x_i, self.a_i, self.b_i, self.d_i)

    def H_e(self, y, c):
        """Excitatory firing rate (kHz)."""
        return self._rates(y[0], y[1], c[0])[0]

    def H_i(self, y, c):
        """Inhibitory firing rate (kHz)."""
        return self._rates(y[0], y[1], c[0])[1]

    def drift(self, t, y, c):
        (S_e, S_i), (c_x,) = y, c
        H_e, H_i = self._rates(S_e, S_i, c_x)
        return jnp.stack(
            [-S_e / self.tau_e + (1.0 - S_e) * self.gamma_e * H_e, -S_i / self.tau_i + self.gamma_i * H_i]
        )
