"""What time it is, and what stimuli do then."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._networks._network import Network


class Clock:
    """Time in double precision, whatever the precision of the states.

    After twenty minutes neighbouring numbers of single precision are an eighth of a ms apart, too far for a
    pulse with an edge and for the phase of a sine wave. Steps are whole numbers, and stimuli are some numbers
    a step: here the double precision costs nothing.
    """

    def __init__(self, network: Network, start: float | Array, step: float):
        self.start = start
        self.step = step
        with jax.enable_x64(True):
            self.stimuli = jax.tree.map(_double, network.stimuli)

    def time(self, n: Int[Array, ""], since: float | Array) -> Float[Array, ""]:
        """ms at `since` after the beginning of step `n`."""
        with jax.enable_x64(True):
            return (
                jnp.asarray(self.start, jnp.float64)
                + n.astype(jnp.float64) * self.step
                + jnp.asarray(since, jnp.float64)
            )

    def driven(
        self, network: Network, time: Float[Array, ""], c: Float[Array, "port region"]
    ) -> Float[Array, "port region"]:
        """The coupling input with the stimuli at `time`."""
        if not network.stimuli:
            return c
        with jax.enable_x64(True):
            return c + network.stimulation(time, self.stimuli).astype(c.dtype)


def _double(leaf: Any) -> Any:
    return jnp.asarray(leaf, jnp.float64) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact) else leaf
