"""Lorenz system."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class Lorenz(AbstractModel):
    r"""Deterministic chaos in three equations: no model of the brain, but of what cannot be predicted.

    x' = σ (y - x) + c
    y' = x (ρ - z) - y
    z' = x y - β z

    Time is counted in ms. Use a step of 0.01.
    """

    sigma: Slot = param(10.0, doc="Prandtl number", low=0.1, high=20.0)
    rho: Slot = param(28.0, doc="Rayleigh number relative to the onset of convection", low=0.0, high=50.0)
    beta: Slot = param(8.0 / 3.0, doc="geometry of the convection cell", low=0.1, high=10.0)

    states = (
        State("x", 1.0, low=-25.0, high=25.0),
        State("y", 1.0, low=-30.0, high=30.0),
        State("z", 1.0, low=0.0, high=55.0),
    )
    sends = ("x",)
    ports = ("x",)
    observable = "x"
    category = "phenomenological"
    use_case = "chaos, test of state estimation"
    references = ("Lorenz 1963, J Atmos Sci 20:130",)

    def drift(self, t, y, c):
        (x, v, z), (c_x,) = y, c
        return jnp.stack([self.sigma * (v - x) + c_x, x * (self.rho - z) - v, x * v - self.beta * z])
