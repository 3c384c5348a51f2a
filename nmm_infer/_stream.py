"""What a solver needs of an observation that is computed while the simulation runs.

A stream turns activity into samples, what is pointwise acts on each of them, and a summary gathers
them; none needs to know how long the simulation is.
"""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from ._signal import Signal
from .models._base import AbstractDynamics


class AbstractStream(eqx.Module):
    """Consumes one variable of the model, frame by frame, and gives one output every `period`.

    Fields of every stream:
        variable: the variable of the model that it reads; None: the model's observable.
        period: time between outputs, ms; None: not known yet, an error when simulating.
    """

    variable: eqx.AbstractVar[str | None]
    period: eqx.AbstractVar[float | None]

    @abc.abstractmethod
    def init(self, n_regions: int, step: float) -> Any:
        """Its memory at the start, for samples every `step` ms."""

    @abc.abstractmethod
    def advance(self, memory: Any, activity: Float[Array, "step region"], step: float) -> tuple[Any, Float[Array, "output region"]]:
        """Memory and outputs after a whole number of periods of activity."""

    @abc.abstractmethod
    def signal(self, outputs: Float[Array, "output region"], regions: tuple[str, ...], model: AbstractDynamics | None) -> Signal:
        """All outputs as a Signal."""


class AbstractPointwise(eqx.Module):
    """Acts on every sample by itself, so on a part of a signal as on all of it.

    Fields of every such part:
        variable: the variable of the model that it reads where it comes first; None: the model's observable.
    """

    variable: eqx.AbstractVar[str | None]

    @abc.abstractmethod
    def __call__(self, activity: Any) -> Signal:
        """The measurement of a trajectory, or of a signal that was measured before."""

    @abc.abstractmethod
    def each(self, values: Float[Array, "time channel"]) -> Float[Array, "time ..."]:
        """What it makes of the samples; nothing but arithmetic."""


class AbstractSummary(eqx.Module):
    """Gathers samples, some at a time, into a result whose size does not depend on their number."""

    @abc.abstractmethod
    def begin(self, channels: tuple[int, ...]) -> Any:
        """Its memory before the first sample; `channels` is the shape of a sample."""

    @abc.abstractmethod
    def gather(self, memory: Any, values: Float[Array, "time *channel"]) -> Any:
        """Memory after some more samples."""

    @abc.abstractmethod
    def conclude(self, memory: Any, signal: Signal) -> Signal:
        """The result. Of `signal`, the samples, only dims, labels, name and unit are read."""


class AbstractSummarised(AbstractStream):
    """A stream whose outputs may be gathered rather than kept, and of whose result more may be made at the end."""

    @property
    @abc.abstractmethod
    def summary(self) -> AbstractSummary | None:
        """What gathers the outputs; None: they are kept."""

    @abc.abstractmethod
    def layout(self, regions: tuple[str, ...], model: AbstractDynamics | None) -> Signal:
        """The outputs as a signal of no samples."""

    @abc.abstractmethod
    def finish(self, signal: Signal) -> Signal:
        """What is made of the outputs, or of their summary, at the end."""

    def signal(self, outputs, regions, model):
        """The result from outputs that were kept."""
        signal = self.layout(regions, model)
        signal = Signal(outputs, signal.interval, signal.dims, signal.labels, signal.name, signal.unit)
        if self.summary is not None:
            signal = self.summary.conclude(self.summary.gather(self.summary.begin(outputs.shape[1:]), outputs), signal)
        return self.finish(signal)
