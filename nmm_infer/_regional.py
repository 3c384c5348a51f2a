"""Values with labels in a slot, which does not know yet in which order a network has its regions."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from ._labelled import order


class Regional(eqx.Module):
    """Values for labelled regions, until a network puts them in its order.

    Fields:
        values: one for each region along the last axis.
        labels: of the regions.
        what: names the slot in messages.
    """

    values: Float[np.ndarray, "... region"]
    labels: tuple[str, ...] = eqx.field(static=True)
    what: str = eqx.field(static=True)

    def ordered(self, labels: tuple[str, ...]) -> Float[np.ndarray, "... region"]:
        """The values of the regions `labels`; as they lie, where those have none.

        Raises:
            ValueError: regions of other names.
        """
        return (
            self.values
            if not labels
            else np.take(self.values, order(self.labels, labels, "region", self.what), axis=-1)
        )


def _is_regional(node: Any) -> bool:
    return isinstance(node, Regional)


def in_order[T](tree: T, labels: tuple[str, ...]) -> T:
    """`tree` with the values of labelled regions in the order of `labels`."""
    return jax.tree.map(
        lambda leaf: leaf.ordered(labels) if _is_regional(leaf) else leaf, tree, is_leaf=_is_regional
    )


def check_plain(part: Any) -> None:
    """Raises ValueError for a part that has labelled values, though nobody tells it in which order its
    channels are.
    """
    for leaf in jax.tree.leaves(part, is_leaf=_is_regional):
        if _is_regional(leaf):
            raise ValueError(
                f"{leaf.what} got labelled values, but only parts of a network are told the order of its"
                " regions; pass plain numbers in that order, such as"
                " values[list(connectome.labels)].to_numpy()"
            )
