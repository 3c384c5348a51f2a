"""What a Wilson–Cowan population is made of: its response to an input, how inhibition acts on it, and its
drift.
"""

import abc
from typing import Any

import jax
from jaxtyping import Array, Float

from ..parameters import AbstractPart, Slot
from ._transfer import sigmoid


class AbstractResponse(AbstractPart):
    """The response s of a population to its input x."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " region"], a: Slot, b: Slot, c: Slot) -> Float[Array, " region"]:
        """Response to the input `x` with slope `a`, threshold `b` and amplitude `c`."""


class ShiftedSigmoid(AbstractResponse):
    """c [σ(a (x - b)) - σ(-a b)], which is 0 at x = 0: Wilson & Cowan's, and TVB's default."""

    def __call__(self, x, a, b, c):
        return c * (sigmoid(a * (x - b)) - sigmoid(-a * b))


class Sigmoid(AbstractResponse):
    """c σ(a (x - b)), which is never silent: TVB's with `shift_sigmoid=False`."""

    def __call__(self, x, a, b, c):
        return c * sigmoid(a * (x - b))


class Rectifier(AbstractResponse):
    """c a [x - b]₊, threshold-linear and without a maximum."""

    def __call__(self, x, a, b, c):
        return c * a * jax.nn.relu(x - b)


class AbstractInhibition(AbstractPart):
    """What inhibition does to excitation before a population responds."""

    @abc.abstractmethod
    def __call__(
        self, excitation: Float[Array, " region"], inhibition: Float[Array, " region"]
    ) -> Float[Array, " region"]:
        """The net input of a population."""


class Subtractive(AbstractInhibition):
    """excitation - inhibition: moves the threshold."""

    def __call__(self, excitation, inhibition):
        return excitation - inhibition


class Divisive(AbstractInhibition):
    """excitation / (1 + inhibition): changes the gain, as in the normalisation model.

    A semi-saturation constant other than 1 would be another scale of the weights and of α.
    """

    def __call__(self, excitation, inhibition):
        return excitation / (1.0 + inhibition)


def population(
    activity: Float[Array, " region"],
    net: Float[Array, " region"],
    response: AbstractResponse,
    *,
    tau: Slot,
    a: Slot,
    b: Slot,
    c: Slot,
    theta: Slot,
    r: Slot,
    k: Slot,
    alpha: Slot,
) -> Float[Array, " region"]:
    """Drift of one population: x = α (net - θ), τ A' = -A + (k - r A) s(x)."""
    return (-activity + (k - r * activity) * response(alpha * (net - theta), a, b, c)) / tau


def check_kind(value: Any, kind: type, what: str, example: str) -> None:
    """Raises TypeError unless `value` is a `kind`; the message names `what` was filled and an example."""
    if not isinstance(value, kind):
        got = f"the class {value.__name__} itself" if isinstance(value, type) else type(value).__name__
        raise TypeError(
            f"{what} got {got}, expected {kind.__name__.removeprefix('Abstract')}, such as {example}"
        )
