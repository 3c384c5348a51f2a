"""Initial states as people give them."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._ending import Ending
from .._labelled import UNKNOWN, aligned, is_dataarray, order, read
from .._regional import in_order
from .._signal import Trajectory
from .._tools._real import real
from ..models._base import AbstractDynamics, State
from ..priors._base import AbstractPrior
from ..priors._by_state import ByState
from ..units import is_quantity, is_unit, to_canonical

WHAT = "Network(initial=...)"


def initial_state(initial: Any, model: AbstractDynamics, labels: tuple[str, ...]) -> Any:
    """`["state region"]` of a network of `model` with regions `labels`, or a prior for it.

    Raises:
        TypeError, ValueError, UnitError: what does not fit, by name.
    """
    if initial is None:
        return model.initial(len(labels))
    if isinstance(initial, AbstractPrior):
        return in_order(initial.bind("1", WHAT), labels)
    if isinstance(initial, Ending):
        return _of_ending(initial, model, labels)
    by_state = _by_state(initial, labels)
    return _of_array(initial, model, labels) if by_state is None else _of_states(by_state, model, labels)


def _of_ending(
    ending: Ending, model: AbstractDynamics, labels: tuple[str, ...]
) -> Float[Array | np.ndarray, "state region"]:
    for name, ours, theirs in (
        ("states", model.state_names(), ending.states),
        ("regions", labels, ending.regions),
    ):
        if ours != theirs:
            raise ValueError(
                f"{WHAT} got the end of a run with the {name} {', '.join(theirs[:5])}, expected"
                f" {', '.join(ours[:5])}: those of this network, in this order"
            )
    return ending.state


def _by_state(initial: Any, labels: tuple[str, ...]) -> Mapping[str, Any] | None:
    """Values by name of the state, of what has such names; of what has a time, the last."""
    if isinstance(initial, Trajectory):
        place = np.asarray(order(initial.regions, labels, "region", WHAT))
        return dict(zip(initial.model.state_names(), initial.values[-1][:, place], strict=True))
    variables = getattr(initial, "data_vars", None)  # of an xarray.Dataset, or of a node of a DataTree
    if variables is None:
        return initial if isinstance(initial, Mapping) else None
    return {
        str(name): row.isel(time=-1, drop=True) if "time" in row.dims else row
        for name, row in variables.items()
    }


def _of_states(rows: Mapping[str, Any], model: AbstractDynamics, labels: tuple[str, ...]) -> Any:
    unknown = [name for name in rows if name not in model.state_names()]
    if unknown:
        raise ValueError(
            f"{WHAT} has {', '.join(map(str, unknown[:5]))}, expected some of the states of {model.title()}:"
            f" {', '.join(model.state_names())}"
        )
    defaults = model.initial(len(labels))
    values: list[Any] = [
        _row(rows[state.name], state, labels) if state.name in rows else default
        for state, default in zip(model.states, defaults, strict=True)
    ]
    if any(isinstance(value, AbstractPrior) for value in values):
        return ByState(tuple(values), model.state_names(), len(labels))
    return np.stack(values) if all(isinstance(value, np.ndarray) for value in values) else jnp.stack(values)


def _row(
    value: Any, state: State, labels: tuple[str, ...]
) -> Float[Array | np.ndarray, " region"] | AbstractPrior:
    what = f"{WHAT} at {state.name!r}"
    if isinstance(value, AbstractPrior):
        return in_order(value.bind(state.unit, what), labels)
    if np.ndim(value) or not is_dataarray(value):
        value = aligned(value, {"region": labels}, state.unit, what)
    value = to_canonical(value, state.unit, what)
    array = value if isinstance(value, jax.Array) and not np.iscomplexobj(value) else real(value, what)
    if array.shape not in ((), (1,), (len(labels),)):
        raise ValueError(
            f"{what} has shape {array.shape}, expected a number or one for each of the {len(labels)} regions"
        )
    if not isinstance(array, Tracer) and not np.all(np.isfinite(array)):
        raise ValueError(f"{what} contains NaN or infinite values; expected finite numbers")
    return array * np.ones(len(labels))


def _of_array(
    initial: Any, model: AbstractDynamics, labels: tuple[str, ...]
) -> Float[Array | np.ndarray, "state region"]:
    n, n_states = len(labels), len(model.states)
    axes, named = {"state": model.state_names(), "region": labels}, read(initial)
    unit = ""
    if is_quantity(initial) or (named is not None and named.unit not in UNKNOWN and is_unit(named.unit)):
        units = {state.unit for state in model.states}
        if len(units) > 1:
            raise ValueError(
                f"{WHAT}: the states of {model.title()} have different units; pass numbers in the states' own"
                f" units, or a dictionary, {{{model.states[0].name!r}: ...}}"
            )
        unit = units.pop()
    if named is not None:
        initial = aligned(initial, axes if named.values.ndim == 2 else {"state": axes["state"]}, unit, WHAT)
    initial = to_canonical(initial, unit, WHAT)
    array = (
        initial if isinstance(initial, jax.Array) and not np.iscomplexobj(initial) else real(initial, WHAT)
    )
    if array.shape == (n_states,):
        array = array[:, None]
    if array.shape not in ((n_states, n), (n_states, 1)):
        raise ValueError(
            f"{WHAT} has shape {array.shape}, expected ({n_states}, {n}): {', '.join(model.state_names())} by"
            " region"
        )
    if not isinstance(array, Tracer) and not np.all(np.isfinite(array)):
        raise ValueError(f"{WHAT} contains NaN or infinite values; expected a finite number for every state")
    return array * np.ones((1, n))
