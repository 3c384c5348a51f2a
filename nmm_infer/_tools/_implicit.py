"""Solutions of equations inside a model, with the derivative of the implicit function."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


@eqx.filter_custom_jvp
def _root(
    args: Any,
    *,
    find: Callable[[Any], Array],
    residual: Callable[[Array, Any], Array],
    solve: Callable[[Array, Any, Array], Array],
) -> Array:
    return find(args)


@_root.def_jvp
def _root_jvp(primals, tangents, *, find, residual, solve):
    (args,), (moved,) = primals, tangents
    x = _root(args, find=find, residual=residual, solve=solve)
    _, change = eqx.filter_jvp(lambda args: residual(x, args), (args,), (moved,))
    # None where nothing that the residual depends on has moved.
    return x, jnp.zeros_like(x) if change is None else -solve(x, args, change)


def implicit_root(
    args: Any,
    *,
    find: Callable[[Any], Array],
    residual: Callable[[Array, Any], Array],
    solve: Callable[[Array, Any, Array], Array],
) -> Array:
    """The x with residual(x, args) = 0 that `find` finds, differentiable by `args` however it was found.

    The derivative is that of the implicit function, dx = -(∂residual/∂x)⁻¹ ∂residual/∂args dargs. It is
    written out, so that the search is never differentiated, and may be any loop: nothing is
    closure-converted, no branch that was not taken is solved. Hence it composes: under `jit`, `vmap` of a
    gradient, `shard_map`, forward and reverse, to second order and beyond.

    Args:
        args: a pytree, all that the three functions use but constants; floating-point arrays in it have
            derivatives.
        find: gives x; NaN where it finds none.
        residual: what is zero.
        solve: `solve(x, args, b)` gives (∂residual/∂x)⁻¹ b; linear in `b`.
    """
    return _root(
        jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, args),
        find=find,
        residual=residual,
        solve=solve,
    )
