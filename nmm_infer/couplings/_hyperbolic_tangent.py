"""Coupling by a hyperbolic tangent of what is sent."""

import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from ._base import AbstractCoupling


class HyperbolicTangent(AbstractCoupling):
    r"""c_i = G Σ_j w_ij a [1 + tanh((b x_j(t - d_ij) - midpoint) / sigma)], TVB's `HyperbolicTangent` (with G
    = 1).

    The nonlinearity acts at the sender: each region sends a firing rate between 0 and 2 a.
    """

    G: Slot = param(1.0, doc="global coupling strength", low=0.0, high=100.0)
    a: Slot = param(1.0, doc="half of the largest message", low=-1000.0, high=1000.0)
    b: Slot = param(1.0, doc="scaling of the sent variable", low=-1000.0, high=1000.0)
    midpoint: Slot = param(0.0, doc="scaled variable of half response", low=-1000.0, high=1000.0)
    sigma: Slot = param(1.0, doc="width of the tangent", low=0.01, high=1000.0)
    source: tuple[str, ...] | None = names_field()
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return self.a * (1.0 + jnp.tanh((self.b * source - self.midpoint) / self.sigma))

    def post(self, total, target, strength):
        return self.G * total
