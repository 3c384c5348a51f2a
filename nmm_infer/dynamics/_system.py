"""What every tool here needs of a network: no priors, float64, labels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from .._tools._kinds import kind_of
from ..linear._fixed_point import fixed_point
from ..models._base import AbstractModel
from ..priors._sample import priors


def as_network(system: Any, caller: str) -> Network:
    """`system` as a Network, a bare model being a network of one region.

    Raises:
        TypeError: neither a network nor a model.
    """
    if isinstance(system, AbstractModel):
        return Network(system)
    if not isinstance(system, Network):
        raise TypeError(
            f"{caller} got {kind_of(system)}, expected a Network or a model such as nmm.models.JansenRit()"
        )
    return system


def as_double(network: Network, caller: str) -> Network:
    """`network` with all its numbers in float64; call it where JAX computes in float64.

    Raises:
        ValueError: names the priors that are left.
    """
    free = priors(network)
    if free:
        raise ValueError(
            f"{caller} still has priors at {', '.join(free)}; put numbers there, such as a posterior mean:"
            " dynamics are those of one network"
        )
    return jax.tree.map(_double, network)


def _double(leaf: Any) -> Any:
    number = isinstance(leaf, jax.Array | np.ndarray) and np.issubdtype(leaf.dtype, np.floating)
    return jnp.asarray(leaf, jnp.float64) if number else leaf


def as_point(network: Network, point: Any, caller: str) -> Float[Array, "state region"]:
    """A state of the network: `point` as given, or the fixed point near the initial state.

    Raises:
        ValueError: the wrong shape, NaN, or no fixed point.
    """
    shape = jnp.shape(network.initial)
    if point is None:
        found = fixed_point(network)
        if not bool(jnp.all(jnp.isfinite(found))):
            raise ValueError(
                f"{caller}: no fixed point near the network's initial state; pass point=..., for instance one"
                " of nmm.dynamics.fixed_points(network)"
            )
        return found
    array = jnp.asarray(np.asarray(point, dtype=np.float64))
    if not bool(jnp.all(jnp.isfinite(array))):
        raise ValueError(
            f"{caller} contains NaN or infinite values, expected a state: one of"
            " nmm.dynamics.fixed_points(network), or numbers"
        )
    if array.shape == shape[:1]:
        array = array[:, None]
    if array.shape not in (shape, (shape[0], 1)):
        names = ", ".join(network.model.state_names())
        raise ValueError(f"{caller} has shape {array.shape}, expected {shape}: the states {names} by region")
    return jnp.broadcast_to(array, shape)


def ranges(network: Network) -> Float[np.ndarray, "bound state"]:
    """Low and high ends of the declared ranges of the states."""
    return np.array([[state.low, state.high] for state in network.model.states], dtype=np.float64).T


def coords(network: Network) -> dict[str, Any]:
    """Labels of states, with their units, and regions."""
    units = [state.unit for state in network.model.states]
    return {
        "state": list(network.model.state_names()),
        "state_unit": ("state", units),
        "region": list(network.connectome.labels),
    }
