"""Which edges a connectome has."""

from typing import Any

import numpy as np
from jax.core import Tracer
from jaxtyping import Bool

from .._labelled import aligned, read
from .._tools._real import real
from ..priors._base import AbstractPrior


class Edges:
    """What is fixed when a program is compiled: which edges exist, and how long they are.

    `exists` is boolean, `["to from"]`; `lengths` (mm) are those known when the connectome was built, from
    which blocks and histories are sized, of edges alone. Hashable by content, so that it can be part of a
    program's cache key: the same edges never compile twice.
    """

    def __init__(self, exists: np.ndarray, lengths: np.ndarray):
        self.exists = exists
        self.lengths = lengths
        self._key = (exists.shape, exists.tobytes(), lengths.tobytes())
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edges) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


def declared(edges: Any, axes: dict[str, tuple[str, ...] | None], n: int) -> Bool[np.ndarray, "to from"]:
    """Edges that a user says there may be.

    Raises:
        ValueError: no booleans, or not one for each pair.
    """
    what = "Connectome(edges=...)"
    named = read(edges) is not None
    numbers = real(aligned(edges, axes, "", what), what, "booleans")
    kind = np.float64 if named else np.asarray(edges).dtype
    if numbers.shape != (n, n) or not np.all(np.isfinite(numbers)) or (not named and kind != np.bool_):
        raise ValueError(
            f"{what} got {kind} of shape {numbers.shape}, expected booleans of shape ({n}, {n}), such as"
            " (subjects != 0).any(axis=0)"
        )
    return numbers != 0


def edges_of(weights: Any, lengths: Any, n: int, said: Any) -> Edges:
    """Edges that exist or may; where weights are not numbers yet, all may, but those that the weights' prior
    does not have.
    """
    if isinstance(weights, Tracer):
        exists = np.ones((n, n), dtype=bool)
    else:
        exists = ~np.eye(n, dtype=bool) if isinstance(weights, AbstractPrior) else np.asarray(weights) != 0
    if said is not None:
        exists = said if isinstance(weights, AbstractPrior | Tracer) else exists | said
    known = lengths is not None and not isinstance(lengths, Tracer)
    # Unknown lengths count as zero: the shortest possible block is always right.
    return Edges(exists, np.where(exists, np.asarray(lengths), 0.0) if known else np.zeros((n, n)))


def check_both_ways(edges: Edges) -> None:
    """Raises ValueError for lengths in one triangle, though there are edges in the other: a symmetric matrix
    of which only half was kept.
    """
    edged, long = (
        (bool(np.any(np.triu(matrix, 1))), bool(np.any(np.tril(matrix, -1))))
        for matrix in (edges.exists, edges.lengths)
    )
    if edged == (True, True) and long in ((True, False), (False, True)):
        raise ValueError(
            "Connectome(lengths=...) fills one triangle only, though there are edges in both: half of them"
            " would have no length; pass lengths + lengths.T (less the diagonal)"
        )
