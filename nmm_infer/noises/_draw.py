"""Standard normal numbers that belong to steps, not to blocks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._innovations import Innovations

# Step -1 does not occur in a run, so its numbers are free for the start.
START = -1


def normals(
    key: PRNGKeyArray | Innovations, first: Array, n: int, shape: tuple[int, ...]
) -> Float[Array, "step *shape"]:
    """One array of standard normals for each of the steps `first`, …, `first + n - 1`."""
    if isinstance(key, Innovations):
        return key.of(first, n)
    keys = jax.vmap(lambda step: jax.random.fold_in(key, step))(first + jnp.arange(n))
    return jax.vmap(lambda k: jax.random.normal(k, shape))(keys)


def start_normals(key: PRNGKeyArray | Innovations, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Standard normals for the state of a noise at the start."""
    if isinstance(key, Innovations):
        assert key.start is not None
        return key.start
    return normals(key, jnp.asarray(START), 1, shape)[0]
