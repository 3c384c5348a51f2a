"""What drives a network at random."""

import abc
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from ..parameters import AbstractPart
from .innovations import Innovations


class NoiseBlock(NamedTuple):
    """The noise of n steps, drawn at once.

    Fields:
        increments: what is added over each step, √dt included, `["step noisy region"]`; None: nothing.
        forcing: what is added to the drift at the ends of the steps, `["step+1 noisy region"]`; None: nothing.
    """

    increments: Float[Array, "step noisy region"] | None
    forcing: Float[Array, "step+1 noisy region"] | None


class AbstractNoise(AbstractPart):
    """A noise that adds to the drift, whatever the state (Itô and Stratonovich then agree).

    `states` names the states that are driven; None: those that the model declares. Draws depend on
    the key and on the number of the step alone, never on how steps are grouped into blocks.
    """

    states: eqx.AbstractVar[tuple[str, ...] | None]

    @property
    def has_memory(self) -> bool:
        """Whether its own state at t = 0 is random."""
        return False

    @abc.abstractmethod
    def start(self, key: PRNGKeyArray | Innovations, shape: tuple[int, int]) -> Float[Array, "noisy region"]:
        """The noise's own state at t = 0; `shape` is (noisy states, regions)."""

    @abc.abstractmethod
    def block(
        self, key: PRNGKeyArray | Innovations, carry: Float[Array, "noisy region"], first: Array, n: int, step: float
    ) -> tuple[Float[Array, "noisy region"], NoiseBlock]:
        """The noise of steps `first`, …, `first + n - 1`, each `step` ms long, and the carry after them."""

    @abc.abstractmethod
    def spectrum(self, omega: Float[Array, " frequency"], shape: tuple[int, int]) -> Float[Array, "frequency noisy region"]:
        """Two-sided power density of the forcing at `omega` (rad/ms), per kHz."""
