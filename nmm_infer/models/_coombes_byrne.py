"""Next-generation neural mass with an instantaneous synaptic conductance."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import synchrony


class CoombesByrne(AbstractModel):
    r"""Exact mean field of theta neurons with conductance synapses that follow the rate at once (TVB's
    CoombesByrne2D).

    g = k π r
    r' = Δ/π + 2 r V - g r
    V' = V² - (π r)² + η + (v_syn - V) g + c

    At the defaults a stable focus at (0.1847, -0.5714). `synchrony` is the modulus of the
    Kuramoto order parameter Z = (1 - W*) / (1 + W*), W = π r + i V.
    """

    Delta: Slot = param(1.0, doc="half-width of the distribution of excitability", low=0.1, high=10.0)
    v_syn: Slot = param(-4.0, doc="reversal potential of the synapses", low=-20.0, high=10.0)
    k: Slot = param(1.0, doc="local coupling strength", low=0.0, high=5.0)
    eta: Slot = param(2.0, doc="centre of the distribution of excitability", low=-10.0, high=25.0)

    states = (State("r", 0.1, "kHz", 0.0, 2.0), State("V", 0.0, "1", -2.0, 1.5))
    sends = ("r",)
    ports = ("V",)
    observable = "r"
    derived = {"g": "1", "synchrony": "1"}
    category = "physiological"
    use_case = "rate and synchrony of a spiking population"
    references = (
        (
            "Coombes & Byrne 2019, Next generation neural mass models, in Nonlinear Dynamics in Computational"
            " Neuroscience (Springer)"
        ),
        "Montbrió, Pazó, Roxin 2015, Phys Rev X 5:021028",
    )

    def g(self, y):
        """Synaptic conductance, k π r."""
        return self.k * jnp.pi * y[0]

    def synchrony(self, y):
        """How synchronously the population fires, from 0 to 1."""
        return synchrony(y[0], y[1])

    def drift(self, t, y, c):
        (r, V), (c_V,) = y, c
        g = self.g(y)
        return jnp.stack(
            [
                self.Delta / jnp.pi + 2.0 * r * V - g * r,
                V**2 - (jnp.pi * r) ** 2 + self.eta + (self.v_syn - V) * g + c_V,
            ]
        )
