"""What turns activity into what is measured."""

import abc
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float

from .._signal import Signal, Trajectory
from ..parameters import AbstractPart
from ..units import milliseconds

# Or time courses from elsewhere, as `Signal.of` takes them: an xarray.DataArray, a table, an array.
type Activity = Any


class AbstractObservation(AbstractPart):
    """Maps activity to a `Signal`."""

    @abc.abstractmethod
    def __call__(self, activity: Activity) -> Signal:
        """The measurement of a `Trajectory`, of a `Signal` that was measured before, or of time courses as
        `Signal.of` takes them.
        """


class AbstractLinear(AbstractObservation):
    """An observation that is linear (or linearised) in one variable, so that it acts on spectra too."""

    variable: eqx.AbstractVar[str | None]

    @property
    def mixes(self) -> bool:
        """Whether a channel sees more than one region."""
        return False

    @abc.abstractmethod
    def respond(
        self, omega: Float[Array, " frequency"], response: Complex[Array, "frequency region source"]
    ) -> Complex[Array, "frequency channel source"]:
        """The response of what is measured, from the response of the variable, at `omega` (rad/ms)."""

    @abc.abstractmethod
    def basis(self) -> Float[np.ndarray, "channel rank"] | None:
        """Orthonormal directions in which channels carry signal at all; None: all of them."""


def activity_of(activity: Activity, variable: str | None) -> Signal:
    """The variable of a trajectory; a signal as it is, and time courses from elsewhere as one."""
    if isinstance(activity, Trajectory):
        return activity.variable(variable)
    return activity if isinstance(activity, Signal) else Signal.of(activity)


def interval_of(signal: Signal, what: str) -> float:
    """Time between the samples of a signal in ms.

    Raises:
        ValueError: nobody said it.
    """
    if signal.interval is None:
        raise ValueError(
            f"{what} got time courses that do not say the time between samples; give it, such as"
            " nmm.Signal.of(array, 2 * u.second)"
        )
    return signal.interval


def period_field() -> Any:
    """A time between outputs: Quantity or ms."""
    return eqx.field(default=None, static=True, converter=_period)


def _period(value: Any) -> float | None:
    return None if value is None else milliseconds(value, "observation(period=...)")


def steps_in(period: float | None, step: float, what: str) -> int:
    """How many samples of `step` ms make a period.

    Raises:
        ValueError: the period is unknown, or no whole number of samples.
    """
    if period is None:
        raise ValueError(
            f"{what}(period=...) is missing: give the time between samples, such as period=720 * u.ms"
        )
    n = round(period / step)
    if n < 1 or abs(n * step - period) > 1e-6 * period:
        raise ValueError(
            f"{what}(period={period:g} ms) is no whole number of samples of {step:g} ms; choose a step that"
            " divides it"
        )
    return n


def coarse(every: int, step: float, resolution: float) -> int:
    """The most samples that can be averaged: they divide `every` and are no longer than `resolution` (ms)."""
    return max(
        (r for r in range(1, every + 1) if every % r == 0 and r * step <= resolution * (1 + 1e-9)), default=1
    )
