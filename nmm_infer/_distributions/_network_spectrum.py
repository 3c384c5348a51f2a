"""Cross-spectra of a network as a product of factors, whose density costs less than that of the spectra
themselves.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Array, Complex, Float

from ..linear._spectrum import Loop
from ._complex_normal import gram


class NetworkSpectrum(eqx.Module):
    """S = H Hᴴ + diag(white) + shared tr(H Hᴴ)/n 1 1ᵀ with H = diag(left) M⁻¹ diag(right) and M = 1 -
    diag(gain) K, for each frequency.

    The derivative by K costs a product of its own, which compiled programs leave out where K is no unknown.

    Fields:
        gain: of a region, from what arrives to what is sent.
        K: from what is sent to what arrives.
        left: from what is sent to what is measured.
        right: from independent sources of unit density to what is sent.
        white: power of the measurement noise of each channel.
        shared: power of a signal in all channels, relative to their mean power.
    """

    gain: Complex[Array, "frequency n"]
    K: Float[Array, "n n"] | Complex[Array, "frequency n n"]
    left: Complex[Array, "frequency n"]
    right: Complex[Array, "frequency n"]
    white: Float[Array, " n"]
    shared: Float[Array, ""]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of S."""
        return (*self.gain.shape, self.gain.shape[-1])

    @property
    def loop(self) -> Loop:
        """The network without its measurement."""
        return Loop(self.gain, self.K, self.left, self.right)

    def dense(self) -> Complex[Array, "frequency n n"]:
        """S."""
        return _spectrum(self.loop.response(), self.white, self.shared)[0]

    def log_density(self, z: Complex[Array, "frequency k n"]) -> Float[Array, " frequency"]:
        """-k log|π S| - Σ_k z_kᴴ S⁻¹ z_k, as `complex_normal.log_density` of `dense()`."""
        return _log_density(self, z)


def _spectrum(H: Array, white: Array, shared: Array) -> tuple[Array, Array]:
    """S, and the mean power of the channels without noise."""
    S = gram(H)
    power = jnp.trace(S, axis1=-2, axis2=-1).real / S.shape[-1]
    return S + (shared * power)[..., None, None] + jnp.diag(white), power


@jax.custom_vjp
def _log_density(s: NetworkSpectrum, z: Array) -> Array:
    return _forward(s, z)[0]


def _forward(
    s: NetworkSpectrum, z: Array
) -> tuple[Array, tuple[NetworkSpectrum, Array, Array, Array, Array, Array]]:
    k, n = z.shape[-2:]
    sent = s.left[..., :, None] * jnp.linalg.inv(s.loop.M)
    S, power = _spectrum(sent * s.right[..., None, :], s.white, s.shared)
    L = jnp.linalg.cholesky(S, symmetrize_input=False)
    white = solve_triangular(L, jnp.swapaxes(z, -1, -2), lower=True)
    log_det = 2.0 * jnp.log(jnp.diagonal(L, axis1=-2, axis2=-1).real).sum(axis=-1)
    value = -k * (log_det + n * jnp.log(jnp.pi)) - (white.real**2 + white.imag**2).sum(axis=(-2, -1))
    return value, (s, z, sent, S, power, L)


