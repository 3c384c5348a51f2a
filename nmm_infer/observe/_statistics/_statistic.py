"""Statistics over time."""

import jax.numpy as jnp

from ..._signal import Signal
from ..._stream import AbstractSummarised, AbstractSummary
from .._base import AbstractObservation, activity_of, interval_of, steps_in
from .._naming import of_model
from ._moments import add_samples, no_moments, pairs, squares


class AbstractStatistic(AbstractObservation, AbstractSummarised, AbstractSummary):
    """What a signal is over all of its time, gathered while the simulation runs.

    Fields of every statistic:
        variable: the variable of the model; None: the model's observable.
        period: time between the samples that count; None: all samples of what is observed.
    """

    @property
    def summary(self) -> AbstractSummary:
        return self

    def init(self, n_regions, step):
        return None

    def advance(self, memory, activity, step):
        every = steps_in(self.period, step, type(self).__name__)
        return memory, activity[every - 1 :: every]

    def layout(self, regions, model):
        return Signal(jnp.zeros((0, len(regions))), self.period, ("time", "region"), ((), regions), *of_model(model, self.variable))

    def finish(self, signal):
        return signal

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        every = 1 if self.period is None else steps_in(self.period, interval_of(signal, type(self).__name__), type(self).__name__)
        values = signal.values[every - 1 :: every]
        return self.conclude(self.gather(self.begin(values.shape[1:]), values), signal)


class AbstractOfChannels(AbstractStatistic):
    """A statistic of each channel by itself, from its mean and its sum of squares."""

    def begin(self, channels):
        return no_moments(channels, squares)

    def gather(self, memory, values):
        return add_samples(memory, values, squares)


class AbstractOfPairs(AbstractStatistic):
    """A statistic of every pair of channels, from their means and sums of products.

    Raises:
        ValueError: a sample is a single number or a matrix.
    """

    def begin(self, channels):
        if len(channels) != 1:
            raise ValueError(f"{type(self).__name__} got samples of shape {channels}, expected one axis: it compares the time courses of regions or sensors")
        return no_moments(channels, pairs)

    def gather(self, memory, values):
        return add_samples(memory, values, pairs)


def squared(unit: str) -> str:
    """The unit of a square."""
    return unit if unit in ("", "1") else f"({unit})^2" if "/" in unit else f"{unit}^2"
