"""How noise in every region spreads through a linearised network, frequency by frequency."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ._linearisation import Linearisation
from ._local import resolvent


def source_response(
    lin: Linearisation, omega: Float[Array, " frequency"]
) -> Complex[Array, "frequency region noisy source"]:
    """Response of the observed variable in `region` to noise on state `noisy` of region `source`, at `omega`
    (rad/ms).

    Region by region, R = (iω - A)⁻¹; between regions K(ω) = W e^{-iωd}. Only the network of messages needs
    a solve, of size regions × messages: (I - C R B K) Y = C R E for what is sent, and then
    m R E + (m R B + d) K Y for what is observed. Exact for any delays.
    Where two messages are one complex one (`Linearisation.rotates`) there are two solves of half that size.
    """
    return jax.vmap(lambda w: (_turning if lin.rotates else _at)(lin, w))(omega)


class Loop(NamedTuple):
    """A network of regions that send one message and are seen through it: the response is diag(left) M⁻¹
    diag(right), with M = 1 - diag(gain) K.

    Fields:
        gain: from what arrives at a region to what it sends.
        K: from what is sent to what arrives: the weights, and delays at each frequency if there are any.
        left: from what is sent to what is observed.
        right: from the noise to what is sent.
    """

    gain: Complex[Array, "frequency region"]
    K: Float[Array, "region region"] | Complex[Array, "frequency region region"]
    left: Complex[Array, "frequency region"]
    right: Complex[Array, "frequency region"]

    @property
    def M(self) -> Complex[Array, "frequency region region"]:
        """Identity minus loop gain."""
        return jnp.eye(self.K.shape[-1]) - self.gain[..., None] * self.K

    def response(self) -> Complex[Array, "frequency region source"]:
        """Of what is observed to the noise in each region."""
        return self.left[..., :, None] * jnp.linalg.inv(self.M) * self.right[..., None, :]


def loop(
    lin: Linearisation, omega: Float[Array, " frequency"], density: Float[Array, "frequency noisy region"]
) -> Loop:
    """The factors of the response where one message is sent, a function of what is observed, and noise has
    this power density.

    Noise on several states of a region is seen by the others, and by who observes it, as one signal: with
    their powers added it has one factor.
    """
    R = jax.vmap(lambda w: resolvent(lin.A, w))(omega)  # "frequency state state region"
    out = jnp.einsum("sr,fstr->ftr", lin.C[0], R)
    sources = out[:, jnp.asarray(lin.noisy)]
    sources = sources if lin.gate is None else sources * lin.gate
    power = jnp.sum((sources.real**2 + sources.imag**2) * density, axis=1)
    # A region without noise has no power, whose root has no derivative, and needs none.
    right = jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)
    gain = jnp.einsum("ftr,tr->fr", out, lin.B[:, 0])
    K = lin.weights if lin.delays is None else lin.weights * jnp.exp(-1j * omega[:, None, None] * lin.delays)
    # What is observed is what is sent, up to the ratio of their derivatives: the same for all states that
    # both depend on.
    ratio = jnp.sum(lin.m * lin.C[0], axis=0) / jnp.sum(lin.C[0] ** 2, axis=0)
    return Loop(gain, K, jnp.broadcast_to(ratio, right.shape).astype(gain.dtype), right.astype(gain.dtype))


def _at(lin: Linearisation, omega: Float[Array, ""]) -> Complex[Array, "region noisy source"]:
    n, n_messages = lin.n_regions, lin.n_messages
    R = resolvent(lin.A, omega)
    E = R[:, jnp.asarray(lin.noisy)]  # "state noisy region"
    E = E if lin.gate is None else E * lin.gate
    mE = jnp.einsum("sr,sqr->qr", lin.m, E)
    direct = jnp.einsum("qr,rk->rqk", mE, jnp.eye(n))
    if n_messages == 0:
        return direct
    RB = jnp.einsum("str,tmr->smr", R, lin.B)
    CE = jnp.einsum("msr,sqr->mqr", lin.C, E)
    CB = jnp.einsum("msr,slr->mlr", lin.C, RB)
    K = lin.weights if lin.delays is None else lin.weights * jnp.exp(-1j * omega * lin.delays)
    loop = jnp.einsum("mlr,rk->mrlk", CB, K).reshape(n_messages * n, n_messages * n)
    T = jnp.linalg.inv(jnp.eye(n_messages * n) - loop).reshape(n_messages, n, n_messages, n)
    sent = jnp.einsum("mrlk,lqk->mrqk", T, CE)
    arriving = jnp.einsum("ij,mjqk->miqk", K, sent)
    mB = jnp.einsum("sr,smr->mr", lin.m, RB) + lin.d
    return direct + jnp.einsum("mr,mrqk->rqk", mB, arriving)


def _turning(lin: Linearisation, omega: Float[Array, ""]) -> Complex[Array, "region noisy source"]:
    """As `_at`, of z = x + i y and its mirror image x - i y, which know nothing of each other."""
    K = lin.weights if lin.delays is None else lin.weights * jnp.exp(-1j * omega * lin.delays)
    rate, arrives, sends = (part[0, 0] + 1j * part[1, 0] for part in (lin.A, lin.B, lin.C))

    def response(rate: Array, arrives: Array, sends: Array) -> Complex[Array, "region source"]:
        R = 1.0 / (1j * omega - rate)
        loop = (R * arrives)[:, None] * K * sends
        return jnp.linalg.inv(jnp.eye(lin.n_regions) - loop) * R

    one, other = response(rate, arrives, sends), response(rate.conj(), arrives.conj(), sends.conj())
    mean, half = 0.5 * (one + other), -0.5j * (one - other)
    # What x and y do in answer to noise on x, and to noise on y.
    answers = {0: (mean, half), 1: (-half, mean)}
    columns = [lin.m[0][:, None] * x + lin.m[1][:, None] * y for x, y in (answers[row] for row in lin.noisy)]
    return jnp.stack(columns, axis=1)
