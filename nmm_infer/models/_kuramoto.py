"""Kuramoto phase oscillator."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import Slot, param
from ._base import AbstractModel, State


class Kuramoto(AbstractModel):
    r"""A phase that advances at its own frequency and is pulled by other phases.

    θ' = ω + I + c

    The sine of phase differences is the coupling's (`nmm.couplings.Kuramoto`). Simulated, the phase stays
    between -π and π (`np.unwrap` counts turns); `activity` = sin θ is what is observed. Regions start
    incoherent, one golden angle (0.62 of a turn) after the other: from equal phases equal oscillators would
    never depart.
    """

    omega: Slot = param(1.0, "rad/ms", doc="natural angular frequency", low=0.0, high=2.0)
    I: Slot = param(0.0, "rad/ms", doc="constant drive", low=-1.0, high=1.0)

    states = (State("theta", 0.0, "rad", -math.pi, math.pi, period=2.0 * math.pi, spread=True),)
    sends = ("theta",)
    ports = ("theta",)
    observable = "activity"
    derived = {"activity": "1"}
    category = "network"
    use_case = "synchronisation of phases through the connectome"
    references = (
        (
            "Kuramoto 1975, International Symposium on Mathematical Problems in Theoretical Physics"
            " (Springer), 420"
        ),
        "Cabral, Hugues, Sporns, Deco 2011, NeuroImage 57:130",
    )

    def activity(self, y: Float[Array, "state region"]) -> Float[Array, " region"]:
        """Activity in proportion to the sine of the phase."""
        return jnp.sin(y[0])

    def drift(self, t, y, c):
        return self.omega + self.I + c + jnp.zeros_like(y)
