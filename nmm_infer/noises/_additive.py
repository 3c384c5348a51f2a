"""Additive white noise."""

import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from ._base import AbstractNoise
from ._draw import normals


class Additive(AbstractNoise):
    r"""White noise: dx = f dt + σ dW.

    σ is in units of the state per √ms; over one step the state gets σ √dt times a standard normal.
    """

    sigma: Slot = param(0.01, doc="amplitude, in units of the state per √ms", low=0.0, high=100.0)
    states: tuple[str, ...] | None = names_field()

    def start(self, key, shape):
        return jnp.zeros(shape)

    def block(self, key, carry, first, n, step):
        return carry, self.sigma * step**0.5 * normals(key, first, n, carry.shape)

    def spectrum(self, omega, shape):
        return jnp.broadcast_to(jnp.asarray(self.sigma) ** 2, (omega.size, *shape))
