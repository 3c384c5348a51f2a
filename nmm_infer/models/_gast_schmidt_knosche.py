"""What the two mean fields with short-term adaptation have in common."""

import abc

import jax.numpy as jnp
from equinox import AbstractVar
from jaxtyping import Array, Float

from ..parameters import Slot
from ._base import AbstractModel, State


class AbstractGastSchmidtKnosche(AbstractModel):
    r"""Mean field of quadratic integrate-and-fire neurons whose activity is held back by an adaptation A.

    r' = (Δ/(π τ) + 2 r V) / τ
    V' = (V² + η + R + I + cr c_r + cv c_V - (π τ r)²) / τ
    A' = B / τ_A
    B' = (-2 B - A + α r) / τ_A

    A final class says what the recurrent input R is.
    """

    tau: AbstractVar[Slot]
    tau_A: AbstractVar[Slot]
    alpha: AbstractVar[Slot]
    I: AbstractVar[Slot]
    Delta: AbstractVar[Slot]
    J: AbstractVar[Slot]
    eta: AbstractVar[Slot]
    cr: AbstractVar[Slot]
    cv: AbstractVar[Slot]

    states = (
        State("r", 0.1, "kHz", 0.0, 7.0),
        State("V", -1.0, "1", -8.0, 8.0),
        State("A", 0.0, "1", -1.0, 15.0),
        State("B", 0.0, "1", -5.0, 8.0),
    )
    sends = ("r",)
    ports = ("r", "V")
    observable = "r"
    category = "physiological"
    references = ("Gast, Schmidt, Knösche 2020, Neural Comput 32:1615",)

    @abc.abstractmethod
    def recurrent(self, r: Float[Array, " region"], A: Float[Array, " region"]) -> Float[Array, " region"]:
        """The input R of the population from itself."""

    def drift(self, t, y, c):
        (r, V, A, B), (c_r, c_V) = y, c
        current = self.eta + self.recurrent(r, A) + self.I + self.cr * c_r + self.cv * c_V
        return jnp.stack(
            [
                (self.Delta / (jnp.pi * self.tau) + 2.0 * r * V) / self.tau,
                (V**2 + current - (jnp.pi * self.tau * r) ** 2) / self.tau,
                B / self.tau_A,
                (-2.0 * B - A + self.alpha * r) / self.tau_A,
            ]
        )
