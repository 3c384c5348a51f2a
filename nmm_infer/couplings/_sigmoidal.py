"""Sigmoidal coupling."""

import jax

from ..parameters import Slot, names_field, param
from ._base import AbstractCoupling


class Sigmoidal(AbstractCoupling):
    r"""c_i = cmin + (cmax - cmin) / (1 + exp(-a (Σ_j w_ij x_j - midpoint) / sigma)), TVB's `Sigmoidal`.

    The sigmoid acts on the summed input: it saturates a region's drive.
    """

    cmin: Slot = param(-1.0, doc="lower asymptote", low=-1000.0, high=1000.0)
    cmax: Slot = param(1.0, doc="upper asymptote", low=-1000.0, high=1000.0)
    midpoint: Slot = param(0.0, doc="summed input of half response", low=-1000.0, high=1000.0)
    a: Slot = param(1.0, doc="scaling of the summed input", low=0.01, high=1000.0)
    sigma: Slot = param(230.0, doc="width of the sigmoid", low=0.01, high=1000.0)
    source: tuple[str, ...] | None = names_field()
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return source

    def post(self, total, target, strength):
        return self.cmin + (self.cmax - self.cmin) * jax.nn.sigmoid(
            self.a * (total - self.midpoint) / self.sigma
        )
