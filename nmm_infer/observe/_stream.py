"""One call for activity that is stored and activity that streams."""

import dataclasses

from jaxtyping import Array, Float

from .._regional import in_order
from .._signal import Signal, Trajectory
from .._stream import AbstractStream
from ._base import Activity, activity_of, interval_of, steps_in


def observe_stored(stream: AbstractStream, activity: Activity, what: str) -> Signal:
    """Pass stored activity through a stream, whole periods of it."""
    signal = activity_of(activity, stream.variable)
    interval, stream = interval_of(signal, what), in_order(stream, signal.labels[1])
    every = steps_in(stream.period, interval, what)
    n = signal.values.shape[0] // every * every
    if n == 0:
        raise ValueError(f"{what} got {signal.values.shape[0]} samples of {interval:g} ms, expected at least one period of {stream.period:g} ms")
    _, outputs = stream.advance(stream.init(signal.values.shape[1], interval), signal.values[:n], interval)
    if isinstance(activity, Trajectory):
        return begun_with(signal, stream.signal(outputs, signal.labels[1], activity.model))
    return begun_with(signal, pass_on(stream, outputs, signal))


def begun_with(signal: Signal, result: Signal) -> Signal:
    """`result` on the clock of `signal`, of which it was made."""
    return dataclasses.replace(result, start=signal.start)


def pass_on(stream: AbstractStream, outputs: Float[Array, "output region"], signal: Signal) -> Signal:
    """The outputs that a stream made of `signal`, whose name and unit they keep unless the stream has its own."""
    result = stream.signal(outputs, signal.labels[1], None)
    return result if result.unit else Signal(result.values, result.interval, result.dims, result.labels, signal.name, signal.unit)
