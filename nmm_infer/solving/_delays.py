"""Conduction delays in blocks.

While a block is no longer than the shortest delay, all that arrives during it was sent before it
began. So the inputs of a whole block are fetched from the past as contiguous slices in one batched
operation, and the loop over steps has nothing to look up: forward and backward several times faster
than a gather at every step. Delays are real numbers, read by linear interpolation, which makes them
differentiable: conduction speed and tract lengths have gradients.

A slice costs as much as the first ten or so of its numbers, so edges with long delays are read in long
blocks, inside of which those with shorter delays are read in shorter ones. The few edges that are
shorter than the shortest block are read at every step from the most recent samples.
"""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._networks._network import Network
from ._delay_lines import Lines, Way

# Delays may be this much shorter or longer than when the network was built (a changed speed or length).
SLACK = 1.05
# Blocks beyond this gain nothing: the loop inside dominates.
LONGEST_BLOCK = 64
# Edges that are shorter than a step have no block; with them, this share of all edges may be split off so
# that the others have a longer one.
SPLIT_QUANTILE = 0.05
# Numbers fetched for one block, at most, so that they stay in memory.
FETCHED = 32_000_000
# What a slice costs beyond its numbers, and what a reading of a block costs beyond its slices, in numbers
# copied: measured on a CPU.
SLICE = 2
READING = 25_000


class Table(NamedTuple):
    """Edges as rows of senders, padded to the longest row."""

    source: Int[np.ndarray, "region slot"]
    exists: Float[np.ndarray, "region slot"]

    def of(self, matrix: Float[Array, "to from"]) -> Float[Array, "region slot"]:
        """The matrix's entries at the edges of the table."""
        return jnp.take_along_axis(matrix, self.source, axis=1)


class Level(NamedTuple):
    """Edges that are read together.

    Fields:
        block: steps that are read at once.
        past: samples of the past that are kept.
        there, back: the edges in rows of senders, and again in rows of receivers.
    """

    block: int
    past: int
    there: Table
    back: Table


class Plan(NamedTuple):
    """What a network's delays ask of the solver, known before anything is compiled.

    Fields:
        levels: the edges in blocks, those with the longest ones first.
        recent: samples that the short edges need; 0 without short edges.
        short: edges that are shorter than every block.
    """

    levels: tuple[Level, ...]
    recent: int
    short: Table

    @property
    def block(self) -> int:
        """Steps in the longest block."""
        return self.levels[0].block

    @property
    def history(self) -> int:
        """Samples of the past that all of them need together."""
        return max(self.recent, *(level.past for level in self.levels))