def _backward(
    saved: tuple[NetworkSpectrum, Array, Array, Array, Array, Array], g: Array
) -> tuple[NetworkSpectrum, Array]:
    """With G = Y Yᴴ - k S⁻¹, Y = S⁻¹ Z, the differential is Re tr(G dS).

    S⁻¹ is never formed: with R = S - H Hᴴ, which is diagonal plus of rank one, H Hᴴ S⁻¹ = 1 - R S⁻¹, so that
    one solve for F = diag(left) M⁻¹ gives everything but the derivative by K, which takes a product more.
    """
    s, z, F, S, power, L = saved
    k, n = z.shape[-2:]
    H = lambda A: jnp.swapaxes(A.conj(), -1, -2)  # noqa: E731
    Z = jnp.swapaxes(z, -1, -2)
    solved = cho_solve((L, True), jnp.concatenate([F, Z, jnp.ones((*Z.shape[:-1], 1), Z.dtype)], axis=-1))
    SF, Y, one = solved[..., :n], solved[..., n:-1], solved[..., -1]
    level = (s.shared * power)[..., None]  # "frequency 1"
    R = lambda A: s.white[:, None] * A + level[..., None] * A.sum(axis=-2, keepdims=True)  # noqa: E731
    along = Y.sum(axis=-2)
    # 1ᵀ G 1: how the density changes with what all channels share.
    common = (along.real**2 + along.imag**2).sum(axis=-1) - k * one.real.sum(axis=-1)
    trace = (common * s.shared / n)[..., None, None]
    rest, YF = Z - R(Y), H(Y) @ F
    clean = S - level[..., None] - jnp.diag(s.white)
    V = Y @ YF - k * SF + trace * F
    inside = (SF * (s.right.real**2 + s.right.imag**2)[..., None, :] * F.conj()).sum(
        axis=-1
    )  # diagonal of S⁻¹ H Hᴴ
    # White noise times the diagonal of S⁻¹; the difference of numbers around 1, of which the absolute error
    # counts.
    noisy = (1.0 - inside - level * one).real
    inverse = jnp.where(s.white > 0, noisy / jnp.where(s.white > 0, s.white, 1.0), 0.0)
    diagonal = (
        (rest * Y.conj()).sum(axis=-1)
        - k * (1.0 - noisy - level * one.conj())
        + trace[..., 0] * jnp.diagonal(clean, axis1=-2, axis2=-1)
    )
    each = g[..., None]
    full = F - R(SF)
    # By the gain only what K brings back to a region counts, which for all but the trace is a sum over
    # entries.
    K = s.K / s.left[..., None, :]
    back = ((K @ rest) * jnp.swapaxes(YF, -1, -2)).sum(axis=-1) - k * (K * jnp.swapaxes(full, -1, -2)).sum(
        axis=-1
    )
    back += trace[..., 0] * _returning(s, K, F, clean)
    by_M = rest @ YF - k * full + trace * (clean @ F)
    by_K = 2.0 * each[..., None] * s.gain[..., None] * jnp.swapaxes(by_M / s.left[..., :, None], -1, -2)
    gradient = NetworkSpectrum(
        2.0 * each * back,
        by_K if jnp.iscomplexobj(s.K) else by_K.real.sum(axis=0),
        2.0 * each * diagonal / s.left,
        2.0 * each * s.right.conj() * (F.conj() * V).sum(axis=-2),
        (each * ((Y.real**2 + Y.imag**2).sum(axis=-1) - k * inverse)).reshape(-1, n).sum(axis=0),
        (g * common * power).sum(),
    )
    return gradient, jnp.zeros_like(z)


def _returning(s: NetworkSpectrum, K: Array, F: Array, clean: Array) -> Array:
    """Diagonal of K H Hᴴ F, K divided by `left`. Mostly without a product: M F is known, and M is 1 -
    diag(gain) K.
    """
    own = (clean * jnp.swapaxes(F, -1, -2)).sum(axis=-1) / s.left
    sent = (s.right.real**2 + s.right.imag**2) * (F.real**2 + F.imag**2).sum(axis=-2)
    # The quotient of a small difference has no digits where a region hardly listens.
    deaf = jnp.abs(s.gain) < jnp.finfo(own.dtype).eps ** 0.5
    quotient = (own - sent) / jnp.where(deaf, 1.0, s.gain)
    return jax.lax.cond(
        deaf.any(),
        lambda: jnp.where(deaf, (K * jnp.swapaxes(clean @ F, -1, -2)).sum(axis=-1), quotient),
        lambda: quotient,
    )


_log_density.defvjp(_forward, _backward)
