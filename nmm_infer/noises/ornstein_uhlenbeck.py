"""Noise that is coloured in time."""

import jax
import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from .base import AbstractNoise, NoiseBlock
from .draw import normals, start_normals


class OrnsteinUhlenbeck(AbstractNoise):
    r"""Coloured noise: x' = f + η with τ η' = -η + σ √(2 τ) ξ, in every noisy state independently.

    η has standard deviation σ (units of the state per ms), correlation time τ, and is started in its
    stationary distribution. Its update over a step is exact, so σ and τ mean the same at every step
    size (Gillespie 1996, Phys Rev E 54:2084).
    """

    sigma: Slot = param(0.01, doc="standard deviation of the forcing, in units of the state per ms", low=0.0, high=1.0)
    tau: Slot = param(10.0, "ms", doc="correlation time", low=0.1, high=1000.0)
    states: tuple[str, ...] | None = names_field()

    def start(self, key, shape):
        return self.sigma * start_normals(key, shape)

    @property
    def has_memory(self):
        return True

    def block(self, key, carry, first, n, step):
        decay = jnp.exp(-step / self.tau)
        kicks = self.sigma * jnp.sqrt(-jnp.expm1(-2.0 * step / self.tau)) * normals(key, first, n, carry.shape)

        def advance(eta, kick):
            eta = decay * eta + kick
            return eta, eta

        last, path = jax.lax.scan(advance, carry, kicks)
        return last, NoiseBlock(None, jnp.concatenate([carry[None], path]))

    def spectrum(self, omega, shape):
        tau, sigma = jnp.broadcast_to(self.tau, shape), jnp.broadcast_to(self.sigma, shape)
        return 2.0 * sigma**2 * tau / (1.0 + (omega[:, None, None] * tau) ** 2)