def plan(network: Network, step: float) -> Plan:
    """Blocks, pasts and the kinds of edges of `network` at this step (ms)."""
    edges, speeds = network.connectome.edges, network.speed_range
    assert speeds is not None
    exists = edges.exists
    if not exists.any():
        return Plan((_level(LONGEST_BLOCK, exists, 0.0 * edges.lengths),), 0, _table(exists))
    shortest = edges.lengths / (speeds.fastest * SLACK * step)
    longest = edges.lengths / speeds.slowest * SLACK / step
    block = math.floor(shortest[exists].min())
    if block < 1:
        block = max(1, math.floor(np.quantile(shortest[exists], SPLIT_QUANTILE)))
    width = int(exists.sum(axis=1).max()) * network.n_regions * network.n_messages()
    most = max(1, min(LONGEST_BLOCK, FETCHED // width))
    is_short = exists & (shortest < min(block, most))
    levels = [
        _level(size, edges, longest)
        for size, edges in _cut(min(block, most), most, exists & ~is_short, shortest)
    ]
    recent = math.floor(longest[is_short].max()) + 2 if is_short.any() else 0
    return Plan(tuple(levels), recent, _table(is_short))


def _cut(
    block: int, most: int, exists: Bool[np.ndarray, "to from"], shortest: Float[np.ndarray, "to from"]
) -> list[tuple[int, Bool[np.ndarray, "to from"]]]:
    """The cheapest way to read edges in blocks of `block` steps and of multiples of it, the longest first."""
    multiples = [block * 2**k for k in range(1, 1 + int(math.log2(most / block)))]
    choices = [(block, *chosen) for n in range(len(multiples) + 1) for chosen in combinations(multiples, n)]

    def cut(sizes: tuple[int, ...]) -> Iterator[tuple[int, Bool[np.ndarray, "to from"]]]:
        for size, longer in zip(sizes, (*sizes[1:], math.inf), strict=True):
            yield size, exists & (shortest >= size) & (shortest < longer)

    def cost(sizes: tuple[int, ...]) -> float:
        return sum(
            (READING + len(edges) * edges.sum(axis=1).max() * (SLICE + size + 2)) / size
            for size, edges in cut(sizes)
        )

    return list(cut(min(choices, key=cost)))[::-1]


def _level(block: int, exists: Bool[np.ndarray, "to from"], longest: Float[np.ndarray, "to from"]) -> Level:
    past = max(math.floor(longest[exists].max(initial=0.0)), block) + 2
    return Level(block, past, _table(exists), _table(exists.T))


def _table(exists: Bool[np.ndarray, "to from"]) -> Table:
    slots = max(1, int(exists.sum(axis=1).max()))
    # A stable sort puts the existing edges of each row first, in order.
    source = np.argsort(~exists, axis=1, kind="stable")[:, :slots]
    return Table(source, np.take_along_axis(exists, source, axis=1).astype(np.float64))


def foreseeing(network: Network) -> Network:
    """The network with the edges of its weights, where these are numbers: others may have been put in since
    it was built.
    """
    connectome = network.connectome.with_edges_of_weights()
    return (
        network
        if connectome is network.connectome
        else eqx.tree_at(lambda n: n.connectome, network, connectome)
    )


class Delays:
    """The plan with this network's weights and delays, which may be traced."""

    def __init__(self, network: Network, plan: Plan, step: float):
        self.plan = plan
        # The speed is taken out of the delays of single edges: its derivative is one number for all of them.
        speed = jnp.asarray(network.speed)
        here = jax.lax.stop_gradient(speed) if speed.ndim == 0 else speed
        self.pace = here / speed if speed.ndim == 0 else jnp.ones(())
        steps = jnp.asarray(network.connectome.lengths) / here / step
        self.foreseen = network.connectome.edges.exists
        self.given = jnp.asarray(network.connectome.weights)
        # Only what travels counts as connected: with no more than these edges the run is the right one, and
        # with others it is NaN.
        self.weights = weights = jnp.where(self.foreseen, self.given, 0.0)
        self.long = tuple(_Edges(level.there, weights, steps, level.past) for level in plan.levels)
        self.short = _Edges(plan.short, weights, steps, plan.recent) if plan.recent else None
        backward = (_Edges(level.back, weights.T, steps.T, level.past) for level in plan.levels)
        self.ways = tuple(
            Way(there.lines(), back.lines()) for there, back in zip(self.long, backward, strict=True)
        )

    def valid(self) -> Array:
        """Whether every edge and every delay is one that the plan foresaw."""
        inside = jnp.all(jnp.where(self.foreseen, 0.0, self.given) == 0)
        for edges, level in zip(self.long, self.plan.levels, strict=True):
            inside &= jnp.all(
                jnp.where(
                    edges.weight != 0, (edges.delay >= level.block) & (edges.delay < level.past - 1), True
                )
            )
        if self.short is not None:
            within = (self.short.delay >= 0) & (self.short.delay < self.plan.recent - 1)
            inside &= jnp.all(jnp.where(self.short.weight != 0, within, True))
        return inside

    def stage(
        self,
        recent: Float[Array, "message region past"],
        now: Float[Array, "message region"],
        theta: float | Array,
    ) -> Float[Array, "message region"]:
        """What arrives over short edges at a stage, `theta` steps after the last of the `recent` samples.

        `now` is what the regions send at that stage. A delay shorter than `theta` is read between the
        last sample and the stage itself.
        """
        lines = self.short
        assert lines is not None
        ahead = theta - lines.delay * self.pace  # position of the reading, in steps after the last sample
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
    """Weights and delays (in steps) of the edges of one table, of which `past` samples are kept."""

    def __init__(
        self, table: Table, weights: Float[Array, "to from"], steps: Float[Array, "to from"], past: int
    ):
        self.source = jnp.asarray(table.source, jnp.int32)
        self.weight = table.of(weights) * table.exists
        self.delay = table.of(steps)
        # Cut to what is kept: reading elsewhere would be reading another region's past.
        self.whole = jnp.clip(jnp.floor(jax.lax.stop_gradient(self.delay)).astype(jnp.int32), 0, past - 2)
        self.part = self.delay - self.whole

    def lines(self) -> Lines:
        """A message that left d steps ago, d = i + f, lies between the samples i and i + 1 back: 1 - f of the
        one, f of the other.
        """
        return Lines(
            self.source,
            self.whole,
            self.weight * (1.0 - self.part),
            self.weight * self.part,
            self.weight * self.delay,
        )
