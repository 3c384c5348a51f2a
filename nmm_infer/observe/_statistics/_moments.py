"""Means and sums of products of a signal, gathered some samples at a time."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Moments(NamedTuple):
    """Of the samples so far.

    Fields:
        n: their number.
        mean: their mean.
        products: the sum over them of the products of their deviations from the mean.
    """

    n: Int[Array, ""]
    mean: Float[Array, "*channel"]
    products: Float[Array, "..."]


type Products = Callable[[Float[Array, "row *channel"]], Float[Array, "..."]]


def squares(rows: Float[Array, "row *channel"]) -> Float[Array, "*channel"]:
    """Sum over rows of the square of each channel."""
    return jnp.sum(rows**2, axis=0)


def pairs(rows: Float[Array, "row channel"]) -> Float[Array, "channel channel"]:
    """Sum over rows of the product of each pair of channels; in full precision on a GPU too."""
    return jnp.matmul(rows.T, rows, precision=jax.lax.Precision.HIGHEST)


def no_moments(channels: tuple[int, ...], products: Products) -> Moments:
    """Of no samples yet."""
    nothing = jnp.zeros((1, *channels))
    return Moments(jnp.asarray(0, jnp.int32), nothing[0], products(nothing))


def add_samples(moments: Moments, values: Float[Array, "time *channel"], products: Products) -> Moments:
    """The moments of samples and of `values` together (Chan, Golub & LeVeque 1983, Am Stat 37:242, eq. 2.1).

    S = S_1 + S_2 + (n_1 n_2 / n) (m_2 - m_1)(m_2 - m_1)ᵀ,  m = m_1 + (n_2 / n)(m_2 - m_1)

    No sum of squares of raw values occurs, so that a mean that is large compared with the fluctuations
    costs no digits.
    """
    k = values.shape[0]
    # A mean of many numbers has lost digits; the mean of what is left finds them (their eq. 1.7).
    rough = values.mean(axis=0)
    mean = rough + (values - rough).mean(axis=0)
    n = moments.n + k
    share = k / n.astype(values.dtype)
    between = mean - moments.mean
    # The last term of S is the product of one more deviation.
    rows = jnp.concatenate([values - mean, jnp.sqrt(share * moments.n.astype(values.dtype)) * between[None]])
    return Moments(n, moments.mean + share * between, moments.products + products(rows))
