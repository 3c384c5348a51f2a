"""How much a signal grows on its way round a network."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..implicit import implicit_root
from .linearisation import Linearisation
from .local import resolvent

# Frequencies at which the gain of a region is looked at, beside its resonances.
GAIN_POINTS = 24
ROUNDS = 500


def loop_gain(lin: Linearisation) -> Float[Array, ""]:
    """The largest factor by which activity that is sent comes back, over all patterns of regions: below 1 the network is stable.

    The Perron root of |g_i| |W_ij|, where g_i is the gain of region i from what arrives to what it sends, at the frequency where it is largest (small gain;
    Zames 1966). Delays do not matter. Networks without inhibition are stable exactly below 1 (their gain is largest at frequency 0);
    others may be stable above.

    Args:
        lin: of a network whose regions send one message each, and are stable alone.

    Raises:
        ValueError: several messages.
    """
    if lin.n_messages != 1:
        raise ValueError(f"loop_gain(lin): regions send {lin.n_messages} messages, expected one")
    return perron(region_gains(lin, jax.lax.stop_gradient(local_eigenvalues(lin.A)))[0, 0][:, None] * jnp.abs(lin.weights))


def region_gains(lin: Linearisation, eigenvalues: Complex[Array, "region state"]) -> Float[Array, "message message region"]:
    """Of every region alone, from what arrives to what it sends: the largest at its resonances (of its `eigenvalues`) and on a grid of frequencies."""
    fastest = jnp.max(jnp.abs(eigenvalues), axis=1)
    decades = jnp.asarray(np.concatenate([[0.0], np.geomspace(1e-4, 3.0, GAIN_POINTS)]), lin.A.dtype)
    omegas = jnp.concatenate([jnp.abs(eigenvalues.imag).T, decades[:, None] * fastest])  # "frequency region"

    def gain(omega: Float[Array, " region"]) -> Float[Array, "message message region"]:
        return jnp.abs(jnp.einsum("msr,str,tlr->mlr", lin.C, resolvent(lin.A, omega), lin.B))

    return jnp.max(jax.vmap(gain)(omegas), axis=0)


def local_eigenvalues(A: Float[Array, "state state region"]) -> Complex[Array, "region state"]:
    """Of every region alone; a closed form for up to two states."""
    if A.shape[0] == 1:
        return A[0, 0, :, None] + 0j
    if A.shape[0] == 2:
        middle, product = 0.5 * (A[0, 0] + A[1, 1]), A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
        root = jnp.sqrt(middle**2 - product + 0j)
        return jnp.stack([middle + root, middle - root], axis=1)
    return jnp.linalg.eigvals(jnp.nan_to_num(jnp.moveaxis(A, -1, 0)))


def perron(M: Float[Array, "to from"]) -> Float[Array, ""]:
    """The largest eigenvalue of a matrix without negative entries, which its eigenvector with all of them positive belongs to; NaN of zeros alone.

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

        _, v, _ = jax.lax.while_loop(going, advance, (jnp.asarray(0), jnp.full(n, 1.0 / n, M.dtype), jnp.asarray(jnp.inf, M.dtype)))
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
