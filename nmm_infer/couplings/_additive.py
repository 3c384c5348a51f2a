"""Additive coupling."""

from ..parameters import Slot, names_field, param
from ._base import AbstractLinearCoupling


class Additive(AbstractLinearCoupling):
    r"""c_i = G Σ_j w_ij x_j(t - d_ij), TVB's `Linear` without offset."""

    G: Slot = param(1.0, doc="global coupling strength", low=0.0, high=100.0)
    source: tuple[str, ...] | None = names_field()
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return source

    def post(self, total, target, strength):
        return self.G * total
