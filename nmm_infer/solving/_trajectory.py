"""Trajectories of states that are known."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._networks._network import Network
from .._signal import Trajectory


def undelayed_trajectory(
    network: Network, values: Float[Array, "time state region"], times: Float[Array, " time"], interval: float
) -> Trajectory:
    """The trajectory of a network without delays that is in these states at these times (ms)."""
    inputs = None
    if network.model.driven_variables():
        inputs = jax.vmap(lambda t, y: network.driven(t, network.undelayed(y)))(jnp.asarray(times), values)
    return Trajectory(values, network.model, interval, network.connectome.labels, inputs)
