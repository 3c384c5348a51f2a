"""What a simulation writes down while it runs."""

import abc
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._networks._network import Network
from .._signal import Signal, Trajectory
from .._stream import AbstractStream, AbstractSummarised, AbstractSummary
from ._grid import Grid
from ._stepper import Steps


class AbstractRecorder(eqx.Module):
    """Turns the steps of a frame into outputs, one every `grid.every` steps."""

    @abc.abstractmethod
    def needs_inputs(self, network: Network) -> bool:
        """Whether it reads what arrives at the regions, beside their states."""

    @abc.abstractmethod
    def init(self, network: Network, grid: Grid) -> Any:
        """Its memory at the start."""

    @abc.abstractmethod
    def begin(self, memory: Any, network: Network) -> Any:
        """Its memory when the recording begins, after the transient."""

    @abc.abstractmethod
    def record(self, memory: Any, network: Network, steps: Steps, grid: Grid) -> tuple[Any, Any]:
        """Memory after a frame, and the frame's outputs; None for outputs that are gathered in the memory."""

    @abc.abstractmethod
    def resume(self, own: Any, network: Network, grid: Grid) -> Any:
        """Its memory at the start of a run that goes on after another, of which `own` was left."""

    @abc.abstractmethod
    def own(self, memory: Any) -> Any:
        """What of its memory another run goes on from; None: nothing."""

    @abc.abstractmethod
    def end(self, memory: Any) -> Any:
        """What of its memory belongs to the result."""

    @abc.abstractmethod
    def finish(self, outputs: Any, memory: Any, network: Network, grid: Grid) -> Trajectory | Signal:
        """The result, from all outputs and from what `end` kept."""


class Everything(AbstractRecorder):
    """All states, at the end of each output's steps, and what arrives where a variable of the model depends on it."""

    def needs_inputs(self, network):
        return bool(network.model.driven_variables())

    def init(self, network, grid):
        return None

    def begin(self, memory, network):
        return memory

    def record(self, memory, network, steps, grid):
        return memory, jax.tree.map(lambda x: x[grid.every - 1 :: grid.every], steps)

    def resume(self, own, network, grid):
        return None

    def own(self, memory):
        return None

    def end(self, memory):
        return None

    def finish(self, outputs, memory, network, grid):
        return Trajectory(outputs.states, network.model, grid.interval, network.connectome.labels, outputs.inputs)


class Stream(AbstractRecorder):
    """An observation that needs one variable and its own memory."""

    observation: AbstractStream

    def needs_inputs(self, network):
        return _read(self.observation, network) in network.model.driven_variables()

    def init(self, network, grid):
        return self.observation.init(network.n_regions, grid.step)

    def begin(self, memory, network):
        return memory

    def record(self, memory, network, steps, grid):
        return self.observation.advance(memory, _activity(self.observation, network, steps), grid.step)

    def resume(self, own, network, grid):
        return own

    def own(self, memory):
        return memory

    def end(self, memory):
        return None

    def finish(self, outputs, memory, network, grid):
        return self.observation.signal(outputs, network.connectome.labels, network.model)


class Summary(AbstractRecorder):
    """An observation whose outputs are gathered as they come, so that none is kept."""

    observation: AbstractSummarised

    def needs_inputs(self, network):
        return _read(self.observation, network) in network.model.driven_variables()

    def init(self, network, grid):
        return self.observation.init(network.n_regions, grid.step), None

    def begin(self, memory, network):
        own, _ = memory
        samples = self._layout(network).values
        return own, _gathers(self.observation).begin(samples.shape[1:])

    def record(self, memory, network, steps, grid):
        own, gathered = memory
        own, outputs = self.observation.advance(own, _activity(self.observation, network, steps), grid.step)
        # Nothing is gathered of a transient.
        return (own, None if gathered is None else _gathers(self.observation).gather(gathered, outputs)), None

    def resume(self, own, network, grid):
        return own, None

    def own(self, memory):
        return memory[0]

    def end(self, memory):
        return memory[1]

    def finish(self, outputs, memory, network, grid):
        return self.observation.finish(_gathers(self.observation).conclude(memory, self._layout(network)))

    def _layout(self, network: Network) -> Signal:
        return self.observation.layout(network.connectome.labels, network.model)


def recorder_of(observe: AbstractStream | None, network: Network) -> AbstractRecorder:
    """What writes down `observe`; None: all states.

    Raises:
        ValueError: parts of the observation that do not fit each other or the network.
    """
    if observe is None:
        return Everything()
    if isinstance(observe, AbstractSummarised):
        observe.layout(network.connectome.labels, network.model)  # what does not fit raises here, by name
        if observe.summary is not None:
            return Summary(observe)
    return Stream(observe)


def _read(observation: AbstractStream, network: Network) -> str:
    return observation.variable or network.model.observable


def _activity(observation: AbstractStream, network: Network, steps: Steps) -> Float[Array, "step region"]:
    name = _read(observation, network)
    return jax.vmap(lambda y, c: network.model.variable(name, y, c))(*steps)


def _gathers(observation: AbstractSummarised) -> AbstractSummary:
    summary = observation.summary
    assert summary is not None
    return summary
