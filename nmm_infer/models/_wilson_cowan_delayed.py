"""Wilson–Cowan populations with delays between them."""

import equinox as eqx
import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._wilson_cowan import WilsonCowan
from ._wilson_cowan_parts import check_kind

# Four stages: the delay's standard deviation is half its mean.
STAGES = 4


class WilsonCowanDelayed(AbstractModel):
    r"""Wilson–Cowan populations that see each other, and themselves, with a delay inside the region.

    E' and I' of `core`, with E_4 and I_4 for E and I in c_ee E, c_ie E, c_ei I and c_ii I
    E_1' = (E - E_1) 4/d_e, …, E_4' = (E_3 - E_4) 4/d_e
    I_1' = (I - I_1) 4/d_i, …, I_4' = (I_3 - I_4) 4/d_i

    The delay is gamma-distributed with mean `d_e` (axons of E) or `d_i` (axons of I): axons of one
    population are not equally long, so neither are their delays. Being a chain of four first-order
    states it needs no history, has gradients with respect to the delay, and works in every network,
    observation and linearisation. Keep the step below a quarter of the shortest delay.

    `core` is a `WilsonCowan` of any kind.
    """

    d_e: Slot = param(2.0, "ms", doc="mean delay of what E sends", low=0.5, high=50.0)
    d_i: Slot = param(1.5, "ms", doc="mean delay of what I sends", low=0.5, high=50.0)
    core: WilsonCowan = eqx.field(default_factory=WilsonCowan)

    states = (
        State("E", 0.1, low=0.0, high=1.0),
        State("I", 0.1, low=0.0, high=1.0),
        *(
            State(f"{name}_{stage}", 0.1, low=0.0, high=1.0)
            for name in "EI"
            for stage in range(1, STAGES + 1)
        ),
    )
    sends = ("E",)
    ports = ("x_e",)
    observable = "E"
    noisy = ("E", "I")
    category = "physiological"
    use_case = "rhythms of delayed inhibition"
    references = (
        "Kaslik, Kokovics, Rădulescu 2021, arXiv:1904.12108",
        "MacDonald 1978, Time Lags in Biological Models (Springer)",
    )

    def __check_init__(self):
        check_kind(self.core, WilsonCowan, "WilsonCowanDelayed(core=...)", "nmm.models.WilsonCowan(P=1.0)")

    def drift(self, t, y, c):
        (E, I), (c_x,), core = y[:2], c, self.core
        from_e, from_i = y[2 : 2 + STAGES], y[2 + STAGES :]
        seen_e, seen_i = from_e[-1], from_i[-1]
        return jnp.concatenate(
            [
                core.excitatory(E, core.c_ee * seen_e + c_x, core.c_ei * seen_i)[None],
                core.inhibitory(I, core.c_ie * seen_e, core.c_ii * seen_i)[None],
                (jnp.concatenate([E[None], from_e[:-1]]) - from_e) * STAGES / self.d_e,
                (jnp.concatenate([I[None], from_i[:-1]]) - from_i) * STAGES / self.d_i,
            ]
        )
