"""How a network is simulated for a likelihood."""

import dataclasses
from typing import Any

import diffrax
import equinox as eqx
from jaxtyping import PRNGKeyArray

from .._networks._network import Network
from .._signal import Signal
from ..adjoints import AbstractAdjoint
from ..observe._base import AbstractObservation
from ..observe._fold import AbstractStream
from ..observe._streaming import streaming
from ..solving import solve
from ..solving._grid import Grid, make_grid
from ..units import milliseconds


class Simulation(eqx.Module):
    """The grid of a simulation, and what steps along it.

    Args:
        duration, step: Quantities or ms.
        transient: simulated before the data begin.
        sample_every: time between the states that are kept, for an observation that needs all of them.
        solver, adjoint, stepsize_controller: as in `nmm.solve`.
    """

    duration: float = eqx.field(static=True)
    step: float = eqx.field(static=True)
    transient: float = eqx.field(static=True)
    sample_every: float | None = eqx.field(static=True)
    solver: diffrax.AbstractSolver | None
    adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None
    stepsize_controller: diffrax.AbstractStepSizeController | None

    def __init__(
        self,
        duration: Any,
        step: Any,
        transient: Any = None,
        sample_every: Any = None,
        solver: diffrax.AbstractSolver | None = None,
        adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None = None,
        stepsize_controller: diffrax.AbstractStepSizeController | None = None,
    ):
        self.duration = milliseconds(duration, "Problem(duration=...)")
        self.step = milliseconds(step, "Problem(step=...)")
        self.transient = 0.0 if transient is None else milliseconds(transient, "Problem(transient=...)")
        self.sample_every = (
            None if sample_every is None else milliseconds(sample_every, "Problem(sample_every=...)")
        )
        self.solver, self.adjoint, self.stepsize_controller = solver, adjoint, stepsize_controller

    def streamed(self, observe: AbstractObservation) -> AbstractStream | None:
        """What the solver runs in the place of `observe`; None if that needs the whole trajectory."""
        if self.stepsize_controller is not None:
            return None
        return streaming(observe, self.sample_every or self.step)

    def grid(self, observe: AbstractObservation) -> Grid:
        """Its steps, and those whose states `observe` sees."""
        streamed = self.streamed(observe)
        return make_grid(
            self.duration,
            self.step,
            self.sample_every if streamed is None else streamed.period,
            self.transient or None,
        )

    def __call__(
        self, network: Network, observe: AbstractObservation, key: PRNGKeyArray | None = None
    ) -> Signal:
        """What is observed of a network without priors."""
        how = {
            "solver": self.solver,
            "adjoint": self.adjoint,
            "stepsize_controller": self.stepsize_controller,
        }
        when: dict[str, Any] = {"step": self.step, "transient": self.transient or None, "key": key}
        streamed = self.streamed(observe)
        if streamed is not None:
            # Of many runs that are mapped over, nobody goes on.
            return dataclasses.replace(
                solve(network, self.duration, observe=streamed, **when, **how), final=None
            )
        make_grid(self.duration, self.step)
        return observe(solve(network, self.duration, sample_every=self.sample_every, **when, **how))
