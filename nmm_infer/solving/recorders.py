"""What a simulation writes down while it runs."""

import abc
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from ..network import Network
from ..signal import Signal, Trajectory
from ..stream import AbstractStream, AbstractSummarised
from .grid import Grid


class AbstractRecorder(eqx.Module):
    """Turns the states of a frame into outputs, one every `grid.every` steps."""

    @abc.abstractmethod
    def init(self, network: Network, grid: Grid) -> Any:
        """Its memory at the start."""

    @abc.abstractmethod
    def record(self, memory: Any, network: Network, states: Float[Array, "step state region"], grid: Grid) -> tuple[Any, Any]:
        """Memory after a frame, and the frame's outputs."""

    @abc.abstractmethod
    def finish(self, outputs: Any, network: Network, grid: Grid) -> Trajectory | Signal:
        """All outputs as a result."""


class Everything(AbstractRecorder):
    """All states, at the end of each output's steps."""

    def init(self, network, grid):
        return None

    def record(self, memory, network, states, grid):
        return memory, states[grid.every - 1 :: grid.every]

    def finish(self, outputs, network, grid):
        return Trajectory(outputs, network.model, grid.interval, network.connectome.labels)


class Stream(AbstractRecorder):
    """An observation that needs one variable and its own memory."""

    observation: AbstractStream

    def init(self, network, grid):
        if isinstance(self.observation, AbstractSummarised):
            self.observation.layout(network.connectome.labels, network.model)  # what does not fit raises here, by name
        return self.observation.init(network.n_regions, grid.step)

    def record(self, memory, network, states, grid):
        name = self.observation.variable or network.model.observable
        activity = jax.vmap(lambda y: network.model.variable(name, y))(states)
        return self.observation.advance(memory, activity, grid.step)

    def finish(self, outputs, network, grid):
        return self.observation.signal(outputs, network.connectome.labels, network.model)
