"""Reduced Wong–Wang mean field, one excitatory pool."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import rate


class ReducedWongWang(AbstractModel):
    r"""Dynamic mean field of one pool with slow NMDA synapses.

    x = w J_N S + I_o + J_N c
    S' = -S/τ_s + (1 - S) γ H(x),  H(x) = (a x - b) / (1 - exp(-d (a x - b)))

    Rates are kHz inside; `H` is a variable of the model, in kHz.
    """

    a: Slot = param(0.270, "kHz/nA", doc="gain of the input-output function", low=0.1, high=0.5)
    b: Slot = param(0.108, "kHz", doc="threshold of the input-output function", low=0.05, high=0.2)
    d: Slot = param(154.0, "ms", doc="curvature of the input-output function", low=50.0, high=300.0)
    gamma: Slot = param(0.641, doc="kinetic parameter", low=0.1, high=1.0)
    tau_s: Slot = param(100.0, "ms", doc="NMDA decay time constant", low=50.0, high=150.0)
    w: Slot = param(0.6, doc="local recurrence", low=0.0, high=1.0)
    J_N: Slot = param(0.2609, "nA", doc="synaptic coupling strength", low=0.0, high=0.5)
    I_o: Slot = param(0.33, "nA", doc="external input", low=0.0, high=1.0)

    states = (State("S", 0.1, low=0.0, high=1.0),)
    sends = ("S",)
    ports = ("x",)
    observable = "S"
    driven = {"H": "kHz"}
    category = "physiological"
    use_case = "resting-state BOLD, multistability"
    references = (
        "Wong & Wang 2006, J Neurosci 26:1314",
        "Deco et al. 2013, J Neurosci 33:11239",
    )

    def _rate(self, S: Float[Array, " region"], c: Float[Array, " region"]) -> Float[Array, " region"]:
        return rate(self.w * self.J_N * S + self.I_o + self.J_N * c, self.a, self.b, self.d)

    def H(self, y: Float[Array, "state region"], c: Float[Array, "port region"]) -> Float[Array, " region"]:
        """Firing rate (kHz)."""
        return self._rate(y[0], c[0])

    def drift(self, t, y, c):
        (S,), (c_x,) = y, c
        return jnp.stack([-S / self.tau_s + (1.0 - S) * self.gamma * self._rate(S, c_x)])
