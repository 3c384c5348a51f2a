"""How a mode is searched: from several starts at once, uphill on a log density."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from ..._progress import Steps

# Steps between two looks at the clock, at Ctrl-C and at the bar.
CHUNK = 50


class Freed(NamedTuple):
    """A log density in which the path of the simulation is free, too.

    Fields:
        begin: a path to begin with, flat or not, in units of the states' ranges, from the unknowns.
        log_density: of unknowns, path, standard deviation of the path's defects, and temperature of the
            likelihood.
        held: which unknowns must not move while the path is free.
    """

    begin: Callable[[Array], Array]
    log_density: Callable[[Array, Array, Array, float], Array]
    held: Bool[np.ndarray, " latent"]


class Objective(NamedTuple):
    """What is searched.

    Fields:
        log_density: of a flat vector; -inf with gradient zero where it fails.
        heights: the same of many points, compiled.
        residuals: r with log_density = constant - ‖r‖²/2, where it has this form; None: it has not, or nobody
            asked.
        freed: gives the same with a free path, in segments of so many ms (None: the time between samples);
            None: there is no path.
    """

    log_density: Callable[[Array], Array]
    heights: Callable[[Array], Array]
    residuals: Callable[[Array], Array] | None = None
    freed: Callable[[float | None], Freed] | None = None


class SearchResults(NamedTuple):
    """Where the searches ended, in the order of their starts."""

    positions: Float[np.ndarray, "start latent"]
    log_density: Float[np.ndarray, " start"]
    gradients: int
    interrupted: bool


class AbstractOptimiser(eqx.Module):
    """Goes uphill from each start, `steps` at most."""

    steps: eqx.AbstractVar[int]

    @property
    def squares(self) -> bool:
        """Whether it needs the residuals of the objective."""
        return False

    @abc.abstractmethod
    def search(
        self, objective: Objective, starts: Float[np.ndarray, "start latent"], bar: Steps
    ) -> SearchResults:
        """One search from each start, all in one batched program.

        Raises:
            KeyboardInterrupt: before the first steps are done; later, what was reached is returned.
        """


def in_chunks(
    advance: Callable[[Any], tuple[Any, bool]],
    carry: Any,
    steps: int,
    value: Callable[[Any], float],
    bar: Steps,
) -> tuple[Any, int, bool]:
    """Chunks of steps until all are done, or Ctrl-C: what was reached, steps taken, whether it was
    interrupted.
    """
    length, taken = min(CHUNK, steps), 0
    try:
        while taken < steps:
            carry, finished = advance(carry)
            taken += length
            bar.advance(length, f"log density {value(carry):.1f}")
            if finished:
                break
    except KeyboardInterrupt:
        if not taken:
            raise KeyboardInterrupt(
                "interrupted before the first steps of the search were done: nothing had been found yet"
            ) from None
        return carry, taken, True
    bar.finish(f"log density {value(carry):.1f}")
    return carry, taken, False
