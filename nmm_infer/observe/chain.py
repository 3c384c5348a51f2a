"""One observation after another."""

from .base import AbstractObservation


class Chain(AbstractObservation):
    """`Chain(a, b)(x)` is `b(a(x))`; the first may stream, the others act on its signal."""

    parts: tuple[AbstractObservation, ...]

    def __init__(self, *parts: AbstractObservation):
        if not parts:
            raise ValueError("Chain() is empty: expected at least one observation, such as Chain(Bold(period=720 * u.ms), FunctionalConnectivity())")
        self.parts = parts

    def __call__(self, activity):
        for part in self.parts:
            activity = part(activity)
        return activity
