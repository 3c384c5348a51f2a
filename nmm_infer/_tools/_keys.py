"""Random keys as people give them."""

import numbers
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray


def random_key(key: Any, what: str) -> PRNGKeyArray:
    """A JAX key: as it is, or made of a seed.

    Args:
        key: a key of `jax.random.key` (or the older `jax.random.PRNGKey`), or a whole number.
        what: names the argument in the message, such as "solve(key=...)".

    Raises:
        TypeError: something else, such as a generator of NumPy.
        ValueError: a negative seed or one of more than 64 bits, or several keys.
    """
    if isinstance(key, numbers.Integral) and not isinstance(key, bool):
        if not 0 <= int(key) < 2**63:
            raise ValueError(f"{what} got the seed {key}, expected a whole number from 0 to 2⁶³ - 1")
        return jax.random.key(int(key))
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    # Keys of the older kind are two numbers, which nothing but their type tells from others.
    if not typed and not (hasattr(key, "dtype") and key.dtype == jnp.uint32 and key.shape == (2,)):
        hint = (
            "; draw a seed from it: key=int(generator.integers(2**32))"
            if type(key).__module__.startswith("numpy.random")
            else ""
        )
        raise TypeError(
            f"{what} got {type(key).__name__}, expected a random key such as jax.random.key(0), or a seed"
            f" such as 0{hint}"
        )
    if typed and key.shape:
        raise ValueError(
            f"{what} got keys of shape {key.shape}, expected one key; take one of them, or map over them with"
            " jax.vmap"
        )
    return key


def numbers_of(key: PRNGKeyArray) -> tuple[Array, str]:
    """A key as plain numbers, which files can hold, and what they are a key for."""
    # Of keys of the older kind JAX takes the default kind for granted.
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return (
        (jax.random.key_data(key), str(jax.random.key_impl(key)))
        if typed
        else (key, jax.config.jax_default_prng_impl)
    )  # pyright: ignore[reportAttributeAccessIssue]


def key_from(numbers: Array, kind: str | None) -> PRNGKeyArray:
    """The key of `numbers_of`."""
    return jax.random.wrap_key_data(jnp.asarray(numbers), impl=kind)
