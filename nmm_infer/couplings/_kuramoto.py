"""Coupling of phases."""

import jax.numpy as jnp

from ..parameters import Slot, names_field, param
from ._base import AbstractPhaseCoupling


class Kuramoto(AbstractPhaseCoupling):
    r"""c_i = (K/N) Σ_j w_ij sin(x_j(t - d_ij) - x_i(t) - α_i) for phases x in rad and N regions; TVB's
    `Kuramoto` with α = 0.

    By the addition theorem it is two messages, sin x_j and cos x_j, so that delays and sums are those
    of any other coupling. The lag α belongs to the target (Sakaguchi & Kuramoto 1986, Prog Theor Phys
    76:576). With identical frequencies, α = 0 and K > 0 phases synchronise (Kuramoto 1984).
    """

    K: Slot = param(1.0, "rad/ms", doc="coupling strength", low=0.0, high=10.0)
    alpha: Slot = param(0.0, "rad", doc="phase lag of the target", low=-3.15, high=3.15)
    source: tuple[str, ...] | None = names_field()
    port: tuple[str, ...] | None = names_field()

    def pre(self, source):
        return jnp.concatenate([jnp.sin(source), jnp.cos(source)])

    def post(self, total, target, strength):
        sine, cosine = jnp.split(total, 2)
        own = target + self.alpha
        return self.K / target.shape[-1] * (sine * jnp.cos(own) - cosine * jnp.sin(own))
