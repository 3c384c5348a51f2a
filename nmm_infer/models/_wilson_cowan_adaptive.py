"""Wilson–Cowan populations with adaptation."""

import equinox as eqx
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._wilson_cowan import WilsonCowan
from ._wilson_cowan_parts import check_kind


class WilsonCowanAdaptive(AbstractModel):
    r"""Wilson–Cowan populations whose excitatory cells tire: slow negative feedback next to the fast one of
    inhibition.

    E' and I' of `core`, with c - a for c
    τ_a a' = -a + b E

    `core` is a `WilsonCowan` of any kind: `WilsonCowanAdaptive(core=WilsonCowan.oscillating(), b=2.0)`.
    """

    tau_a: Slot = param(100.0, "ms", doc="time constant of adaptation", low=10.0, high=2000.0)
    b: Slot = param(0.1, doc="adaptation by sustained activity E = 1", low=0.0, high=20.0)
    core: WilsonCowan = eqx.field(default_factory=WilsonCowan)

    states = (
        State("E", 0.1, low=0.0, high=1.0),
        State("I", 0.1, low=0.0, high=1.0),
        State("a", 0.0, low=0.0, high=20.0),
    )
    sends = ("E",)
    ports = ("x_e",)
    observable = "E"
    noisy = ("E", "I")
    category = "physiological"
    use_case = "slow oscillations, up and down states"
    references = (
        "Benda & Herz 2003, Neural Comput 15:2523",
        "Levenstein, Buzsáki, Rinzel 2019, Nat Commun 10:2478",
    )

    def __check_init__(self):
        check_kind(self.core, WilsonCowan, "WilsonCowanAdaptive(core=...)", "nmm.models.WilsonCowan(P=1.0)")

    def drift(self, t, y, c):
        (E, I, a), (c_x,), core = y, c, self.core
        return jnp.stack(
            [
                core.excitatory(E, core.c_ee * E + c_x - a, core.c_ei * I),
                core.inhibitory(I, core.c_ie * E, core.c_ii * I),
                (-a + self.b * E) / self.tau_a,
            ]
        )
