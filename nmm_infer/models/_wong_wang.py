"""Wong–Wang model of decisions."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import rate


class WongWang(AbstractModel):
    r"""Two pools of neurons that compete for a decision: slow excitation within, inhibition between them.

    I_1 = J11 S1 - J12 S2 + J_A μ0 (1 + coherence) + I_0 + c_1,  r1 = H(I_1)
    I_2 = J22 S2 - J21 S1 + J_A μ0 (1 - coherence) + I_0 + c_2,  r2 = H(I_2)
    S_i' = -S_i/τ_s + (1 - S_i) γ r_i,  H(x) = (a x - b) / (1 - exp(-d (a x - b)))

    Winner takes all: with the stimulus on, the pool that it favours (the first, for a positive coherence)
    ends at a high rate and silences the other. Coherence is a fraction, not a percentage; rates are kHz
    inside.
    """

    a: Slot = param(0.270, "kHz/nA", doc="gain of the input-output function", low=0.1, high=0.5)
    b: Slot = param(0.108, "kHz", doc="threshold of the input-output function", low=0.05, high=0.2)
    d: Slot = param(154.0, "ms", doc="curvature of the input-output function", low=50.0, high=300.0)
    gamma: Slot = param(0.641, doc="kinetic parameter", low=0.1, high=1.0)
    tau_s: Slot = param(100.0, "ms", doc="NMDA decay time constant", low=50.0, high=150.0)
    J11: Slot = param(0.2609, "nA", doc="weight of pool 1 on itself", low=0.0, high=0.5)
    J22: Slot = param(0.2609, "nA", doc="weight of pool 2 on itself", low=0.0, high=0.5)
    J12: Slot = param(0.0497, "nA", doc="inhibition of pool 1 by pool 2", low=0.0, high=0.2)
    J21: Slot = param(0.0497, "nA", doc="inhibition of pool 2 by pool 1", low=0.0, high=0.2)
    J_A: Slot = param(0.52, "nA/kHz", doc="weight of the stimulus", low=0.0, high=2.0)
    mu0: Slot = param(0.03, "kHz", doc="strength of the stimulus; 0: none", low=0.0, high=0.1)
    coherence: Slot = param(
        0.0, doc="how much the stimulus favours pool 1 (negative: pool 2)", low=-1.0, high=1.0
    )
    I_0: Slot = param(0.3255, "nA", doc="background input", low=0.0, high=1.0)

    states = (State("S1", 0.1, low=0.0, high=1.0), State("S2", 0.1, low=0.0, high=1.0))
    sends = ("S1", "S2")
    ports = ("I1", "I2")
    observable = "S1"
    driven = {"r1": "kHz", "r2": "kHz"}
    category = "physiological"
    use_case = "perceptual decisions, winner-take-all"
    references = ("Wong & Wang 2006, J Neurosci 26:1314",)

    def _rates(self, S1: Array, S2: Array, c1: Array, c2: Array) -> tuple[Array, Array]:
        stimulus = self.J_A * self.mu0
        I1 = self.J11 * S1 - self.J12 * S2 + stimulus * (1.0 + self.coherence) + self.I_0 + c1
        I2 = self.J22 * S2 - self.J21 * S1 + stimulus * (1.0 - self.coherence) + self.I_0 + c2
        return rate(I1, self.a, self.b, self.d), rate(I2, self.a, self.b, self.d)

    def r1(self, y: Float[Array, "state region"], c: Float[Array, "port region"]) -> Float[Array, " region"]:
        """Firing rate (kHz) of pool 1."""
        return self._rates(*y, *c)[0]

    def r2(self, y: Float[Array, "state region"], c: Float[Array, "port region"]) -> Float[Array, " region"]:
        """Firing rate (kHz) of pool 2."""
        return self._rates(*y, *c)[1]

    def drift(self, t, y, c):
        (S1, S2), (r1, r2) = y, self._rates(*y, *c)
        return jnp.stack(
            [
                -S1 / self.tau_s + (1.0 - S1) * self.gamma * r1,
                -S2 / self.tau_s + (1.0 - S2) * self.gamma * r2,
            ]
        )
