"""Observations that take activity some samples at a time."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from .._regional import in_order
from .._signal import Signal
from ..models._base import AbstractDynamics
from ._base import AbstractObservation, activity_of, interval_of, steps_in


class AbstractFold(AbstractObservation):
    """An observation that never needs more than some samples at a time, as they come while a simulation runs.

    It is `init`, `advance` for each block of samples, and `finish`. One without a memory says only what it
    makes of a block.

    Fields of every fold:
        variable: the variable of the model that it reads where it comes first; None: the model's observable.
    """

    variable: eqx.AbstractVar[str | None]

    def init(self, signal: Signal) -> Any:
        """Its memory before the first sample of `signal`, whose values have the shape of samples, and perhaps
        no numbers.

        Raises:
            ValueError: activity that does not fit.
        """
        return None

    @abc.abstractmethod
    def advance(self, memory: Any, signal: Signal) -> tuple[Any, Signal]:
        """Memory and outputs after some more samples: a whole number of periods, or none."""

    def finish(self, memory: Any, outputs: Signal) -> Signal:
        """The result, of all outputs; of the memory where that gathers them, which only that of an
        `AbstractStatistic` does.
        """
        return outputs


class AbstractPointwise(AbstractFold):
    """Acts on every sample by itself, so on a part of a signal as on all of it: `__call__` says all."""

    def advance(self, memory, signal):
        return memory, self(signal)


class AbstractStream(AbstractFold):
    """A fold that says how often it looks, so that a simulation can run it by itself.

    Fields of every stream:
        period: time between outputs, ms; None: not known yet, an error when simulating.
    """

    period: eqx.AbstractVar[float | None]

    def every(self, signal: Signal) -> int:
        """How many samples of `signal` make a period.

        Raises:
            ValueError: one of both is not known, or it is no whole number.
        """
        name = type(self).__name__
        return steps_in(self.period, interval_of(signal, name), name)

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        stream = in_order(self, signal.labels[-1])
        n, every = signal.values.shape[0], stream.every(signal)
        if n < every:
            name = type(self).__name__
            interval = interval_of(signal, name)
            raise ValueError(
                f"{name} got {n} samples of {interval:g} ms, expected at least one period of"
                f" {every * interval:g} ms"
            )
        return stream.finish(
            *stream.advance(stream.init(signal), signal.with_values(signal.values[: n // every * every]))
        )


def no_samples(
    model: AbstractDynamics, variable: str | None, regions: tuple[str, ...], interval: float
) -> Signal:
    """A variable of a model, None: its observable, before its first sample.

    Raises:
        ValueError: no variable of the model.
    """
    name = variable or model.observable
    model.check_variable(name, "observation(variable=...)")
    return Signal(
        jnp.zeros((0, len(regions))),
        interval,
        ("time", "region"),
        ((), regions),
        name,
        model.variables()[name],
    )


class Gathered(eqx.Module):
    """Memory that is not of what is measured but of its result: none of a transient, and none for a run that
    goes on after another.
    """

    value: Any


def lasting(memory: Any) -> Any:
    """A memory without what was gathered."""
    return jax.tree.map(
        lambda own: None if isinstance(own, Gathered) else own,
        memory,
        is_leaf=lambda own: isinstance(own, Gathered),
    )
