"""The Lyapunov equation, with a gradient that costs one more of it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Each doubling squares the error: 40 are enough for time constants that differ by a factor of 10^9.
DOUBLINGS = 40


@jax.custom_vjp
def lyapunov(A: Float[Array, "n n"], Q: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """X with A X + X Aᵀ + Q = 0, for symmetric Q and A whose eigenvalues have negative real parts.

    X = ∫_0^∞ e^{At} Q e^{Aᵀt} dt is the stationary covariance of x' = A x + noise of density Q. With γ > 0
    and the Cayley transform F = (γ - A)⁻¹ (γ + A) the equation becomes X = F X Fᵀ + 2γ (γ - A)⁻¹ Q (γ - A)⁻ᵀ,
    whose series is summed by doubling (Smith 1968, SIAM J Appl Math 16:198). Products of matrices only, so it
    is fast where eigenvalues are slow. Where A is unstable the result is not finite.

    The derivative is not traced through the iteration: with Y from Aᵀ Y + Y A + Ḡ = 0 it is Q̄ = Y, Ā = 2 Y
    X.
    """
    return _solve(A, Q)


def _solve(A: Array, Q: Array) -> Array:
    n = A.shape[0]
    eye = jnp.eye(n, dtype=A.dtype)
    # The middle of the spectrum, as the geometric mean of its ends: ‖A‖ and 1/‖A⁻¹‖.
    inverse = jnp.linalg.inv(A)
    gamma = jnp.sqrt(jnp.linalg.norm(A) / jnp.linalg.norm(inverse))
    resolvent = jnp.linalg.inv(gamma * eye - A)
    F = resolvent @ (gamma * eye + A)
    X = 2.0 * gamma * resolvent @ Q @ resolvent.T

    def going(carry: tuple[Array, Array, Array, Array]) -> Array:
        k, _, _, change = carry
        return (k < DOUBLINGS) & (change > jnp.finfo(A.dtype).eps)

    def double(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        k, X, F, _ = carry
        step = F @ X @ F.T
        return k + 1, X + step, F @ F, jnp.linalg.norm(step) / jnp.linalg.norm(X)

    _, X, _, change = jax.lax.while_loop(going, double, (jnp.asarray(0), X, F, jnp.asarray(jnp.inf, A.dtype)))
    return jnp.where(change <= jnp.sqrt(jnp.finfo(A.dtype).eps), 0.5 * (X + X.T), jnp.nan)


def _forward(A: Array, Q: Array) -> tuple[Array, tuple[Array, Array]]:
    X = _solve(A, Q)
    return X, (A, X)


def _backward(saved: tuple[Array, Array], G: Array) -> tuple[Array, Array]:
    A, X = saved
    Y = _solve(A.T, 0.5 * (G + G.T))
    return 2.0 * Y @ X, Y


lyapunov.defvjp(_forward, _backward)
