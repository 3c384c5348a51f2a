"""One observation after another."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._signal import Signal
from .._stream import AbstractPointwise, AbstractStream, AbstractSummarised, AbstractSummary
from ._base import AbstractObservation, steps_in
from ._statistics._statistic import AbstractStatistic
from ._stream import pass_on
from ._subsample import Subsample


class Chain(AbstractObservation, AbstractSummarised):
    """`Chain(a, b)(x)` is `b(a(x))`; if the first part streams, the chain does.

    While a simulation runs, its samples go through the parts that stream and those that act on every
    sample by itself, up to the first statistic, which gathers them. What comes after it, and a part that
    needs the whole signal, acts at the end.

    Raises:
        ValueError: no parts, or a statistic that has a period though it is not the first part.
    """

    parts: tuple[AbstractObservation, ...]

    def __init__(self, *parts: AbstractObservation):
        if not parts:
            raise ValueError("Chain() is empty: expected at least one observation, such as Chain(Bold(period=720 * u.ms), FunctionalConnectivity())")
        self.parts = tuple(part for outer in parts for part in (outer.parts if isinstance(outer, Chain) else (outer,)))
        for before, part in zip(self.parts, self.parts[1:], strict=False):
            if isinstance(part, AbstractStatistic) and part.period is not None:
                raise ValueError(
                    f"Chain(..., {type(part).__name__}(period={part.period:g} ms)) takes the samples that {type(before).__name__} gives; leave its period out"
                )

    def __call__(self, activity):
        for part in self.parts:
            activity = part(activity)
        return activity

    @property
    def _running(self) -> tuple[AbstractStream | AbstractPointwise, ...]:
        """The parts that need only some samples at a time, before any statistic.

        Raises:
            ValueError: the first part does not stream.
        """
        first = self.parts[0]
        if isinstance(first, AbstractStatistic):
            return (Subsample(period=first.period, variable=first.variable),)
        if not isinstance(first, AbstractStream):
            name = type(first).__name__
            raise ValueError(
                f"Chain({name}, ...) got a first part that does not stream, so it cannot run during a simulation; "
                f"put a stream before it, such as Chain(Subsample(period=1 * u.ms), {name}, ...), or call the chain with a trajectory"
            )
        running: list[AbstractStream | AbstractPointwise] = [first]
        for part in self.parts[1:]:
            if isinstance(part, AbstractStatistic) or not isinstance(part, AbstractStream | AbstractPointwise):
                break
            running.append(part)
        return tuple(running)

    @property
    def _after(self) -> tuple[AbstractObservation, ...]:
        """The first statistic or the first part that needs the whole signal, and what follows."""
        return self.parts if isinstance(self.parts[0], AbstractStatistic) else self.parts[len(self._running) :]

    @property
    def variable(self) -> str | None:
        first = self._running[0]
        return first.variable if isinstance(first, AbstractStream) else None

    @property
    def period(self) -> float | None:
        return [part.period for part in self._running if isinstance(part, AbstractStream)][-1]

    @property
    def summary(self) -> AbstractSummary | None:
        after = self._after
        return after[0] if after and isinstance(after[0], AbstractStatistic) else None

    def init(self, n_regions, step):
        sample, interval = jnp.zeros((1, n_regions)), step
        memories = []
        for part in self._running:
            if isinstance(part, AbstractStream):
                memories.append(part.init(sample.shape[1], interval))
                interval = _period(part, interval)
            else:
                memories.append(None)
                sample = eqx.filter_eval_shape(part.each, sample)
        return tuple(memories)

    def advance(self, memory, activity, step):
        memories, interval = [], step
        for part, own in zip(self._running, memory, strict=True):
            if isinstance(part, AbstractStream):
                own, activity = part.advance(own, activity, interval)
                interval = _period(part, interval)
            else:
                activity = part.each(activity)
            memories.append(own)
        return tuple(memories), activity

    def layout(self, regions, model):
        first, *others = self._running
        assert isinstance(first, AbstractStream)
        none: Float[Array, "0 region"] = jnp.zeros((0, len(regions)))
        signal: Signal = first.signal(none, regions, model)
        for part in others:
            # A part that acts on samples acts on none too: this checks its input, and tells dims, labels and unit.
            signal = pass_on(part, signal.values, signal) if isinstance(part, AbstractStream) else part(signal)
        return signal

    def finish(self, signal):
        after = self._after
        for part in after if self.summary is None else after[1:]:
            signal = part(signal)
        return signal


def _period(part: AbstractStream, interval: float) -> float:
    """Time between the outputs of a part that gets samples every `interval` ms.

    Raises:
        ValueError: it is not known, or no whole number of samples.
    """
    return interval * steps_in(part.period, interval, type(part).__name__)
