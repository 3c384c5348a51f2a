"""One parameter of a network: where it sits, what it is called, its unit."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._networks._network import Network
from .._tools._kinds import kind_of
from ..parameters import AbstractPart, Parameter
from ..priors._base import AbstractPrior
from ..units import DIMENSIONLESS, to_canonical


class Place(NamedTuple):
    """The path of a parameter, plain text and numbers: programs that depend on it are compiled once, however
    `where` was written.
    """

    path: tuple[str | int, ...]
    unit: str

    @property
    def name(self) -> str:
        """The attribute path, such as `model.mu`: the name of the site, if a prior is there."""
        return ".".join(map(str, self.path))

    def get(self, network: Network) -> Any:
        """What is there now."""
        node: Any = network
        for key in self.path:
            node = _child(node, key)
        return node

    def put(self, network: Network, value: Any) -> Network:
        """`network` with `value` there."""
        return eqx.tree_at(self.get, network, value, is_leaf=_is_leaf)

    def number(self, value: Any, what: str) -> float:
        """`value`, a number or a Quantity, in the parameter's unit."""
        number = np.asarray(to_canonical(value, self.unit, what), dtype=np.float64)
        if number.ndim or not np.isfinite(number):
            raise ValueError(f"{what} got {value!r}, expected a finite number in {self.unit}")
        return float(number)


def numbers_of(values: Any, what: str) -> list[Any]:
    """The members of a sequence of numbers or of a Quantity array.

    Raises:
        ValueError: a single value, or a mapping.
    """
    if not isinstance(values, list | tuple) and (isinstance(values, Mapping | str) or np.ndim(values) == 0):
        raise ValueError(f"{what} got {values!r}, expected a sequence of numbers or Quantities")
    return list(values)


def place(network: Network, where: Callable[[Network], Any], caller: str) -> Place:
    """The parameter that `where(network)` picks.

    Raises:
        TypeError, ValueError: `where` is no function, or does not pick one number.
    """
    if not callable(where):
        raise TypeError(
            f"{caller}(where=...) got {kind_of(where)}, expected a function that picks a parameter:"
            " where=lambda n: n.model.mu"
        )
    mark = object()
    try:
        marked = eqx.tree_at(where, network, mark, is_leaf=_is_leaf)
    except (AttributeError, KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(
            f"{caller}(where=...) does not pick one parameter of the network, expected something like"
            " where=lambda n: n.model.mu, also for a bare model"
        ) from error
    leaves, _ = jax.tree_util.tree_flatten_with_path(marked, is_leaf=lambda node: node is mark)
    keys = next(path for path, leaf in leaves if leaf is mark)
    path = tuple(_plain(key) for key in keys)
    found = Place(path, _unit(network, path))
    value = found.get(network)
    if value is None:
        raise ValueError(f"{caller}(where=...): {found.name} is None; give the network a value there first")
    if not isinstance(value, AbstractPrior) and (isinstance(value, eqx.Module | tuple) or np.ndim(value)):
        got = (
            f"an array of shape {np.shape(value)}"
            if isinstance(value, np.ndarray | jax.Array)
            else type(value).__name__
        )
        raise ValueError(
            f"{caller}(where=...): {found.name} is {got}, expected a single number; give all regions the same"
            " value, or couple through another parameter that is one number, such as a global strength"
        )
    return found


def _unit(network: Network, path: tuple[str | int, ...]) -> str:
    node: Any = network
    unit = "mm/ms" if path == ("speed",) else DIMENSIONLESS
    for key in path:
        slots = _slots(node)
        unit = slots[str(key)].unit if key in slots else unit
        node = _child(node, key)
    return unit


def _plain(key: Any) -> str | int:
    match key:
        case jax.tree_util.GetAttrKey():
            return key.name
        case jax.tree_util.DictKey():
            return key.key
        case _:
            return key.idx


def _child(node: Any, key: str | int) -> Any:
    container: Any = node
    return container[key] if isinstance(node, dict | tuple | list) else getattr(node, str(key))


def _slots(node: Any) -> dict[str, Parameter]:
    return node.parameters() if isinstance(node, AbstractPart) else {}


def _is_leaf(node: Any) -> bool:
    return node is None or isinstance(node, AbstractPrior)


def filled(network: Network, at: Place, value: float) -> Network:
    """`network` with a number at a place that may hold a prior."""
    return at.put(network, jnp.asarray(value, jnp.float64))
