"""Next-generation neural mass with a synaptic conductance of second order."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State
from ._transfer import synchrony


class CoombesByrne4D(AbstractModel):
    r"""Exact mean field of theta neurons whose synaptic conductance answers with an alpha function (TVB's
    CoombesByrne).

    r' = Δ/π + 2 r V - g r
    V' = V² - (π r)² + η + (v_syn - V) g + c
    g' = α q
    q' = α (k π r - g - 2 q)

    `synchrony` is the modulus of the Kuramoto order parameter Z = (1 - W*) / (1 + W*), W = π r + i V.
    """

    Delta: Slot = param(0.5, doc="half-width of the distribution of excitability", low=0.1, high=10.0)
    alpha: Slot = param(0.95, "1/ms", doc="inverse time constant of the synapses", low=0.1, high=10.0)
    v_syn: Slot = param(-10.0, doc="reversal potential of the synapses", low=-20.0, high=10.0)
    k: Slot = param(1.0, doc="local coupling strength", low=0.0, high=5.0)
    eta: Slot = param(20.0, doc="centre of the distribution of excitability", low=-10.0, high=25.0)

    states = (
        State("r", 0.1, "kHz", 0.0, 7.0),
        State("V", 0.0, "1", -12.0, 12.0),
        State("g", 1.0, "1", 0.0, 4.0),
        State("q", 0.0, "1", -2.0, 2.0),
    )
    sends = ("r",)
    ports = ("V",)
    observable = "r"
    derived = {"synchrony": "1"}
    category = "physiological"
    use_case = "rhythms, event-related synchronisation and desynchronisation"
    references = (
        (
            "Coombes & Byrne 2019, Next generation neural mass models, in Nonlinear Dynamics in Computational"
            " Neuroscience (Springer)"
        ),
    )

    def synchrony(self, y):
        """How synchronously the population fires, from 0 to 1."""
        return synchrony(y[0], y[1])

    def drift(self, t, y, c):
        (r, V, g, q), (c_V,) = y, c
        return jnp.stack(
            [
                self.Delta / jnp.pi + 2.0 * r * V - g * r,
                V**2 - (jnp.pi * r) ** 2 + self.eta + (self.v_syn - V) * g + c_V,
                self.alpha * q,
                self.alpha * (self.k * jnp.pi * r - g - 2.0 * q),
            ]
        )
