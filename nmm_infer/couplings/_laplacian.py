"""Diffusion on the normalised graph."""

import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from ._base import AbstractLinearCoupling


class Laplacian(AbstractLinearCoupling):
    r"""c_i = G (Σ_j w_ij x_j(t - d_ij) / Σ_j w_ij - x_i(t)), minus G times the random-walk Laplacian of the
    graph.

    Every region is pulled towards the weighted mean of its inputs with the same force G, however
    strongly it is connected; a region without inputs is left alone. Without the normalisation it is
    `Diffusive`. Abdelnour, Voss & Raj 2014 (NeuroImage 90:335) predict functional connectivity by it.
    """

    G: Slot = param(1.0, doc="global coupling strength", low=0.0, high=100.0)
    source: tuple[str, ...] | None = names_field()
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return source

    def post(self, total, target, strength):
        # The inner `where` keeps the gradient of an unconnected region finite.
        connected = strength != 0
        mean = total / jnp.where(connected, strength, 1.0)
        return self.G * jnp.where(connected, mean - target, 0.0)
