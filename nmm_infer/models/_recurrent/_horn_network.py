"""Harmonic oscillator recurrent network: stacked layers and a linear readout."""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ._horn_layer import HORNLayer


class HORNNetwork(eqx.Module):
    """Stacked `HORNLayer`s with a linear readout of the last one's positions at the end of the sequence.

    Each layer reads the positions of the one below it. Map over a batch with `jax.vmap`.

    Args:
        layers: from the bottom up; each has as many inputs as the one below has units.
        outputs: numbers that are read out.
        key: for the readout's weights.

    Raises:
        ValueError: no layers, or layers that do not fit on each other.
    """

    layers: tuple[HORNLayer, ...]
    readout: eqx.nn.Linear

    def __init__(self, layers: Sequence[HORNLayer], outputs: int, *, key: PRNGKeyArray):
        self.layers = tuple(layers)
        if not self.layers or not all(isinstance(layer, HORNLayer) for layer in self.layers):
            raise ValueError(
                f"HORNNetwork(layers=...) got {[type(layer).__name__ for layer in self.layers]}, expected one"
                " HORNLayer or more"
            )
        if not isinstance(outputs, int | np.integer) or outputs < 1:
            raise ValueError(f"HORNNetwork(outputs={outputs!r}): expected a whole number, 1 or more")
        for number, (below, above) in enumerate(zip(self.layers[:-1], self.layers[1:], strict=True), start=1):
            if above.inputs != below.units:
                raise ValueError(
                    f"HORNNetwork(layers=...): layer {number} has {above.inputs} inputs, expected"
                    f" {below.units}: one for each unit below it"
                )
        self.readout = eqx.nn.Linear(self.layers[-1].units, outputs, key=key)

    def __call__(self, sequence: Float[Array, "time input"]) -> Float[Array, " output"]:
        """What is read out after the last sample."""
        for layer in self.layers[:-1]:
            sequence = layer(sequence)[:, 0]
        return self.readout(self.layers[-1].last(sequence)[0])

    def states(self, sequence: Float[Array, "time input"]) -> tuple[Float[Array, "time state unit"], ...]:
        """Positions and velocities of each layer after each sample, to look inside."""
        found = []
        for layer in self.layers:
            found.append(layer(sequence))
            sequence = found[-1][:, 0]
        return tuple(found)

    def trained(self) -> PyTree[bool]:
        """True at the weights and biases, which the paper trains, False at the nodes' parameters: a filter
        for `eqx.partition(network, network.trained())`.
        """
        everything = jax.tree.map(eqx.is_inexact_array, self)
        return eqx.tree_at(
            lambda network: [layer.node for layer in network.layers],
            everything,
            replace_fn=lambda node: jax.tree.map(lambda _: False, node),
        )
