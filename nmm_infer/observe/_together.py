"""Several observations of the same activity, side by side."""

from collections import Counter

import jax.numpy as jnp

from .._signal import Signal
from .._tools._kinds import kind_of
from ._base import AbstractObservation


class Together(AbstractObservation):
    """`Together(a, b)(x)` has the channels of `a(x)` and then those of `b(x)`, all at the same times.

    For data in which several variables were recorded at once, such as the rate and the potential of a
    population: `Together(Subsample(period=1.0, variable="r"), Subsample(period=1.0, variable="V"))`. Their
    noises are told apart by a likelihood's `scale`, one number for each channel. Channels are named
    `variable` in a network of one region, else `variable region`.

    It looks at whole trajectories, which the simulation has to keep.

    Raises:
        ValueError: no parts; when observing, parts without a time axis, at different times, or with channels
            of the same name.
    """

    parts: tuple[AbstractObservation, ...]

    def __init__(self, *parts: AbstractObservation):
        if not parts:
            raise ValueError(
                "Together() is empty: expected at least one observation, such as"
                " Together(Subsample(period=1.0), LeadField(gain))"
            )
        for part in parts:
            if not isinstance(part, AbstractObservation):
                raise TypeError(
                    f"Together(...) got {kind_of(part)}, expected observations such as"
                    " nmm.observe.Subsample(period=1.0)"
                )
        self.parts = parts

    def __call__(self, activity):
        signals = [part(activity) for part in self.parts]
        for part, signal in zip(self.parts, signals, strict=True):
            if len(signal.dims) != 2 or signal.dims[0] != "time":
                raise ValueError(
                    f"Together({type(part).__name__}) got dims {signal.dims}, expected a time course of"
                    " channels"
                )
            if signal.interval != signals[0].interval or signal.values.shape[0] != signals[0].values.shape[0]:
                raise ValueError(
                    f"Together({type(part).__name__}) has a sample every {signal.interval:g} ms where"
                    f" {type(self.parts[0]).__name__} has one every {signals[0].interval:g} ms; give all"
                    " parts the same period"
                )
        labels = tuple(label for signal in signals for label in _labels(signal))
        if twice := [label for label, times in Counter(labels).items() if times > 1]:
            raise ValueError(
                f"Together(...) has two channels named {twice[0]!r}; observe each variable once, or name the"
                " sensors differently"
            )
        units = {signal.unit for signal in signals}
        values = jnp.concatenate([signal.values for signal in signals], axis=1)
        unit = units.pop() if len(units) == 1 else ""
        return signals[0].with_values(
            values, dims=("time", "channel"), labels=((), labels), name="channel", unit=unit
        )


def _labels(signal: Signal) -> tuple[str, ...]:
    channels = signal.labels[1]
    return (signal.name,) if len(channels) == 1 else tuple(f"{signal.name} {label}" for label in channels)
