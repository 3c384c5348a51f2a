"""Transfer functions that several models share, safe at their 0/0 points."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def rate(
    x: Float[Array, "..."], a: Float[Array, ""], b: Float[Array, ""], d: Float[Array, ""]
) -> Float[Array, "..."]:
    """H(x) = (a x - b) / (1 - exp(-d (a x - b))), a softplus-like firing rate (Abbott & Chance 2005).

    0/0 at a x = b, where the limit is 1/d with slope a/2: a series takes over nearby, so that value
    and gradient stay finite (a `where` alone would give NaN gradients).
    """
    drive = a * x - b
    z = d * drive
    near = jnp.abs(z) < 1e-3
    safe = jnp.where(near, 1.0, z)
    # z / (1 - exp(-z)) = 1 + z/2 + z²/12 - z⁴/720 + O(z⁶): below 1e-3 exact to float64.
    series = 1.0 + z / 2.0 + z**2 / 12.0 - z**4 / 720.0
    # exp(-z) overflows far below threshold (z < -88 in float32) and makes the gradient NaN; exp(-|z|) does
    # not.
    size = jnp.abs(safe)
    return jnp.where(near, series, size / -jnp.expm1(-size) * jnp.exp(jnp.minimum(safe, 0.0))) / d


def sigmoid(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / (1 + exp(-x)), without overflow."""
    return jax.nn.sigmoid(x)


def synchrony(r: Float[Array, "..."], V: Float[Array, "..."]) -> Float[Array, "..."]:
    """|Z| of quadratic integrate-and-fire neurons: Z = (1 - W*) / (1 + W*), W = π r + i V (Montbrió, Pazó,
    Roxin 2015).

    At complete asynchrony (r = 1/π, V = 0) the modulus has a kink, where the gradient is 0 here.
    """
    squared = ((1.0 - jnp.pi * r) ** 2 + V**2) / ((1.0 + jnp.pi * r) ** 2 + V**2)
    positive = squared > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
