"""Statistics over time."""

import abc

import equinox as eqx

from ..._signal import Signal
from .._base import interval_of, steps_in
from .._fold import AbstractStream, Gathered
from ._moments import Moments, Products, add_samples, no_moments, pairs


class AbstractStatistic(AbstractStream):
    """What a signal is over all of its time, from its means and sums of products, gathered while the
    simulation runs.

    Fields of every statistic:
        period: time between the samples that count; None: all samples of what is observed.
        products: `squares` of each channel by itself, or `pairs` of all channels.

    Raises:
        ValueError: pairs, where a sample is a single number or a matrix.
    """

    products: eqx.AbstractClassVar[Products]

    @abc.abstractmethod
    def conclude(self, moments: Moments, signal: Signal) -> Signal:
        """The result, of the moments of samples such as those of `signal`, which has none itself."""

    def every(self, signal):
        name = type(self).__name__
        return 1 if self.period is None else steps_in(self.period, interval_of(signal, name), name)

    def init(self, signal):
        channels = signal.values.shape[1:]
        if self.products is pairs and len(channels) != 1:
            raise ValueError(
                f"{type(self).__name__} got samples of shape {channels}, expected one axis: it compares the"
                " time courses of regions or sensors"
            )
        return Gathered(no_moments(channels, self.products))

    def advance(self, memory, signal):
        every, none = self.every(signal), signal.with_values(signal.values[:0])
        if memory is None:  # nothing is gathered of a transient
            return None, none
        return Gathered(add_samples(memory.value, signal.values[every - 1 :: every], self.products)), none

    def finish(self, memory, outputs):
        return self.conclude(memory.value, outputs)


def squared(unit: str) -> str:
    """The unit of a square."""
    return unit if unit in ("", "1") else f"({unit})^2" if "/" in unit else f"{unit}^2"
