"""What Diffrax does all of: adaptive steps, and its own ways to differentiate."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._networks._network import Network
from .._signal import Trajectory
from .._tools._kinds import kind_of
from ._grid import Grid
from ._heedful import Heedful
from ._trajectory import undelayed_trajectory

MAX_STEPS = 100_000
# Bytes and numbers for each state that every step of a gradient keeps, at the fewest so many steps.
STORED_BYTES, KEPT_PER_STATE, FEWEST = 128e6, 6, 2000


def solve_by_diffrax(
    network: Network,
    grid: Grid,
    solver: Any,
    adjoint: Any,
    controller: diffrax.AbstractStepSizeController | None,
) -> Trajectory:
    """A network without delays and noise through `diffrax.diffeqsolve`; at constant steps without a
    controller.

    Raises:
        ValueError: the network has delays or noise, which Diffrax does not know, or a stimulus that steps
            could jump over; an adjoint that diverges.
    """
    asked = "adjoint" if controller is None else "stepsize_controller"
    for present, what in (
        (network.has_delays, "conduction delays (speed)"),
        (network.noise is not None, "noise"),
    ):
        if present:
            raise ValueError(
                f"solve({asked}=...) got a network with {what}, which Diffrax's own loop does not have; leave"
                f" {asked} out"
            )
    if isinstance(adjoint, diffrax.BacksolveAdjoint):
        raise ValueError(
            "solve(adjoint=...) got BacksolveAdjoint, which solves the equations backwards in time, where"
            " activity that decays grows; expected one that keeps the states, such as"
            " diffrax.RecursiveCheckpointAdjoint() or diffrax.DirectAdjoint()"
        )
    if controller is None:
        return _solve(
            network, grid, solver or diffrax.Heun(), adjoint, diffrax.ConstantStepSize(), _most_steps(grid)
        )
    if adjoint is not None and not isinstance(adjoint, diffrax.AbstractAdjoint):
        raise TypeError(
            f"solve(adjoint=...) got {kind_of(adjoint)}; with a stepsize_controller pass a Diffrax adjoint"
        )
    for stimulus in network.stimuli:
        if eqx.filter_eval_shape(stimulus.until, jnp.zeros(())) is None:
            raise ValueError(
                f"solve(stepsize_controller=...) got a network with the stimulus {type(stimulus).__name__},"
                " which does not say where steps have to end so that they do not jump over it; expected"
                " until(t) beside its __call__(t), or leave the controller out"
            )
    adaptive = isinstance(controller, diffrax.AbstractAdaptiveStepSizeController)
    return _solve(
        network,
        grid,
        solver or diffrax.Tsit5(),
        adjoint,
        controller,
        MAX_STEPS if adaptive else _most_steps(grid),
    )


def _most_steps(grid: Grid) -> int:
    """Constant steps are as many as they are, and perhaps one that rounding leaves over."""
    return (grid.dropped + grid.kept) * grid.every + 2


@eqx.filter_jit
def _solve(network: Network, grid: Grid, solver: Any, adjoint: Any, controller: Any, most: int) -> Trajectory:
    if network.stimuli and isinstance(controller, diffrax.AbstractAdaptiveStepSizeController):
        controller = Heedful(controller, network.stimuli)
    stored = None
    if adjoint is None or (
        isinstance(adjoint, diffrax.RecursiveCheckpointAdjoint) and adjoint.checkpoints is None
    ):
        # Where its checkpoints are fewer than the steps, this adjoint gives wrong derivatives of states that
        # are saved on the way (Diffrax 0.7.2).
        bytes_each = KEPT_PER_STATE * np.size(network.initial) * jnp.result_type(float).itemsize
        stored = min(most, max(FEWEST, int(STORED_BYTES / bytes_each)))
        adjoint = diffrax.RecursiveCheckpointAdjoint(checkpoints=stored)
    # What an adjoint may differentiate by has to be an argument, and an array.
    numbers, rest = eqx.partition(network, eqx.is_inexact_array)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, numbers: eqx.combine(numbers, rest).drift(t, y)),
        solver,
        t0=grid.start,
        t1=grid.times[-1],
        dt0=grid.step,
        y0=jnp.asarray(network.initial),
        args=jax.tree.map(jnp.asarray, numbers),
        saveat=diffrax.SaveAt(ts=jnp.asarray(grid.times)),
        stepsize_controller=controller,
        adjoint=adjoint,
        max_steps=most,
        throw=False,  # a failed solve is NaN, which a likelihood turns into -inf
    )
    values = jnp.where(solution.result == diffrax.RESULTS.successful, solution.ys, jnp.nan)  # pyright: ignore[reportArgumentType]
    if stored is not None:
        values = _with_derivatives(values, solution.stats["num_steps"] <= stored)
    return undelayed_trajectory(
        network, jax.vmap(network.wrapped)(values), jnp.asarray(grid.times), grid.interval
    )


@jax.custom_jvp
def _with_derivatives(
    values: Float[Array, "time state region"], right: Bool[Array, ""]
) -> Float[Array, "time state region"]:
    """The values, whose derivatives are NaN unless they are `right`."""
    return values


@_with_derivatives.defjvp
def _(primals, tangents):
    # A factor, which reverse mode keeps; of a choice it would keep the zero.
    return primals[0], tangents[0] * jnp.where(primals[1], 1.0, jnp.nan)
