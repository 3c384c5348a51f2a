"""What drives a network at random."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from ..parameters import AbstractPart
from ._innovations import Innovations


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
        self,
        key: PRNGKeyArray | Innovations,
        carry: Float[Array, "noisy region"],
        first: Array,
        n: int,
        step: float,
    ) -> tuple[Float[Array, "noisy region"], Float[Array, "step noisy region"]]:
        """The carry after the steps `first`, …, `first + n - 1`, each `step` ms long, and the integral of the
        noise over each of them.
        """

    @abc.abstractmethod
    def spectrum(
        self, omega: Float[Array, " frequency"], shape: tuple[int, int]
    ) -> Float[Array, "frequency noisy region"]:
        """Two-sided power density of the forcing at `omega` (rad/ms), per kHz."""
