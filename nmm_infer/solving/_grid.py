"""The time grid of a simulation, in whole steps."""

from typing import Any, NamedTuple

import numpy as np

from ..units import milliseconds, to_canonical


class Grid(NamedTuple):
    """Step (ms), steps between two outputs, outputs that are dropped at the start, outputs that are kept."""

    step: float
    every: int
    dropped: int
    kept: int

    @property
    def start(self) -> float:
        """Time of the initial state (ms): the recording begins at 0, so a transient lies before it."""
        return -self.dropped * self.every * self.step

    @property
    def interval(self) -> float:
        """Time between outputs (ms)."""
        return self.step * self.every

    @property
    def times(self) -> np.ndarray:
        """Times of the outputs that are kept (ms)."""
        return self.step * self.every * np.arange(1, self.kept + 1)


def make_grid(duration: Any, step: Any, sample_every: Any = None, transient: Any = None) -> Grid:
    """Durations as users give them, as a grid of whole steps.

    Raises:
        UnitError: something is not a time.
        ValueError: `sample_every` is not a whole number of steps, or longer than `duration`.
    """
    length, dt = milliseconds(duration, "duration"), milliseconds(step, "step")
    period = dt if sample_every is None else milliseconds(sample_every, "sample_every")
    every = round(period / dt)
    if every < 1 or abs(every * dt - period) > 1e-6 * period:
        raise ValueError(
            f"sample_every is {period:g} ms, expected a whole number of steps of {dt:g} ms; choose step ="
            f" {period / max(1, round(period / dt)):g} ms"
        )
    # Nothing is recorded after the end: a period that is not over by then gives no sample.
    kept = int(np.floor(length / period + 1e-6))
    if kept < 1:
        raise ValueError(f"duration is {length:g} ms, expected at least one sample of {period:g} ms")
    skip = 0.0 if transient is None else float(np.asarray(to_canonical(transient, "ms", "transient")))
    if not (np.isfinite(skip) and skip >= 0):
        raise ValueError(f"transient is {skip:g} ms, expected a time ≥ 0")
    return Grid(dt, every, int(np.ceil(skip / period - 1e-9)), kept)
