"""Linear node."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractLinearModel, State


class Linear(AbstractLinearModel):
    r"""A damped linear node, the simplest thing that can be coupled, and the reference for every closed form.

    x' = γ x + c

    With noise it is the multivariate Ornstein–Uhlenbeck process (Gilson et al. 2016, PLoS Comput Biol
    12:e1004762).
    """

    gamma: Slot = param(-10.0, "1/ms", doc="damping coefficient; stable when negative", low=-100.0, high=0.0)

    states = (State("x", 0.1),)
    sends = ("x",)
    ports = ("x",)
    observable = "x"
    category = "phenomenological"
    use_case = "closed-form reference, effective connectivity"
    references = ("Gilson, Moreno-Bote, Ponce-Alvarez, Ritter, Deco 2016, PLoS Comput Biol 12:e1004762",)

    def drift(self, t, y, c):
        (x,), (c_x,) = y, c
        return jnp.stack([self.gamma * x + c_x])
