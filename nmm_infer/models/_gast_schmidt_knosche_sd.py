"""Exact mean field of neurons with synaptic depression."""

from ..parameters import Slot, param
from ._gast_schmidt_knosche import AbstractGastSchmidtKnosche


class GastSchmidtKnoscheSD(AbstractGastSchmidtKnosche):
    r"""Quadratic integrate-and-fire neurons whose synapses tire: collective bursting.

    r' = (Δ/(π τ) + 2 r V) / τ
    V' = (V² + η + J τ r (1 - A) + I + cr c_r + cv c_V - (π τ r)²) / τ
    A' = B / τ_A
    B' = (-2 B - A + α r) / τ_A

    A is the depression of the recurrent synapses (TVB's GastSchmidtKnosche_SD). Both coupling inputs enter
    V': c_r at port `r`, c_V at port `V`.
    """

    tau: Slot = param(1.0, "ms", doc="membrane time constant", low=0.5, high=20.0)
    tau_A: Slot = param(10.0, "ms", doc="time constant of adaptation", low=1.0, high=100.0)
    alpha: Slot = param(0.5, doc="rate of adaptation", low=0.0, high=1.0)
    I: Slot = param(0.0, doc="external current", low=-10.0, high=10.0)
    Delta: Slot = param(2.0, doc="half-width of the distribution of excitability", low=0.1, high=10.0)
    J: Slot = param(21.2132, doc="mean synaptic weight, 15 √Δ", low=0.0, high=25.0)
    eta: Slot = param(-6.0, doc="centre of the distribution of excitability", low=-10.0, high=10.0)
    cr: Slot = param(1.0, doc="gain of the coupling through rates", low=0.0, high=1.0)
    cv: Slot = param(0.0, doc="gain of the coupling through potentials", low=0.0, high=1.0)

    use_case = "bursting through synaptic depression"

    def recurrent(self, r, A):
        return self.J * self.tau * r * (1.0 - A)
