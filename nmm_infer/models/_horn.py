"""Node of a harmonic oscillator recurrent network."""

import math

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class HORN(AbstractModel):
    r"""Damped harmonic oscillator that is driven through a saturating input, the node of a harmonic
    oscillator recurrent network.

    u = c + κ x
    x' = v
    v' = α tanh(u) - ω² x - 2 γ v

    The published network counts time in its own steps, here ms: at the default ω one period is 28 of them.
    Regions send their velocity `v`. `HORNLayer` steps many such nodes through a sequence and has weights that
    can be trained.
    """

    alpha: Slot = param(0.04, "1/ms^2", doc="excitability: the largest drive", low=0.0, high=1.0)
    omega: Slot = param(2.0 * math.pi / 28.0, "rad/ms", doc="natural angular frequency", low=0.01, high=1.0)
    gamma: Slot = param(0.01, "1/ms", doc="damping", low=0.0, high=0.5)
    kappa: Slot = param(0.0, doc="feedback of the position into its own input", low=-1.0, high=1.0)

    states = (State("x", 1.0, low=-10.0, high=10.0), State("v", 0.0, "1/ms", low=-2.0, high=2.0))
    sends = ("v",)
    ports = ("u",)
    observable = "x"
    noisy = ("v",)
    category = "network"
    use_case = "computing with oscillations, trained by gradients"
    references = ("Effenberger, Carvalho, Dubinin, Singer 2025, PNAS 122:e2412830122",)

    def drift(self, t, y, c):
        (x, v), (c_u,) = y, c
        return jnp.stack(
            [v, self.alpha * jnp.tanh(c_u + self.kappa * x) - self.omega**2 * x - 2.0 * self.gamma * v]
        )
