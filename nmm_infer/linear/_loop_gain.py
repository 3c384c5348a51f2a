"""How much a signal grows on its way round a network."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._tools._implicit import implicit_root
from ._linearisation import Linearisation
from ._local import resolvent

# Frequencies at which the gain of a region of three states or more is looked at, beside its resonances.
GAIN_POINTS = 24
ROUNDS = 500


def loop_gain(lin: Linearisation) -> Float[Array, ""]:
    """The largest factor by which activity that is sent comes back, over all patterns of regions: below 1 the
    network is stable.

    The Perron root of |g_i| |W_ij|, where g_i is the gain of region i from what arrives to what it sends, at
    the frequency where it is largest (small gain; Zames 1966). Delays do not matter. Networks without
    inhibition are stable exactly below 1 (their gain is largest at frequency 0); others may be stable above.

    Args:
        lin: of a network whose regions send one message each, and are stable alone.

    Raises:
        ValueError: several messages.
    """
    if lin.n_messages != 1:
        raise ValueError(f"loop_gain(lin): regions send {lin.n_messages} messages, expected one")
    return perron(
        region_gains(lin, jax.lax.stop_gradient(local_eigenvalues(lin.A)))[0, 0][:, None]
        * jnp.abs(lin.weights)
    )


def region_gains(
    lin: Linearisation, eigenvalues: Complex[Array, "region state"]
) -> Float[Array, "message message region"]:
    """Of every region alone, from what arrives to what it sends: the largest over all frequencies
    (`eigenvalues`: its own).

    Exact for regions of one or two states; of others the largest at resonances and on a grid.
    """

    def gain(omega: Float[Array, " region"]) -> Float[Array, "message message region"]:
        return jnp.abs(jnp.einsum("msr,str,tlr->mlr", lin.C, resolvent(lin.A, omega), lin.B))

    return jnp.max(jax.vmap(gain)(jax.lax.stop_gradient(_peaks(lin, eigenvalues))), axis=0)


def _peaks(
    lin: Linearisation, eigenvalues: Complex[Array, "region state"]
) -> Float[Array, "frequency region"]:
    """Frequencies (rad/ms), one of which is where a region's gain is largest."""
    zero = jnp.zeros((1, lin.n_regions), lin.A.dtype)
    if lin.n_states == 1:
        return zero
    if lin.n_states == 2:
        # |b + c s|² / |s² - trace s + determinant|² at s = iω is stationary where c² ω⁴ + 2 b² ω² = c²
        # determinant² - b² (trace² - 2 determinant).
        trace, determinant = _trace_and_determinant(lin.A)
        adjugate = lin.A - trace * jnp.eye(2, dtype=lin.A.dtype)[..., None]
        b2 = jnp.einsum("msr,str,tlr->mlr", lin.C, adjugate, lin.B).reshape(-1, lin.n_regions) ** 2
        c2 = jnp.einsum("msr,slr->mlr", lin.C, lin.B).reshape(-1, lin.n_regions) ** 2
        right = jnp.maximum(c2 * determinant**2 - b2 * (trace**2 - 2.0 * determinant), 0.0)
        below = b2 + jnp.sqrt(b2**2 + c2 * right)
        return jnp.concatenate([zero, jnp.sqrt(right / jnp.where(below > 0, below, 1.0))])
    fastest = jnp.max(jnp.abs(eigenvalues), axis=1)
    decades = jnp.asarray(np.concatenate([[0.0], np.geomspace(1e-4, 3.0, GAIN_POINTS)]), lin.A.dtype)
    return jnp.concatenate([jnp.abs(eigenvalues.imag).T, decades[:, None] * fastest])


def _trace_and_determinant(
    A: Float[Array, "2 2 region"],
) -> tuple[Float[Array, " region"], Float[Array, " region"]]:
    return A[0, 0] + A[1, 1], A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]


def local_eigenvalues(A: Float[Array, "state state region"]) -> Complex[Array, "region state"]:
    """Of every region alone; a closed form for up to two states."""
    if A.shape[0] == 1:
        return A[0, 0, :, None] + 0j
    if A.shape[0] == 2:
        trace, determinant = _trace_and_determinant(A)
        middle = 0.5 * trace
        root = jnp.sqrt(middle**2 - determinant + 0j)
        return jnp.stack([middle + root, middle - root], axis=1)
    return jnp.linalg.eigvals(jnp.nan_to_num(jnp.moveaxis(A, -1, 0)))


def perron(M: Float[Array, "to from"]) -> Float[Array, ""]:
    """The largest eigenvalue of a matrix without negative entries, which its eigenvector with all of them
    positive belongs to; NaN of zeros alone.

    With the derivative of the implicit function, which `jax.numpy.linalg.eigvals` has to first order only.
    """
    n = M.shape[0]
    tolerance = 1e-13 if M.dtype == jnp.float64 else 1e-6

    def find(M: Array) -> Array:
        # Of M + c 1, so that networks of two groups that only send to each other come to rest, too.
        shift = 0.1 * jnp.mean(jnp.sum(M, axis=1))

        def going(carry: tuple[Array, Array, Array]) -> Array:
            k, _, change = carry
            return (k < ROUNDS) & (change > tolerance)

        def advance(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            k, v, _ = carry
            w = M @ v + shift * v
            w = w / jnp.sum(w)
            return k + 1, w, jnp.max(jnp.abs(w - v)) * n

        _, v, _ = jax.lax.while_loop(
            going, advance, (jnp.asarray(0), jnp.full(n, 1.0 / n, M.dtype), jnp.asarray(jnp.inf, M.dtype))
        )
        x = jnp.concatenate([v, jnp.sum(M @ v)[None]])
        # Where two patterns grow nearly alike the rounds end before rounding does.
        return x if M.dtype == jnp.float64 else x - solve(x, M, residual(x, M))

    def residual(x: Array, M: Array) -> Array:
        v, root = x[:-1], x[-1]
        return jnp.concatenate([M @ v - root * v, jnp.sum(v)[None] - 1.0])

    def solve(x: Array, M: Array, b: Array) -> Array:
        v, root = x[:-1], x[-1]
        top = jnp.concatenate([M - root * jnp.eye(n, dtype=M.dtype), -v[:, None]], axis=1)
        return jnp.linalg.solve(jnp.concatenate([top, jnp.ones((1, n + 1), M.dtype).at[0, n].set(0.0)]), b)

    return implicit_root(M, find=find, residual=residual, solve=solve)[-1]
