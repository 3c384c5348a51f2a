"""Jacobians of a network at rest, local to its regions, and the linear systems made of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Shaped

from .._networks._network import Network


class Local(NamedTuple):
    """The Jacobian J = A + B W C of a network whose messages take no time, as what it is made of.

    Fields:
        A: state by state, with what a coupling adds through the region's own state (diffusion).
        B: state by arriving message.
        C: message by state.
        weights: W, of the messages.
    """

    A: Float[Array, "state state region"]
    B: Float[Array, "state message region"]
    C: Float[Array, "message state region"]
    weights: Float[Array, "to from"]

    def solve(
        self, b: Float[Array, "state region"], rate: Float[Array, ""] | float = 0.0
    ) -> Float[Array, "state region"]:
        """(rate - J)⁻¹ b.

        Regions are eliminated first, R = (rate - A)⁻¹, so that only the network of messages needs a large
        solve: (1 - W C R B) u = W C R b.
        """
        n_messages, n = self.C.shape[0], self.A.shape[-1]
        R = inverse(rate * jnp.eye(self.A.shape[0], dtype=self.A.dtype)[..., None] - self.A)
        Rb = jnp.einsum("str,tr->sr", R, b)
        if n_messages == 0:
            return Rb
        RB = jnp.einsum("str,tmr->smr", R, self.B)
        CRB = jnp.einsum("msr,slr->mlr", self.C, RB)
        around = jnp.einsum("ij,mlj->milj", self.weights, CRB).reshape(n_messages * n, n_messages * n)
        sent = jnp.einsum("ij,msj,sj->mi", self.weights, self.C, Rb)
        u = jnp.linalg.solve(jnp.eye(n_messages * n, dtype=around.dtype) - around, sent.ravel()).reshape(
            n_messages, n
        )
        return Rb + jnp.einsum("smr,mr->sr", RB, u)


def local(network: Network, y: Float[Array, "state region"]) -> Local:
    """The Jacobians of `network` at `y`.

    One forward derivative along a state, in all regions at once, is one column of every region's Jacobian.
    """
    weights = jnp.asarray(network.connectome.weights, y.dtype)
    strengths = network.strengths(weights)

    def drift(y: Array, total: Array) -> Array:
        return network.model.drift(jnp.asarray(0.0), y, network.inputs(total, y, strengths))

    total = jnp.einsum("ij,mj->mi", weights, network.messages(y))
    A = columns(lambda y: drift(y, total), y)
    if network.couplings:
        B, C = columns(lambda total: drift(y, total), total), columns(network.messages, y)
    else:
        B, C = (
            jnp.zeros((y.shape[0], 0, network.n_regions), y.dtype),
            jnp.zeros((0, y.shape[0], network.n_regions), y.dtype),
        )
    return Local(A, B, C, weights)


def columns(function, at: Float[Array, "row region"]) -> Float[Array, "out row region"]:
    """The Jacobian of each region of a function that is local to regions."""
    directions = jnp.eye(at.shape[0], dtype=at.dtype)[:, :, None] * jnp.ones_like(at)
    derivative = jax.vmap(lambda v: jax.jvp(function, (at,), (v,))[1])(directions)
    return jnp.moveaxis(derivative, 0, -2)


def inverse(M: Shaped[Array, "state state region"]) -> Shaped[Array, "state state region"]:
    """Of every region's real or complex matrix; closed forms for one and two states."""
    if M.shape[0] == 1:
        return 1.0 / M
    if M.shape[0] == 2:
        (a, b), (c, d) = M
        return jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) / (a * d - b * c)
    return jnp.moveaxis(jnp.linalg.inv(jnp.moveaxis(M, -1, 0)), 0, -1)


def resolvent(
    A: Float[Array, "state state region"], omega: Float[Array, " #region"] | Float[Array, ""]
) -> Complex[Array, "state state region"]:
    """(iω - A)⁻¹ in every region, at one frequency or one for each."""
    return inverse(1j * omega * jnp.eye(A.shape[0])[..., None] - A)
