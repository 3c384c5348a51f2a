"""What a simulation writes down while it runs."""

import abc
from typing import Any

import equinox as eqx
import jax

from .._networks._network import Network
from .._signal import Signal, Trajectory
from ..observe._fold import AbstractStream, lasting, no_samples
from ._grid import Grid
from ._stepper import Steps


class AbstractRecorder(eqx.Module):
    """Turns the steps of a frame into outputs, one every `grid.every` steps."""

    @abc.abstractmethod
    def needs_inputs(self, network: Network) -> bool:
        """Whether it reads what arrives at the regions, beside their states."""

    @abc.abstractmethod
    def init(self, network: Network, grid: Grid, before: Any) -> Any:
        """Its memory at the start; `before`: what lasts of the memory of the run that this one goes on after,
        None: nothing.
        """

    @abc.abstractmethod
    def begin(self, memory: Any, network: Network, grid: Grid) -> Any:
        """Its memory when the recording begins, after the transient."""

    @abc.abstractmethod
    def record(self, memory: Any, network: Network, steps: Steps, grid: Grid) -> tuple[Any, Any]:
        """Memory after a frame, and the frame's outputs."""

    @abc.abstractmethod
    def finish(self, memory: Any, outputs: Any, network: Network, grid: Grid) -> Trajectory | Signal:
        """The result, from all outputs and the memory at the end."""


class Everything(AbstractRecorder):
    """All states, at the end of each output's steps, and what arrives where a variable of the model depends
    on it.
    """

    def needs_inputs(self, network):
        return bool(network.model.driven_variables())

    def init(self, network, grid, before):
        return None

    def begin(self, memory, network, grid):
        return memory

    def record(self, memory, network, steps, grid):
        return memory, jax.tree.map(lambda x: x[grid.every - 1 :: grid.every], steps)

    def finish(self, memory, outputs, network, grid):
        return _trajectory(network, outputs, grid.interval)


class Stream(AbstractRecorder):
    """An observation that needs one variable and its own memory."""

    observation: AbstractStream

    def needs_inputs(self, network):
        return (self.observation.variable or network.model.observable) in network.model.driven_variables()

    def init(self, network, grid, before):
        return lasting(self._fresh(network, grid)) if before is None else before

    def begin(self, memory, network, grid):
        return eqx.combine(memory, self._fresh(network, grid))

    def record(self, memory, network, steps, grid):
        return self.observation.advance(
            memory, _trajectory(network, steps, grid.step).variable(self.observation.variable)
        )

    def finish(self, memory, outputs, network, grid):
        return self.observation.finish(memory, outputs)

    def _fresh(self, network: Network, grid: Grid) -> Any:
        return self.observation.init(
            no_samples(network.model, self.observation.variable, network.connectome.labels, grid.step)
        )


def _trajectory(network: Network, steps: Steps, interval: float) -> Trajectory:
    return Trajectory(steps.states, network.model, interval, network.connectome.labels, steps.inputs)
