"""A problem whose path need not follow from its parameters."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._signal import Signal
from .._tools._kinds import kind_of
from ..likelihoods._capabilities import simulates
from ..solving._grid import Grid, make_grid
from ..solving._multiple_shooting import segments
from ..solving._trajectory import undelayed_trajectory
from ..units import milliseconds
from ._conditioned_problem import ConditionedProblem
from ._problem import Problem
from ._sites import at


class FreedPath(eqx.Module):
    """The states of a network at the ends of short segments are unknowns of their own, beside its parameters.

    What the segments lead to and the states that are there differ by defects; where all are zero, the path is
    the simulation.

    Args:
        conditioned: the problem of a network without noise and delays, whose likelihood simulates, given
            data.
        segment: length of a segment in ms or as a Quantity, a whole number of steps; None: the time between
            samples.

    Raises:
        ValueError: a problem of another kind, or a segment that is no whole number of steps.
    """

    conditioned: ConditionedProblem
    steps: int = eqx.field(static=True)
    grid: Grid = eqx.field(static=True)

    def __init__(self, conditioned: Any, segment: Any = None):
        for refused, why in _refusals(conditioned.problem):
            if refused:
                raise ValueError(
                    f"PathAnnealing frees the states of one simulation, {why}; use optimisers.Adam() or"
                    " optimisers.BFGS()"
                )
        self.conditioned = conditioned
        problem, simulation = conditioned.problem, conditioned.problem.simulation
        self.grid = make_grid(
            simulation.duration, simulation.step, simulation.sample_every, simulation.transient or None
        )
        streamed = simulation.streamed(problem.observe)
        length = (
            milliseconds(segment, "PathAnnealing(segment=...)")
            if segment is not None
            else self.grid.interval
            if streamed is None
            else streamed.period
        )
        assert length is not None
        self.steps = make_grid(length, simulation.step, length).every

    @property
    def length(self) -> int:
        """Number of segments, transient included."""
        return -(-(self.grid.dropped + self.grid.kept) * self.grid.every // self.steps)

    def unit(self) -> Float[np.ndarray, "state 1"]:
        """What the states are measured in: the standard deviation of a uniform distribution over their
        declared range.
        """
        return np.array(
            [
                [(state.high - state.low) / np.sqrt(12.0)]
                for state in self.conditioned.problem.network.model.states
            ]
        )

    def begin(self, sites: dict[str, Array]) -> Float[Array, "segment state region"]:
        """A path that stays where the network starts."""
        with at(sites):
            network, _, _ = self.conditioned.problem.draw()
        return jnp.broadcast_to(jnp.asarray(network.initial), (self.length, *network.initial.shape))

    def __call__(
        self, sites: dict[str, Array], nodes: Float[Array, "segment state region"]
    ) -> tuple[Float[Array, ""], Float[Array, "segment state region"]]:
        """Log likelihood of the data given a path, and the path's defects in `unit`.

        Args:
            sites: of the problem.
            nodes: the state at the end of each segment; the network's own initial state is where the first
                begins.
        """
        defects = []

        def simulate(network: Any, observe: Any, key: Any = None) -> Signal:
            grid, initial = self.grid, jnp.asarray(network.initial)
            solver = self.conditioned.problem.simulation.solver
            begins = jnp.concatenate([initial[None], nodes[:-1]])
            runs = segments(
                network, begins, step=grid.step, steps=self.steps, start=grid.start, solver=solver
            )
            defects.append(jax.vmap(network.apart)(nodes, runs[:, -1]))
            path = runs.at[:, -1].set(nodes).reshape(-1, *initial.shape)[grid.every - 1 :: grid.every]
            return observe(
                undelayed_trajectory(
                    network,
                    path[grid.dropped : grid.dropped + grid.kept],
                    jnp.asarray(grid.times),
                    grid.interval,
                )
            )

        with at(sites):
            network, observe, likelihood = self.conditioned.problem.draw()
            distribution, failure = likelihood.distribution(
                network, observe, simulate, self.conditioned.observed
            )
        height = jnp.sum(distribution.log_prob(jnp.asarray(self.conditioned.values)))
        return jnp.where(failure == 0, height, -jnp.inf), defects[0] / self.unit()


def _refusals(problem: Any) -> list[tuple[bool, str]]:
    if not isinstance(problem, Problem):
        return [(True, f"got {kind_of(problem)}")]
    network = problem.network
    return [
        (
            not simulates(problem.likelihood),
            f"got the {type(problem.likelihood).__name__} likelihood, which does not simulate",
        ),
        (network.noise is not None, "got a network with noise"),
        (network.has_delays, "got a network with delays"),
        ("trial" in problem.plates, "got one for each trial"),
        (not problem.divisible, "got adaptive steps"),
    ]
