"""How a gradient gets back through a long simulation."""

import abc
from typing import Any

import equinox as eqx
import jax


class AbstractAdjoint(eqx.Module):
    """Decides what a simulation keeps for the backward pass, frame by frame."""

    @property
    @abc.abstractmethod
    def frame_steps(self) -> int | None:
        """Preferred number of steps in a frame; None: as many as there are."""

    @abc.abstractmethod
    def wrap(self, frame: Any) -> Any:
        """The function that advances one frame, with its backward pass arranged."""


class Checkpointed(AbstractAdjoint):
    """Keep the state between frames of `steps` steps and recompute inside them.

    Memory grows with (total steps)/`steps` + `steps` instead of with all steps; the price is one more
    forward pass. The default suits networks of 70–400 regions.
    """

    steps: int = eqx.field(static=True, default=256)

    def __check_init__(self):
        if self.steps < 1:
            raise ValueError(f"Checkpointed(steps={self.steps}): expected at least 1 step")

    @property
    def frame_steps(self) -> int | None:
        return self.steps

    def wrap(self, frame):
        return jax.checkpoint(frame, prevent_cse=False)


class Stored(AbstractAdjoint):
    """Keep everything: the fastest gradient while memory lasts."""

    @property
    def frame_steps(self) -> int | None:
        return None

    def wrap(self, frame):
        return frame
