"""Stuart–Landau oscillator."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractRotatingModel, State
from ._hopf import normal_form


class StuartLandau(AbstractRotatingModel):
    r"""Weakly nonlinear oscillator close to its onset: the Hopf normal form in the scale in which saturation
    is 1.

    x' = (a - (x² + y²)) x - ω y + c_x
    y' = (a - (x² + y²)) y + ω x + c_y

    With z = x + i y it is z' = (a + i ω - |z|²) z + c: amplitude √a, period 2π/ω.
    """

    a: Slot = param(
        0.25, "1/ms", doc="distance to the bifurcation; oscillates when positive", low=-1.0, high=1.0
    )
    omega: Slot = param(0.2, "rad/ms", doc="angular frequency", low=1e-5, high=2.0)

    states = (State("x", 0.1), State("y", 0.0))
    sends = ("x", "y")
    ports = ("x", "y")
    observable = "x"
    category = "phenomenological"
    use_case = "amplitude and phase of coupled oscillations"
    references = ("Kuramoto 1984, Chemical Oscillations, Waves, and Turbulence (Springer), chapter 2",)

    def drift(self, t, y, c):
        (x, z), (c_x, c_y) = y, c
        dx, dz = normal_form(x, z, self.a, self.omega, 1.0)
        return jnp.stack([dx + c_x, dz + c_y])
