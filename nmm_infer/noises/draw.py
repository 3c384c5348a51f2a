"""Standard normal numbers that belong to steps, not to blocks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def normals(key: PRNGKeyArray, first: Array, n: int, shape: tuple[int, ...]) -> Float[Array, "step *shape"]:
    """One array of standard normals for each of the steps `first`, …, `first + n - 1`."""
    keys = jax.vmap(lambda step: jax.random.fold_in(key, step))(first + jnp.arange(n))
    return jax.vmap(lambda k: jax.random.normal(k, shape))(keys)
