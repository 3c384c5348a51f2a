"""Sample correlation matrices."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.special import gammaln, multigammaln
from jaxtyping import Array, Float

# Newton's method on a self-concordant function needs about ten steps from anywhere it is used.
NEWTON_STEPS = 50


class CorrelationMatrix(dist.Distribution):
    r"""The sample correlation R of ν independent Gaussian vectors with correlation P: a Wishart matrix whose
    scales are integrated out.

    With W = D R D ~ Wishart(ν, P), the diagonal matrix D of sample standard deviations has

        p(R) = 2^n |R|^{(ν-n-1)/2} |P|^{-ν/2} / (2^{νn/2} Γ_n(ν/2)) · ∫ Π d_i^{ν-1} exp(-½ dᵀ A d) dd,   A =
        P⁻¹ ∘ R,

    which does not depend on the variances of the vectors: nothing is lost by z-scoring data, and nothing is
    taken as known that is not. For two variables it is the density of Fisher (1915). The integral is
    Laplace's approximation in log d (Tierney & Kadane 1986), scaled to be exact where P is the identity; its
    error is of order n/ν times the distance from there and hardly depends on P.

    Its mode e = d/√ν solves e_i (A e)_i = 1, a convex problem; e = 1 where P = R.
    """

    support = dist.constraints.corr_matrix  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("P", "nu")

    def __init__(self, P: Float[Array, "n n"], nu: Float[Array, ""], *, validate_args=None):
        self.P = P
        self.nu = nu
        super().__init__(jnp.shape(P)[:-2], jnp.shape(P)[-2:], validate_args=False)

    def log_prob(self, value: Float[Array, "n n"]) -> Float[Array, ""]:
        """Log density of the correlations above the diagonal."""
        n, nu = value.shape[-1], self.nu
        eye = jnp.eye(n, dtype=value.dtype)
        L = jnp.linalg.cholesky(self.P)
        A = cho_solve((L, True), eye) * value
        e = scales(A)
        spread = eye + e[:, None] * A * e[None, :]
        integral = nu * jnp.log(e).sum() - 0.5 * (_log_det(spread) - n * jnp.log(2.0))
        constant = n * gammaln(nu / 2) - multigammaln(nu / 2, n)
        return (
            constant + 0.5 * (nu - n - 1) * _log_det(value) - nu * jnp.log(jnp.diagonal(L)).sum() + integral
        )

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*draws n n"]:
        """Draw correlation matrices."""
        W = dist.Wishart(self.nu, scale_tril=jnp.linalg.cholesky(self.P)).sample(key, sample_shape)
        return correlation_of(W)


def correlation_of(C: Float[Array, "*batch n n"]) -> Float[Array, "*batch n n"]:
    """Correlation matrices of covariance matrices."""
    sd = jnp.sqrt(jnp.diagonal(C, axis1=-2, axis2=-1))
    return C / (sd[..., :, None] * sd[..., None, :])


def _log_det(A: Array) -> Array:
    return 2.0 * jnp.log(jnp.diagonal(jnp.linalg.cholesky(A))).sum()


def scales(A: Float[Array, "n n"]) -> Float[Array, " n"]:
    """The positive e with e_i (A e)_i = 1, for positive definite A: the minimum of ½ eᵀ A e - Σ log e_i
    (Marshall & Olkin 1968, Numer Math 12:83).

    Damped Newton steps, which cannot leave the positive quadrant (Nesterov & Nemirovskii 1994); its gradient
    is that of the implicit function.
    """
    A_fixed = jax.lax.stop_gradient(A)

    def height(e: Array) -> Array:
        return 0.5 * e @ A_fixed @ e - jnp.log(e).sum()

    def newton(e: Array) -> tuple[Array, Array]:
        gradient = A_fixed @ e - 1.0 / e
        step = cho_solve(cho_factor(A_fixed + jnp.diag(e**-2.0)), gradient)
        return step, jnp.sqrt(jnp.maximum(gradient @ step, 0.0))

    def going(carry: tuple[Array, Array, Array]) -> Array:
        k, _, decrement = carry
        return (k < NEWTON_STEPS) & (decrement > jnp.sqrt(jnp.finfo(A.dtype).eps))

    def advance(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        k, e, _ = carry
        step, decrement = newton(e)
        return k + 1, e - step / (1.0 + jnp.where(decrement > 0.25, decrement, 0.0)), decrement

    # The solution where P = R, or where A is diagonal, whichever is nearer.
    starts = jnp.stack([jnp.ones(A.shape[0], A.dtype), jnp.diagonal(A_fixed) ** -0.5])
    start = starts[jnp.argmin(jax.vmap(height)(starts))]
    e = jax.lax.while_loop(going, advance, (jnp.asarray(0), start, jnp.asarray(jnp.inf, A.dtype)))[1]
    e = jax.lax.stop_gradient(e)
    # One more step, which carries the derivative: de = -(A + e⁻²)⁻¹ dA e.
    return e - cho_solve(cho_factor(A_fixed + jnp.diag(e**-2.0)), A @ e - 1.0 / e)
