"""Sigmoidal coupling of potentials, as Jansen and Rit use it."""

import jax

from ..parameters import Slot, names_field, param
from ._base import AbstractCoupling


class SigmoidalJansenRit(AbstractCoupling):
    r"""c_i = a Σ_j w_ij [cmin + (cmax - cmin) / (1 + exp(r (midpoint - v_j)))], TVB's `SigmoidalJansenRit`.

    The sigmoid acts at the sender and turns its potential v = y1 - y2 (mV) into a firing rate (kHz).
    It is for networks whose coupling sigmoid differs from the column's own, whose rate
    `couplings.Additive` sends by default. With `cmax` = 2 nu_max, `midpoint` = v0 and the same `r`
    the two agree.
    """

    cmin: Slot = param(0.0, "kHz", doc="lower asymptote", low=-1.0, high=1.0)
    cmax: Slot = param(0.005, "kHz", doc="upper asymptote", low=0.0, high=1.0)
    midpoint: Slot = param(6.0, "mV", doc="potential of half response", low=-10.0, high=20.0)
    r: Slot = param(0.56, "1/mV", doc="steepness", low=0.01, high=2.0)
    a: Slot = param(1.0, doc="global coupling strength", low=0.0, high=100.0)
    source: tuple[str, ...] | None = names_field(("psp",))
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return self.cmin + (self.cmax - self.cmin) * jax.nn.sigmoid(self.r * (source - self.midpoint))

    def post(self, total, target, strength):
        return self.a * total
