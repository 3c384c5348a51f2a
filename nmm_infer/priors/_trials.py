"""Values that differ between trials."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float


class ByTrial(eqx.Module):
    """What a prior over `trial` leaves in its slot: one value for each trial, stacked. `each_trial` hands
    them out.
    """

    values: Float[Array, "trial ..."]


def by_trial(over: str | None, value: Any) -> Any:
    """`value` as `ByTrial` if it was drawn over trials."""
    return ByTrial(value) if over == "trial" else value


def each_trial(function: Callable[..., Any], *trees: Any) -> Any:
    """`function(*trees)` with the values of one trial after the other, results stacked along the first axis.

    What does not differ between trials is shared. If nothing differs, see `any_by_trial`.
    """
    values, shared = _split(trees)
    return jax.vmap(lambda values: function(*eqx.combine(values, shared)))(values)


def first_trial[T](tree: T) -> T:
    """`tree` with the values of the first trial."""
    return jax.tree.map(
        lambda leaf: leaf.values[0] if _is_by_trial(leaf) else leaf, tree, is_leaf=_is_by_trial
    )


def any_by_trial(tree: Any) -> bool:
    """Whether anything in `tree` differs between trials."""
    return any(map(_is_by_trial, jax.tree.leaves(tree, is_leaf=_is_by_trial)))


def _is_by_trial(node: Any) -> bool:
    return isinstance(node, ByTrial)


def _split(tree: Any) -> tuple[Any, Any]:
    """Arrays along trials, and everything else."""
    varying, shared = eqx.partition(tree, _is_by_trial, is_leaf=_is_by_trial)
    return jax.tree.map(lambda leaf: leaf.values, varying, is_leaf=_is_by_trial), shared
