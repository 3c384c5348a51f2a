"""Wilson–Cowan model with two kinds of inhibitory cells."""

import equinox as eqx
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._wilson_cowan import WilsonCowan
from ._wilson_cowan_parts import check_kind, population


class WilsonCowanThreePopulations(AbstractModel):
    r"""Excitatory cells with fast inhibition that includes itself (PV-like) and slower inhibition that spares
    itself (SOM-like).

    x_e = α_e (c_ee E - c_ei PV - c_es SOM + P - θ_e + κ_e)
    x_i = α_i (c_ie E - c_ii PV - c_is SOM + Q - θ_i + κ_i)
    x_s = α_s (c_se E + U - θ_s + κ_s)
    τ_s SOM' = -SOM + (k_s - r_s SOM) s(x_s), E' and PV' likewise; κ arrives at the ports

    `core` is the `WilsonCowan` of E and PV (its I); its response and inhibition are those of SOM too.
    Which population inhibits which is after Pfeffer et al. 2013, whence no PV → SOM and no SOM → SOM;
    the weights are on TVB's scale and ours. Names as in TVB: c_es weights SOM → E.
    """

    c_es: Slot = param(4.0, doc="weight SOM → E", low=0.0, high=30.0)
    c_is: Slot = param(4.0, doc="weight SOM → PV", low=0.0, high=30.0)
    c_se: Slot = param(13.0, doc="weight E → SOM", low=0.0, high=30.0)
    tau_s: Slot = param(20.0, "ms", doc="time constant of SOM", low=1.0, high=150.0)
    a_s: Slot = param(1.0, doc="slope of SOM's response", low=0.1, high=2.0)
    b_s: Slot = param(4.0, doc="threshold of SOM's response", low=0.0, high=15.0)
    c_s: Slot = param(1.0, doc="amplitude of SOM's response", low=0.1, high=20.0)
    theta_s: Slot = param(0.0, doc="input threshold of SOM", low=0.0, high=60.0)
    r_s: Slot = param(1.0, doc="refractoriness of SOM", low=0.0, high=2.0)
    k_s: Slot = param(1.0, doc="maximum of SOM's response", low=0.1, high=2.0)
    U: Slot = param(0.0, doc="external input to SOM", low=0.0, high=20.0)
    alpha_s: Slot = param(1.0, doc="gain of SOM's input", low=0.0, high=20.0)
    core: WilsonCowan = eqx.field(default_factory=WilsonCowan)

    states = (
        State("E", 0.1, low=0.0, high=1.0),
        State("PV", 0.1, low=0.0, high=1.0),
        State("SOM", 0.1, low=0.0, high=1.0),
    )
    sends = ("E",)
    ports = ("x_e", "x_i", "x_s")
    observable = "E"
    category = "physiological"
    use_case = "disinhibition, two inhibitory time scales"
    references = (
        "Pfeffer, Xue, He, Huang, Scanziani 2013, Nat Neurosci 16:1068",
        "Litwin-Kumar, Rosenbaum, Doiron 2016, J Neurophysiol 115:1399",
    )

    def __check_init__(self):
        check_kind(
            self.core, WilsonCowan, "WilsonCowanThreePopulations(core=...)", "nmm.models.WilsonCowan(P=1.0)"
        )

    def drift(self, t, y, c):
        (E, PV, SOM), (kappa_e, kappa_i, kappa_s), core = y, c, self.core
        slots = {
            "tau": self.tau_s,
            "a": self.a_s,
            "b": self.b_s,
            "c": self.c_s,
            "theta": self.theta_s,
            "r": self.r_s,
            "k": self.k_s,
            "alpha": self.alpha_s,
        }
        return jnp.stack(
            [
                core.excitatory(E, core.c_ee * E + kappa_e, core.c_ei * PV + self.c_es * SOM),
                core.inhibitory(PV, core.c_ie * E + kappa_i, core.c_ii * PV + self.c_is * SOM),
                population(SOM, self.c_se * E + self.U + kappa_s, core.response, **slots),
            ]
        )
