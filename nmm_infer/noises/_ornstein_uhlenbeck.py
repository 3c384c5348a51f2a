"""Noise that is coloured in time."""

import jax
import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from ._base import AbstractNoise
from ._draw import normals, start_normals


class OrnsteinUhlenbeck(AbstractNoise):
    r"""Coloured noise: x' = f + η with τ η' = -η + σ √(2 τ) ξ, in every noisy state independently.

    η has standard deviation σ (units of the state per ms), correlation time τ, and is started in its
    stationary distribution. Its update over a step is exact (Gillespie 1996, Phys Rev E 54:2084), and what
    a step adds to the state is the integral of η, whose power at low frequencies, 2 σ² τ, is that of η at
    every step size. So σ and τ mean the same at steps that are shorter than τ and at longer ones, where
    the noise is as good as white.
    """

    sigma: Slot = param(
        0.01, doc="standard deviation of the forcing, in units of the state per ms", low=0.0, high=100.0
    )
    tau: Slot = param(10.0, "ms", doc="correlation time", low=0.1, high=1000.0)
    states: tuple[str, ...] | None = names_field()

    def start(self, key, shape):
        return self.sigma * start_normals(key, shape)

    @property
    def has_memory(self):
        return True

    def block(self, key, carry, first, n, step):
        share, z = step / self.tau, normals(key, first, n, carry.shape)
        decay, kick = jnp.exp(-share), jnp.sqrt(-jnp.expm1(-2.0 * share))

        def advance(eta, z):
            return decay * eta + self.sigma * kick * z, eta

        last, path = jax.lax.scan(advance, carry, z)
        # ∫ η over a step is its mean given η at the start, τ (1 - e^{-h/τ}) η, and a number of its own. Drawn
        # apart, that would take a second normal; as a multiple of z it has the size for which sums over many
        # steps have the variance of the integral, 2 σ² τ t: τ (1 - decay) η sums up to τ σ kick z for each z,
        # and σ √(2 τ h) z is wanted.
        return (
            last,
            -jnp.expm1(-share) * self.tau * path + self.sigma * self.tau * (jnp.sqrt(2.0 * share) - kick) * z,
        )

    def spectrum(self, omega, shape):
        tau, sigma = jnp.broadcast_to(self.tau, shape), jnp.broadcast_to(self.sigma, shape)
        return 2.0 * sigma**2 * tau / (1.0 + (omega[:, None, None] * tau) ** 2)
