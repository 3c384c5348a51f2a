"""Exact mean field of quadratic integrate-and-fire neurons."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class MontbrioPazoRoxin(AbstractModel):
    r"""Exact mean field of infinitely many quadratic integrate-and-fire neurons: rate and membrane potential.

    r' = (Δ/(π τ) + 2 r V) / τ
    V' = (V² + η + J τ r + I + cr c_r + cv c_V - (π τ r)²) / τ

    At the defaults bistable: low (0.0811, -1.9616) and high (1.0306, -0.1544) activity. Both coupling
    inputs enter V': c_r at port `r`, c_V at port `V`.
    """

    tau: Slot = param(1.0, "ms", doc="membrane time constant", low=0.5, high=20.0)
    I: Slot = param(0.0, doc="external current", low=-10.0, high=10.0)
    Delta: Slot = param(1.0, doc="half-width of the distribution of excitability", low=0.1, high=10.0)
    J: Slot = param(15.0, doc="mean synaptic weight", low=0.0, high=25.0)
    eta: Slot = param(-5.0, doc="centre of the distribution of excitability", low=-10.0, high=10.0)
    cr: Slot = param(1.0, doc="gain of the coupling through rates", low=0.0, high=1.0)
    cv: Slot = param(0.0, doc="gain of the coupling through potentials", low=0.0, high=1.0)

    states = (State("r", 0.1, "kHz", 0.0, 2.0), State("V", -2.0, "1", -2.0, 1.5))
    sends = ("r",)
    ports = ("r", "V")
    observable = "r"
    category = "physiological"
    use_case = "bistable resting state, simulation-based studies"
    references = ("Montbrió, Pazó, Roxin 2015, Phys Rev X 5:021028",)

    def drift(self, t, y, c):
        (r, V), (c_r, c_V) = y, c
        current = self.eta + self.J * self.tau * r + self.I + self.cr * c_r + self.cv * c_V
        return jnp.stack(
            [
                (self.Delta / (jnp.pi * self.tau) + 2.0 * r * V) / self.tau,
                (V**2 + current - (jnp.pi * self.tau * r) ** 2) / self.tau,
            ]
        )
