"""Networks of many subjects as one, for one program."""

from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._tools._kinds import kind_of
from ..priors._sample import priors
from ._edges import Edges
from ._network import Network
from ._speed import SpeedRange


def stacked(networks: Iterable[Network]) -> Network:
    """Networks that differ in their numbers alone, as one whose numbers have a first axis more: for
    `eqx.filter_vmap`.

    Every weight, length, speed and parameter may differ. The program that is compiled for one of them is
    ready for the edges, lengths and speeds of all: `eqx.filter_vmap(lambda network: nmm.solve(network,
    1000.0, step=0.1))(nmm.stacked(networks))`.

    Args:
        networks: of the same parts and regions, without priors.

    Raises:
        TypeError: not networks.
        ValueError: no network, priors, or networks that differ in more than numbers; names the first pair and
            part.
    """
    networks = list(networks)
    for network in networks:
        if not isinstance(network, Network):
            raise TypeError(f"stacked(networks=...) holds {kind_of(network)}, expected Networks")
        if free := priors(network):
            raise ValueError(
                f"stacked(networks=...): a network still has priors at {', '.join(free)}; draw them with"
                " nmm.sample(network) first"
            )
    if not networks:
        raise ValueError("stacked(networks=...) got none, expected at least one network")
    first, *others = networks
    for i, other in enumerate(others, start=1):
        if other.connectome.labels != first.connectome.labels:
            raise ValueError(
                f"stacked(networks=...): networks 0 and {i} have other regions; bring them into one order"
                " with connectome.select(labels)"
            )
        if (first.speed is None) != (other.speed is None):
            raise ValueError(
                f"stacked(networks=...): one of networks 0 and {i} has a speed and the other has none"
            )
    edges, speeds = _foreseen(networks)
    networks = [_ready(network, edges, speeds) for network in networks]
    for i, other in enumerate(networks[1:], start=1):
        _check_alike(networks[0], other, i)
    return jax.tree.map(
        lambda *leaves: (
            jnp.stack([jnp.asarray(leaf) for leaf in leaves]) if eqx.is_array_like(leaves[0]) else leaves[0]
        ),
        *networks,
    )


def _foreseen(networks: list[Network]) -> tuple[Edges, SpeedRange | None]:
    """The edges of all, at their longest, and speeds at which the longest is ready for the shortest, too."""
    connectomes = [network.connectome.with_edges_of_weights() for network in networks]
    exists = np.stack([connectome.edges.exists for connectome in connectomes])
    lengths = np.stack([connectome.edges.lengths for connectome in connectomes])
    longest = np.where(exists, lengths, 0.0).max(axis=0)
    edges = Edges(exists.any(axis=0), longest)
    ranges = [network.speed_range for network in networks if network.speed_range is not None]
    if not ranges:
        return edges, None
    # What counts is the delay, so an edge that is shorter for one subject is like one that is faster. Lengths
    # of 0 ask for no block whatever the speed is.
    shortest = np.where(exists, lengths, np.inf).min(axis=0)
    faster = np.max(longest / np.maximum(shortest, 1e-12), where=edges.exists & (shortest > 0), initial=1.0)
    vanishing = edges.exists & (shortest == 0) & (longest > 0)
    slowest, fastest = min(speeds.slowest for speeds in ranges), max(speeds.fastest for speeds in ranges)
    if vanishing.any():
        to, sender = (networks[0].connectome.labels[k] for k in np.argwhere(vanishing)[0])
        raise ValueError(
            f"stacked(networks=...): the edge from {sender} to {to} has no length in one network and some in"
            " another; give it one in all"
        )
    return edges, SpeedRange(slowest, fastest * float(faster))


def _ready(network: Network, edges: Edges, speeds: SpeedRange | None) -> Network:
    """The network with these edges and speeds in the place of its own, and without what no
    simulation needs.
    """
    lengths = None if speeds is None else network.connectome.lengths
    return _with(
        network,
        connectome=_with(network.connectome, edges=edges, lengths=lengths, centres=None),
        speed_range=speeds,
    )


def _with(module: Any, **changes: Any) -> Any:
    """A copy with other fields, static ones too, which `eqx.tree_at` does not reach."""
    copy = object.__new__(type(module))
    for name, value in (vars(module) | changes).items():
        object.__setattr__(copy, name, value)
    return copy


def _check_alike(first: Network, other: Network, i: int) -> None:
    for name, part in vars(first).items():
        theirs = vars(other)[name]
        if jax.tree.structure(part) != jax.tree.structure(theirs):
            raise ValueError(
                f"stacked(networks=...): networks 0 and {i} differ in {name} by more than numbers:"
                f" {_brief(part)} and {_brief(theirs)}"
            )
        for ours, leaf in zip(jax.tree.leaves(part), jax.tree.leaves(theirs), strict=True):
            if np.shape(ours) != np.shape(leaf):
                raise ValueError(
                    f"stacked(networks=...): a number in {name} has shape {np.shape(ours)} in network 0 and"
                    f" {np.shape(leaf)} in network {i}"
                )


def _brief(part: Any) -> str:
    return ", ".join(type(one).__name__ for one in part) if isinstance(part, tuple) else type(part).__name__
