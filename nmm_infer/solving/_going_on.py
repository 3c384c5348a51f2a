"""Whether a run can go on from where another ended."""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._ending import Ending
from .._networks._network import Network
from ._delays import Plan
from ._grid import Grid
from ._recorders import AbstractRecorder

ANEW = "or begin anew from its state, nmm.Network(..., initial=final.state)"


def check_going_on(
    network: Network, after: Ending, plan: Plan | None, recorder: AbstractRecorder, grid: Grid
) -> None:
    """Raises ValueError for a network, a step or an observation that `after` does not know how to
    go on with.
    """
    if after.step != grid.step:
        raise ValueError(
            f"solve(after=..., step=...) got a step of {grid.step:g} ms after a run at steps of"
            f" {after.step:g} ms, in which its past is kept; give step={after.step:g} * u.ms, {ANEW}"
        )
    for name, ours, theirs in (
        ("states", network.model.state_names(), after.states),
        ("regions", network.connectome.labels, after.regions),
    ):
        if ours != theirs:
            raise ValueError(
                f"solve(after=...) ended a network of the {name} {_some(theirs)}; expected those of this one,"
                f" {_some(ours)}, in this order"
            )
    shape = (len(network.model.states), network.n_regions)
    if np.shape(after.state) != shape:
        raise ValueError(
            f"solve(after=...) has a state of shape {np.shape(after.state)}, expected {shape}; of many take"
            " one, or map over them by jax.vmap"
        )
    noise = (len(network.noisy_states), network.n_regions)
    if (
        network.noise is not None
        and network.noise.has_memory
        and after.noise is not None
        and np.shape(after.noise) != noise
    ):
        raise ValueError(
            f"solve(after=...) ended with noise of shape {np.shape(after.noise)}, expected {noise}: the same"
            f" noisy states; {ANEW}"
        )
    if plan is not None:
        _check_history(network, after, plan)
    _check_memory(network, after, recorder, grid)


def _check_history(network: Network, after: Ending, plan: Plan) -> None:
    if after.history is None:
        raise ValueError(
            "solve(after=...) ended a run without delays, which keeps no past, and this network has delays;"
            f" give the first run the speed, {ANEW}"
        )
    messages, _, kept = np.shape(after.history)
    if messages != network.n_messages():
        raise ValueError(
            f"solve(after=...) ended a run in which a region sent {messages} messages, expected"
            f" {network.n_messages()}: the same couplings; {ANEW}"
        )
    if kept < plan.history:
        raise ValueError(
            f"solve(after=...) ended a run of which the last {kept * after.step:g} ms are known, and delays"
            f" here need {plan.history * after.step:g} ms; give the first run the slowest speed in its range,"
            f" Network(speed_range=(slowest, fastest)), {ANEW}"
        )


def _check_memory(network: Network, after: Ending, recorder: AbstractRecorder, grid: Grid) -> None:
    if after.memory is None:
        return
    shapes = [
        eqx.filter_eval_shape(lambda: after.memory),
        eqx.filter_eval_shape(lambda: recorder.init(network, grid, None)),
    ]
    if shapes[1] is None:  # this run does not observe, or nothing that remembers
        return
    theirs, ours = (
        (jax.tree.structure(tree), [leaf.shape for leaf in jax.tree.leaves(tree)]) for tree in shapes
    )
    if theirs != ours:
        raise ValueError(
            f"solve(after=..., observe=...) ended with another observation's memory, of shapes {theirs[1]},"
            f" expected {ours[1]}; observe as the run before did, or let the observation begin anew:"
            " after=dataclasses.replace(final, memory=None)"
        )


def _some(names: Any) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
