"""`sample`: every prior in a tree becomes a draw."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from .._tools._keys import random_key
from ._base import AbstractPlated, AbstractPrior
from ._whole import whole


def _is_prior(node: Any) -> bool:
    return isinstance(node, AbstractPrior)


def _name(path: Any) -> str:
    keys = []
    for key in path:
        match key:
            case jax.tree_util.GetAttrKey():
                keys.append(key.name)
            case jax.tree_util.SequenceKey():
                keys.append(str(key.idx))
            case jax.tree_util.DictKey():
                keys.append(str(key.key))
            case _:
                keys.append(str(key))
    return ".".join(keys)


def priors(tree: Any) -> dict[str, AbstractPrior]:
    """The priors in `tree` by the name of their site, which is their attribute path (`model.mu`)."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_prior)
    return {_name(path): leaf for path, leaf in leaves if _is_prior(leaf)}


def map_priors[T](function: Callable[[AbstractPrior], Any], tree: T) -> T:
    """`tree` with every prior in it replaced by `function(prior)`."""
    return jax.tree.map(lambda leaf: function(leaf) if _is_prior(leaf) else leaf, tree, is_leaf=_is_prior)


def sample[T](
    tree: T, *, key: PRNGKeyArray | int | None = None, plates: dict[str, int] | None = None, prefix: str = ""
) -> T:
    """Replace every prior in `tree` by a value drawn at a NumPyro site; call it inside a NumPyro model, or
    anywhere with a key.

    A site is named by its attribute path: `model.mu`, `coupling.G`, `speed`. `over="region"` is a
    plate named `region`; its size is known to a tree that knows its plates (a `Network`), or given
    by `plates`. The result holds no priors and can be passed to `nmm.solve`.

    Args:
        tree: a Network, or any pytree with priors in it.
        key: random key, or a seed, for draws that belong to no NumPyro model; `jax.vmap` over keys gives
            many.
        plates: sizes of the plates `region`, `edge`, `subject`, beyond what the tree knows.
        prefix: put before every site's name, to keep two trees in one model apart.
    """
    if key is not None:
        from numpyro import handlers

        with handlers.block(), handlers.seed(rng_seed=random_key(key, "sample(key=...)")):
            return sample(tree, plates=plates, prefix=prefix)
    whole()
    sizes = {**_plates(tree), **(plates or {})}

    def value(path: Any, leaf: Any) -> Any:
        if _is_prior(leaf):
            return leaf.draw(prefix + _name(path), sizes)
        # JAX keeps a constant by its identity in the precision that saw it first: the next program, in
        # another one, would be given that.
        return leaf.copy() if isinstance(leaf, np.ndarray) else leaf

    return jax.tree_util.tree_map_with_path(value, tree, is_leaf=_is_prior)


def _plates(tree: Any) -> dict[str, int]:
    """Plate sizes of the first part of the tree that declares them."""
    found: dict[str, int] = {}

    def visit(node: Any) -> bool:
        if isinstance(node, AbstractPlated):
            found.update(node.plates)
        return _is_prior(node)

    jax.tree_util.tree_leaves(tree, is_leaf=visit)
    return found
