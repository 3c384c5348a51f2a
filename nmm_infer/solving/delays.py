"""Conduction delays in blocks.

While a block is no longer than the shortest delay, all that arrives during it was sent before it
began. So the inputs of a whole block are fetched from the history as contiguous slices in one batched
operation, and the loop over steps has nothing to look up: forward and backward several times faster
than a gather at every step. Delays are real numbers, read by linear interpolation, which makes them
differentiable: conduction speed and tract lengths have gradients.

The few edges that are shorter than a block are read at every step from the most recent samples.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..network import Network
from .lines import Lines, Way

# Delays may be this much shorter or longer than when the network was built (a changed speed or length).
SLACK = 1.05
# Blocks beyond this gain nothing: the loop inside dominates.
LONGEST_BLOCK = 64
# Below this many steps a block is not worth it, and short edges are split off so that the others can have longer ones.
SHORT_BLOCK = 8
SPLIT_QUANTILE = 0.05
# Numbers fetched for one block, at most, so that it stays in cache and in memory.
FETCHED = 4_000_000


class Table(NamedTuple):
    """Edges as rows of senders, padded to the longest row."""

    source: Int[np.ndarray, "region slot"]
    exists: Float[np.ndarray, "region slot"]

    def of(self, matrix: Float[Array, "to from"]) -> Float[Array, "region slot"]:
        """The matrix's entries at the edges of the table."""
        return jnp.take_along_axis(matrix, self.source, axis=1)


class Plan(NamedTuple):
    """What a network's delays ask of the solver, known before anything is compiled.

    Fields:
        block: steps in a block.
        history: samples of the past that are kept.
        recent: samples that the short edges need; 0 without short edges.
        long, short: edges that are at least as long as a block, and the others.
        back: the long edges again, in rows of receivers.
    """

    block: int
    history: int
    recent: int
    long: Table
    short: Table
    back: Table


def plan(network: Network, step: float) -> Plan:
    """Block length, history and the two kinds of edges of `network` at this step (ms)."""
    edges, speeds = network.connectome.edges, network.speed_range
    assert speeds is not None
    exists = edges.exists
    if not exists.any():
        return Plan(LONGEST_BLOCK, LONGEST_BLOCK + 2, 0, *[_table(exists)] * 3)
    shortest = edges.lengths / (speeds.fastest * SLACK * step)
    longest = edges.lengths / speeds.slowest * SLACK / step
    block = math.floor(shortest[exists].min())
    if block < SHORT_BLOCK:
        block = max(1, block, math.floor(np.quantile(shortest[exists], SPLIT_QUANTILE)))
    width = int(exists.sum(axis=1).max()) * network.n_regions * network.n_messages()
    block = max(1, min(block, LONGEST_BLOCK, FETCHED // width))
    is_long = exists & (shortest >= block)
    is_short = exists & ~is_long
    history = max(math.floor(longest[exists].max()), block) + 2
    recent = math.floor(longest[is_short].max()) + 2 if is_short.any() else 0
    return Plan(block, history, recent, _table(is_long), _table(is_short), _table(is_long.T))


def _table(exists: np.ndarray) -> Table:
    slots = max(1, int(exists.sum(axis=1).max()))
    # A stable sort puts the existing edges of each row first, in order.
    source = np.argsort(~exists, axis=1, kind="stable")[:, :slots]
    return Table(source, np.take_along_axis(exists, source, axis=1).astype(np.float64))


class Delays:
    """The plan with this network's weights and delays, which may be traced."""

    def __init__(self, network: Network, plan: Plan, step: float):
        self.plan = plan
        steps = jnp.asarray(network.delays) / step
        weights = jnp.asarray(network.connectome.weights)
        self.long = _Edges(plan.long, weights, steps)
        self.short = _Edges(plan.short, weights, steps) if plan.recent else None
        self.way = Way(self.long.lines(), _Edges(plan.back, weights.T, steps.T).lines())

    def valid(self) -> Array:
        """Whether every delay lies within what the plan foresaw."""
        inside = jnp.all(jnp.where(self.plan.long.exists > 0, self.long.delay >= self.plan.block, True))
        inside &= jnp.all(jnp.where(self.plan.long.exists > 0, self.long.whole + 2 <= self.plan.history, True))
        if self.short is not None:
            inside &= jnp.all(jnp.where(self.plan.short.exists > 0, self.short.whole + 2 <= self.plan.recent, True))
        return inside

    def stage(self, recent: Float[Array, "message region past"], now: Float[Array, "message region"], theta: float | Array) -> Float[Array, "message region"]:
        """What arrives over short edges at a stage, `theta` steps after the last of the `recent` samples.

        `now` is what the regions send at that stage. A delay shorter than `theta` is read between the
        last sample and the stage itself.
        """
        lines = self.short
        assert lines is not None
        ahead = theta - lines.delay  # position of the reading, in steps after the last sample
        back = jnp.maximum(-ahead, 0.0)
        whole = jnp.floor(jax.lax.stop_gradient(back)).astype(jnp.int32)
        part = back - whole
        stage = jnp.where(ahead > 0, ahead / jnp.where(jnp.asarray(theta) > 0, theta, 1.0), 0.0)
        last = recent.shape[-1] - 1
        newer = recent[:, lines.source, last - whole]
        older = recent[:, lines.source, jnp.maximum(last - 1 - whole, 0)]
        reading = (1.0 - stage) * ((1.0 - part) * newer + part * older) + stage * now[:, lines.source]
        return jnp.einsum("rs,mrs->mr", lines.weight, reading)


class _Edges:
    """Weights and delays (in steps) of the edges of one table."""

    def __init__(self, table: Table, weights: Float[Array, "to from"], steps: Float[Array, "to from"]):
        self.source = jnp.asarray(table.source, jnp.int32)
        self.weight = table.of(weights) * table.exists
        self.delay = table.of(steps)
        self.whole = jnp.floor(jax.lax.stop_gradient(self.delay)).astype(jnp.int32)
        self.part = self.delay - self.whole

    def lines(self) -> Lines:
        """A message that left d steps ago, d = i + f, lies between the samples i and i + 1 back: 1 - f of the one, f of the other."""
        return Lines(self.source, self.whole, self.weight * (1.0 - self.part), self.weight * self.part)
