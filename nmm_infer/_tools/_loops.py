"""Loops whose results do not depend on how often they turn."""

from typing import Any

import jax


def scan(step: Any, carry: Any, xs: Any) -> tuple[Any, Any]:
    """`jax.lax.scan` over at least one of `xs`, with the same bits for each however many there are.

    A loop that turns once is taken apart by the compiler, merged with what stands around it, and then rounded
    in other places.
    """
    if jax.tree.leaves(xs)[0].shape[0] != 1:
        return jax.lax.scan(step, carry, xs)
    carry, x = jax.lax.optimization_barrier((carry, jax.tree.map(lambda x: x[0], xs)))
    carry, output = jax.lax.optimization_barrier(step(carry, x))
    return carry, jax.tree.map(lambda x: x[None], output)
