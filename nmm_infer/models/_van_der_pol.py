"""Van der Pol oscillator."""

import jax.numpy as jnp

from ..parameters import Slot, param
from ._base import AbstractModel, State


class VanDerPol(AbstractModel):
    r"""Self-sustained oscillation from nearly harmonic (small μ) to relaxation (large μ), in Liénard's form.

    x' = μ (x - x³/3 - y) + c
    y' = x/μ

    Without input x'' = μ (1 - x²) x' - x. The amplitude is close to 2 whatever μ; the period grows from
    2π to (3 - 2 ln 2) μ.
    """

    mu: Slot = param(1.0, doc="nonlinear damping", low=0.1, high=10.0)

    states = (State("x", 0.1, low=-3.0, high=3.0), State("y", 0.0, low=-2.5, high=2.5))
    sends = ("x",)
    ports = ("x",)
    observable = "x"
    category = "phenomenological"
    use_case = "relaxation oscillations"
    references = ("van der Pol 1926, Phil Mag 2:978",)

    def drift(self, t, y, c):
        (x, slow), (c_x,) = y, c
        return jnp.stack([self.mu * (x - x**3 / 3.0 - slow) + c_x, x / self.mu])
