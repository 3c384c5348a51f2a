"""What a solver needs of an observation that is computed while the simulation runs."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .models.base import AbstractDynamics
from .signal import Signal


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
