"""Adaptive steps: Diffrax does all of it."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from ..kinds import kind_of
from ..network import Network
from ..signal import Trajectory
from .grid import Grid
from .heedful import Heedful
from .trajectory import undelayed_trajectory

MAX_STEPS = 100_000


def solve_adaptive(network: Network, grid: Grid, solver: Any, adjoint: Any, controller: diffrax.AbstractStepSizeController) -> Trajectory:
    """A network without delays and noise through `diffrax.diffeqsolve`.

    Raises:
        ValueError: the network has delays or noise, which need a fixed step, or a stimulus that steps could jump over.
    """
    for present, what in ((network.has_delays, "conduction delays (speed)"), (network.noise is not None, "noise")):
        if present:
            raise ValueError(f"solve(stepsize_controller=...) got a network with {what}, which needs a fixed step; leave the controller out")
    if adjoint is not None and not isinstance(adjoint, diffrax.AbstractAdjoint):
        raise TypeError(f"solve(adjoint=...) got {kind_of(adjoint)}; with a stepsize_controller pass a Diffrax adjoint")
    for stimulus in network.stimuli:
        if eqx.filter_eval_shape(stimulus.until, jnp.zeros(())) is None:
            raise ValueError(
                f"solve(stepsize_controller=...) got a network with the stimulus {type(stimulus).__name__}, which does not say where steps have to end so that "
                "they do not jump over it; expected until(t) beside its __call__(t), or leave the controller out"
            )
    return _solve(network, grid, solver or diffrax.Tsit5(), adjoint or diffrax.RecursiveCheckpointAdjoint(), controller)


@eqx.filter_jit
def _solve(network: Network, grid: Grid, solver: Any, adjoint: Any, controller: Any) -> Trajectory:
    if network.stimuli and isinstance(controller, diffrax.AbstractAdaptiveStepSizeController):
        controller = Heedful(controller, network.stimuli)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: network.drift(t, y)),
        solver,
        t0=grid.start,
        t1=grid.times[-1],
        dt0=grid.step,
        y0=jnp.asarray(network.initial),
        saveat=diffrax.SaveAt(ts=jnp.asarray(grid.times)),
        stepsize_controller=controller,
        adjoint=adjoint,
        max_steps=MAX_STEPS,
        throw=False,  # a failed solve is NaN, which a likelihood turns into -inf
    )
    values = jnp.where(solution.result == diffrax.RESULTS.successful, solution.ys, jnp.nan)  # pyright: ignore[reportArgumentType]
    return undelayed_trajectory(network, jax.vmap(network.wrapped)(values), jnp.asarray(grid.times), grid.interval)
