"""Complex Gaussian vectors, with a gradient that costs one inverse."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Complex, Float


@jax.custom_vjp
def log_density(S: Complex[Array, "*batch n n"], z: Complex[Array, "*batch k n"]) -> Float[Array, "*batch"]:
    """-k log|π S| - Σ_k z_kᴴ S⁻¹ z_k for Hermitian positive definite S.

    This is Whittle's likelihood of k Fourier coefficients; as a function of S it is the complex
    Wishart's, and it needs no k ≥ n. The derivative by S is written out, S⁻¹ Z Zᴴ S⁻¹ - k S⁻¹, for a
    derivative of a Cholesky factor would cost several times as much. No derivative by z: it is data.
    """
    return _forward(S, z)[0]


def _forward(S: Array, z: Array) -> tuple[Array, tuple[Array, Array]]:
    L = jnp.linalg.cholesky(S, symmetrize_input=False)
    zt = jnp.swapaxes(z, -1, -2)
    white = solve_triangular(L, zt, lower=True)
    k, n = z.shape[-2:]
    log_det = 2.0 * jnp.log(jnp.diagonal(L, axis1=-2, axis2=-1).real).sum(axis=-1)
    value = -k * (log_det + n * jnp.log(jnp.pi)) - (white.real**2 + white.imag**2).sum(axis=(-2, -1))
    return value, (L, z)


def _backward(saved: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    L, z = saved
    k, n = z.shape[-2:]
    half = solve_triangular(L, jnp.broadcast_to(jnp.eye(n, dtype=L.dtype), L.shape), lower=True)
    inverse = jnp.swapaxes(half.conj(), -1, -2) @ half
    y = inverse @ jnp.swapaxes(z, -1, -2)
    gradient = y @ jnp.swapaxes(y.conj(), -1, -2) - k * inverse
    # JAX's cotangent of a complex array is the conjugate of the gradient.
    return g[..., None, None] * gradient.conj(), jnp.zeros_like(z)


log_density.defvjp(_forward, _backward)


@jax.custom_vjp
def gram(X: Complex[Array, "*batch n m"]) -> Complex[Array, "*batch n n"]:
    """X Xᴴ, for use where only its Hermitian part matters: one product backward where autodiff takes two.

    Three products of real matrices, where a complex one would be four and twice as slow on a CPU.
    """
    r, i = X.real, X.imag
    both = jnp.concatenate([r, i], axis=-1)
    one_way = i @ jnp.swapaxes(r, -1, -2)
    return jax.lax.complex(both @ jnp.swapaxes(both, -1, -2), one_way - jnp.swapaxes(one_way, -1, -2))


def _gram_backward(X: Array, g: Array) -> tuple[Array]:
    hermitian = 0.5 * (g + jnp.swapaxes(g.conj(), -1, -2))
    return (2.0 * (hermitian.conj() @ X).conj(),)


gram.defvjp(lambda X: (gram(X), X), _gram_backward)


class ComplexNormal(dist.Distribution):
    """k independent circular complex Gaussian vectors with covariance `S`, `["*batch n n"]` or a
    `NetworkSpectrum`; the event is `["k n"]`.
    """

    support = dist.constraints.independent(dist.constraints.real, 2)  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("covariance",)
    pytree_aux_fields = ("k",)

    def __init__(self, S: Any, k: int, *, validate_args: bool | None = None):
        self.covariance = S
        self.k = k
        super().__init__(S.shape[:-2], (k, S.shape[-1]), validate_args=False)

    @property
    def S(self) -> Complex[Array, "*batch n n"]:
        """The covariance as an array."""
        return (
            jnp.asarray(self.covariance)
            if isinstance(self.covariance, jax.Array | np.ndarray)
            else self.covariance.dense()
        )

    def log_prob(self, value: Complex[Array, "*batch k n"]) -> Float[Array, "*batch"]:
        """Log density of the coefficients."""
        return (
            log_density(self.covariance, value)
            if isinstance(self.covariance, jax.Array | np.ndarray)
            else self.covariance.log_density(value)
        )

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Complex[Array, "*draws k n"]:
        """Draw coefficients."""
        L = jnp.linalg.cholesky(self.S)
        shape = sample_shape + self.batch_shape + self.event_shape
        real, imaginary = jax.random.normal(key, (2, *shape), L.real.dtype) / jnp.sqrt(2.0)
        return jnp.einsum("...ij,...kj->...ki", L, real + 1j * imaginary)


class InParts(dist.Distribution):
    """Bands that are cut into parts, each with a covariance of its own.

    A band is one event of k coefficients, those of its first part first, all parts having as many.

    Args:
        S: covariances, `["band·part n n"]` or a `NetworkSpectrum`.
        parts: of each band.
        k: coefficients of a band.
    """

    support = dist.constraints.independent(dist.constraints.real, 2)  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("each",)
    pytree_aux_fields = ("parts",)

    def __init__(self, S: Any, parts: int, k: int, *, validate_args: bool | None = None):
        self.each = ComplexNormal(S, k // parts)
        self.parts = parts
        super().__init__((S.shape[0] // parts,), (k, S.shape[-1]), validate_args=False)

    @property
    def S(self) -> Complex[Array, "band n n"]:
        """The mean covariance of each band."""
        S = self.each.S
        return S.reshape(-1, self.parts, *S.shape[1:]).mean(axis=1)

    def log_prob(self, value: Complex[Array, "band k n"]) -> Float[Array, " band"]:
        """Log density of the coefficients of each band."""
        cut = value.reshape(-1, self.each.k, value.shape[-1])
        return self.each.log_prob(cut).reshape(-1, self.parts).sum(axis=1)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Complex[Array, "*draws band k n"]:
        """Draw coefficients."""
        return self.each.sample(key, sample_shape).reshape(
            *sample_shape, *self.batch_shape, *self.event_shape
        )


def in_parts(S: Any, parts: int, k: int) -> ComplexNormal | InParts:
    """The distribution of bands of k coefficients that are cut into so many parts."""
    return ComplexNormal(S, k) if parts == 1 else InParts(S, parts, k)
