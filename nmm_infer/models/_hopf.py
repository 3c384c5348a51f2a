"""Normal form of a supercritical Hopf bifurcation."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractRotatingModel, State


class Hopf(AbstractRotatingModel):
    r"""Normal form of a supercritical Hopf bifurcation.

    x' = (a - β(x² + y²)) x - ω y + c_x
    y' = (a - β(x² + y²)) y + ω x + c_y

    Below a = 0 a damped oscillation, above it a limit cycle of amplitude √(a/β) and period 2π/ω.
    """

    a: Slot = param(
        0.25, "1/ms", doc="distance to the bifurcation; oscillates when positive", low=-1.0, high=1.0
    )
    omega: Slot = param(0.2, "rad/ms", doc="angular frequency", low=1e-5, high=2.0)
    beta: Slot = param(1.0, "1/ms", doc="cubic saturation", low=0.1, high=10.0)

    states = (State("x", 0.1), State("y", 0.0))
    sends = ("x", "y")
    ports = ("x", "y")
    observable = "x"
    category = "phenomenological"
    use_case = "resting-state oscillations, distance to criticality"
    references = ("Deco, Kringelbach, Jirsa, Ritter 2017, Sci Rep 7:3095",)

    def drift(self, t, y, c):
        (x, z), (c_x, c_y) = y, c
        dx, dz = normal_form(x, z, self.a, self.omega, self.beta)
        return jnp.stack([dx + c_x, dz + c_y])


def normal_form(
    x: Float[Array, " region"], y: Float[Array, " region"], a: Slot, omega: Slot, beta: Slot
) -> tuple[Array, Array]:
    """z' = (a + i ω - β|z|²) z in real and imaginary part."""
    growth = a - beta * (x**2 + y**2)
    return growth * x - omega * y, growth * y + omega * x
