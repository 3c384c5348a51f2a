"""One observation after another."""

import equinox as eqx

from ._base import AbstractObservation
from ._fold import AbstractFold, AbstractStream
from ._statistics._statistic import AbstractStatistic


class Chain(AbstractStream):
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
            raise ValueError(
                "Chain() is empty: expected at least one observation, such as Chain(Bold(period=720 * u.ms),"
                " FunctionalConnectivity())"
            )
        self.parts = tuple(
            part for outer in parts for part in (outer.parts if isinstance(outer, Chain) else (outer,))
        )
        for before, part in zip(self.parts, self.parts[1:], strict=False):
            if isinstance(part, AbstractStatistic) and part.period is not None:
                raise ValueError(
                    f"Chain(..., {type(part).__name__}(period={part.period:g} ms)) takes the samples that"
                    f" {type(before).__name__} gives; leave its period out"
                )

    def __call__(self, activity):
        for part in self.parts:
            activity = part(activity)
        return activity

    @property
    def _running(self) -> tuple[AbstractFold, ...]:
        """The parts that need only some samples at a time, up to the first statistic, which passes none on.

        Raises:
            ValueError: the first part does not stream.
        """
        if not isinstance(self.parts[0], AbstractStream):
            name = type(self.parts[0]).__name__
            raise ValueError(
                f"Chain({name}, ...) got a first part that does not stream, so it cannot run during a"
                f" simulation; put a stream before it, such as Chain(Subsample(period=1 * u.ms), {name},"
                " ...), or call the chain with a trajectory"
            )
        running: list[AbstractFold] = []
        for part in self.parts:
            if not isinstance(part, AbstractFold) or (running and isinstance(running[-1], AbstractStatistic)):
                break
            running.append(part)
        return tuple(running)

    @property
    def variable(self) -> str | None:
        return self._running[0].variable

    @property
    def period(self) -> float | None:
        said = [
            part.period
            for part in self._running
            if isinstance(part, AbstractStream) and part.period is not None
        ]
        return said[-1] if said else None

    def init(self, signal):
        memories = []
        for part in self._running:
            memories.append(part.init(signal))
            # What it makes of no samples tells dims, labels and unit to the next one, which checks them.
            _, signal = eqx.filter_eval_shape(part.advance, memories[-1], signal)
        return tuple(memories)

    def advance(self, memory, signal):
        memories = []
        for part, own in zip(self._running, memory, strict=True):
            own, signal = part.advance(own, signal)
            memories.append(own)
        return tuple(memories), signal

    def finish(self, memory, outputs):
        running = self._running
        signal = running[-1].finish(memory[-1], outputs)
        for part in self.parts[len(running) :]:
            signal = part(signal)
        return signal
