"""Pieces of a run, each from a state of its own."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._networks._network import Network
from ..solvers._heun import Heun
from ._scheme import scheme_of
from ._stepper import Stepper


def segments(
    network: Network,
    nodes: Float[Array, "segment state region"],
    *,
    step: float,
    steps: int,
    start: float = 0.0,
    solver: diffrax.AbstractSolver | None = None,
) -> Float[Array, "segment step state region"]:
    """The states after each of `steps` steps from each of `nodes`, all segments at once.

    Where a segment ends at the node of the next, the segments are one run of the network.

    Args:
        network: without priors, noise and delays.
        nodes: states that segments begin at; the first at time `start`, every other where the one before
            ends.
        step, start: in ms.
        steps: of each segment.
        solver: a Diffrax solver; None: `nmm.solvers.Heun()`.
    """

    scheme = scheme_of(solver or Heun())

    def run(node: Array, begin: Array) -> Array:
        there: Any = begin
        stepper = Stepper(
            eqx.tree_at(lambda network: network.initial, network, node), scheme, step, there, None, None
        )
        return stepper.advance(stepper.init(), steps)[1].states

    return jax.vmap(run)(nodes, start + step * steps * jnp.arange(len(nodes)))
