"""Structural connectivity: which regions are connected, how strongly, over what length."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .priors.base import AbstractPlated, AbstractPrior
from .priors.edges import SymmetricEdges
from .priors.prior import Prior
from .units import to_canonical


class Edges:
    """What is fixed when a program is compiled: which edges exist, and how long they are.

    `exists` is boolean, `["to from"]`; `lengths` (mm) are those known when the connectome was built, from
    which blocks and histories are sized. Hashable by content, so that it can be part of a program's
    cache key: the same edges never compile twice.
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


class Connectome(AbstractPlated):
    """Weights and tract lengths between labelled regions; `weights[to, from]`.

    Args:
        weights: non-negative `["to from"]`, or a `Prior(..., over="edge")` for a symmetric matrix.
        lengths: tract lengths in mm, or a Quantity; None: no conduction delays.
        labels: unique region names; None: "0", "1", …
        centres: `["region 3"]` in mm (MNI), for pictures.
        signed: allow negative weights (effective connectivity); otherwise they are an error.

    Raises:
        ValueError: NaN, wrong shape, negative weights or lengths, labels missing or repeated.
    """

    weights: Float[Array, "to from"]
    lengths: Float[Array, "to from"] | None
    centres: Float[np.ndarray, "region 3"] | None
    labels: tuple[str, ...] = eqx.field(static=True)
    edges: Edges = eqx.field(static=True)

    def __init__(self, weights: Any, lengths: Any = None, labels: Any = None, centres: Any = None, *, signed: bool = False):
        weights = SymmetricEdges(weights.bind("1", "Connectome(weights=...)")) if isinstance(weights, Prior) else _numbers(weights, "1", "weights")
        lengths = None if lengths is None else _numbers(lengths, "mm", "lengths")
        n = _size(weights, lengths, labels)
        _check_matrix(weights, n, "weights", signed, "pass signed=True if they are effective connectivity")
        _check_matrix(lengths, n, "lengths", False, "tract lengths are distances in mm")
        self.weights = weights  # pyright: ignore[reportAttributeAccessIssue]
        self.lengths = lengths
        self.labels = _labels(labels, n)
        self.centres = None if centres is None else _centres(centres, n)
        self.edges = _edges(weights, lengths, n)

    @property
    def n_regions(self) -> int:
        """How many regions there are."""
        return len(self.labels)

    @property
    def plates(self) -> dict[str, int]:
        """Sizes of the plates `region` and `edge`, which is one entry for each pair of regions."""
        n = self.n_regions
        return {"region": n, "edge": n * (n - 1) // 2}

    @property
    def is_symmetric(self) -> bool:
        """Whether the weights are the same in both directions, as tractography gives them."""
        return bool(np.allclose(self.weights, np.asarray(self.weights).T, rtol=1e-5, atol=1e-12))

    def replace(self, **changes: Any) -> "Connectome":
        """The same connectome with other `weights`, `lengths`, `labels` or `centres`, checked anew."""
        kept = {"weights": self.weights, "lengths": self.lengths, "labels": self.labels, "centres": self.centres}
        return Connectome(**{**kept, **changes}, signed=True)

    # Normalisations: raw streamline counts span four decades, and what is done to them shows in every fit.

    def scaled_by_max(self) -> "Connectome":
        """Weights divided by the largest."""
        return self.replace(weights=self.weights / _positive(np.max(self.weights), "the largest weight"))

    def scaled_by_row_sum(self) -> "Connectome":
        """Each region's incoming weights divided by their sum; the result is directed."""
        total = np.asarray(self.weights).sum(axis=1, keepdims=True)
        return self.replace(weights=self.weights / np.where(total > 0, total, 1.0))

    def scaled_by_mean_strength(self) -> "Connectome":
        """Weights divided by the mean summed weight of a region; symmetric stays symmetric."""
        return self.replace(weights=self.weights / _positive(np.asarray(self.weights).sum(axis=1).mean(), "the mean strength"))

    def scaled_by_spectral_radius(self) -> "Connectome":
        """Weights divided by their largest absolute eigenvalue, so that a global coupling of 1 is where linear nodes lose stability."""
        radius = np.max(np.abs(np.linalg.eigvals(np.asarray(self.weights))))
        return self.replace(weights=self.weights / _positive(radius, "the spectral radius"))

    def log_weights(self) -> "Connectome":
        """log(w), shifted so that the weakest existing edge is just above 0 and scaled to a maximum of 1.

        Streamline counts are log-normal; their logarithm predicts functional connectivity far better.
        """
        w = np.asarray(self.weights)
        if np.any(w < 0):
            raise ValueError(f"log_weights() needs non-negative weights, got a smallest of {w.min():g}; transform signed weights yourself")
        exists = w > 0
        logs = np.log(w, where=exists, out=np.zeros_like(w))
        _positive(w.max(), "the largest weight")
        low, high = logs[exists].min(), logs[exists].max()
        if high == low:
            return self.replace(weights=exists.astype(np.float64))
        # A margin of 1 % of the range keeps the weakest edge an edge.
        margin = 0.01 * (high - low)
        return self.replace(weights=np.where(exists, (logs - low + margin) / (high - low + margin), 0.0))

    def power(self, exponent: float) -> "Connectome":
        """w ** exponent, a milder compression than the logarithm."""
        w = np.asarray(self.weights)
        if np.any(w < 0):
            raise ValueError(f"power() needs non-negative weights, got a smallest of {w.min():g}; transform signed weights yourself")
        # Only where there is an edge: 0 ** -1 is infinite and 0 ** 0 is 1.
        return self.replace(weights=np.power(w, exponent, where=w > 0, out=np.zeros_like(w)))

    def without_self_connections(self) -> "Connectome":
        """The diagonal set to zero."""
        w = np.asarray(self.weights)
        return self.replace(weights=w - np.diag(np.diag(w)))

    def select(self, labels: Any) -> "Connectome":
        """The regions named in `labels`, in that order.

        Raises:
            ValueError: names the labels that are unknown.
        """
        labels = (labels,) if isinstance(labels, str) else tuple(str(label) for label in labels)
        unknown = [label for label in labels if label not in self.labels]
        if len(unknown) > 1:
            raise ValueError(f"the connectome has no regions {', '.join(unknown[:10])}; labels start with {', '.join(self.labels[:5])}")
        index = [self.index(label) for label in labels]
        grid = np.ix_(index, index)
        return Connectome(
            self.weights[grid],
            None if self.lengths is None else self.lengths[grid],
            tuple(self.labels[i] for i in index),
            None if self.centres is None else self.centres[index],
            signed=True,
        )

    def index(self, label: str) -> int:
        """Position of a region."""
        try:
            return self.labels.index(label)
        except ValueError:
            near = [known for known in self.labels if str(label).lower() in known.lower()][:5]
            hint = f"did you mean {', '.join(near)}?" if near else f"labels start with {', '.join(self.labels[:5])}"
            raise ValueError(f"the connectome has no region {label!r}; {hint}") from None

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with `weights`, `lengths` (to, from) and `centres`."""
        import xarray as xr

        names = list(self.labels)
        data: dict[str, Any] = {"weights": (("to", "from"), np.asarray(self.weights))}
        if self.lengths is not None:
            data["lengths"] = (("to", "from"), np.asarray(self.lengths), {"units": "mm"})
        coords: dict[str, Any] = {"to": names, "from": names}
        if self.centres is not None:
            data["centres"] = (("region", "axis"), self.centres, {"units": "mm"})
            coords |= {"region": names, "axis": ["x", "y", "z"]}
        return xr.Dataset(data, coords=coords)

    @classmethod
    def from_xarray(cls, dataset: Any, *, signed: bool = False) -> "Connectome":
        """The inverse of `to_xarray`."""
        if "weights" not in dataset:
            raise ValueError(f"Connectome.from_xarray(...) got variables {list(dataset)}, expected 'weights' (to, from) and maybe 'lengths' and 'centres'")
        names = [str(x) for x in dataset["to"].values]
        for axis in ("from", "region"):
            if axis in dataset.coords and [str(x) for x in dataset[axis].values] != names:
                raise ValueError(
                    f"Connectome.from_xarray(...) got other regions along {axis!r} than along 'to', expected the same in the same order; reindex it"
                )
        lengths = dataset["lengths"].transpose("to", "from").values if "lengths" in dataset else None
        centres = dataset["centres"].values if "centres" in dataset else None
        return cls(dataset["weights"].transpose("to", "from").values, lengths, names, centres, signed=signed)


def single_region() -> Connectome:
    """The connectome of a bare model: one region, nothing connected."""
    return Connectome(np.zeros((1, 1)), labels=("region",))


def _numbers(value: Any, unit: str, name: str) -> Any:
    value = to_canonical(value, unit, f"Connectome({name}=...)")
    if isinstance(value, AbstractPrior) or (isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.inexact)):
        return value
    # Counts and adjacencies are numbers like others: what is computed of them would be rounded.
    return value.astype(float) if isinstance(value, Tracer) else np.asarray(value, dtype=np.float64)


def _size(weights: Any, lengths: Any, labels: Any) -> int:
    if not isinstance(weights, AbstractPrior):
        if np.ndim(weights) != 2 or weights.shape[0] != weights.shape[1]:
            raise ValueError(f"Connectome(weights=...) has shape {np.shape(weights)}, expected a square matrix weights[to, from]")
        return weights.shape[0]
    if lengths is not None:
        return lengths.shape[0]
    if labels is not None:
        return len(labels)
    raise ValueError("Connectome(weights=Prior(...)) does not say how many regions there are: pass labels= or lengths=")


def _check_matrix(matrix: Any, n: int, name: str, signed: bool, hint: str) -> None:
    if matrix is None or isinstance(matrix, AbstractPrior):
        return
    if np.shape(matrix) != (n, n):
        raise ValueError(f"Connectome({name}=...) has shape {np.shape(matrix)}, expected ({n}, {n}): one row and one column for each region")
    if isinstance(matrix, Tracer):
        return
    bad = np.argwhere(~np.isfinite(np.asarray(matrix)))
    if bad.size:
        to, source = bad[0]
        raise ValueError(
            f"Connectome({name}=...) has {len(bad)} NaN or infinite entries, the first at [{to}, {source}]; expected finite numbers, 0 for no connection"
        )
    if not signed and np.any(np.asarray(matrix) < 0):
        to, source = np.argwhere(np.asarray(matrix) < 0)[0]
        raise ValueError(f"Connectome({name}=...) has negative entries, the first {matrix[to, source]:g} at [{to}, {source}]; expected values ≥ 0; {hint}")


def _labels(labels: Any, n: int) -> tuple[str, ...]:
    names = tuple(str(i) for i in range(n)) if labels is None else tuple(str(label) for label in labels)
    if len(names) != n:
        raise ValueError(f"Connectome(labels=...) has {len(names)} labels, expected {n}: one for each region")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"Connectome(labels=...) repeats {', '.join(repeated[:5])}; expected unique labels, for instance with L. and R. before them")
    return names


def _centres(centres: Any, n: int) -> Float[np.ndarray, "region 3"]:
    array = np.asarray(to_canonical(centres, "mm", "Connectome(centres=...)"), dtype=np.float64)
    if array.shape != (n, 3) or not np.all(np.isfinite(array)):
        raise ValueError(f"Connectome(centres=...) has shape {array.shape} or NaN, expected finite coordinates in mm of shape ({n}, 3)")
    return array


def _edges(weights: Any, lengths: Any, n: int) -> Edges:
    """Edges that exist; where weights are not numbers yet, all pairs of different regions may be."""
    concrete = not isinstance(weights, AbstractPrior | Tracer)
    exists = np.asarray(weights) != 0 if concrete else ~np.eye(n, dtype=bool)
    known = lengths is not None and not isinstance(lengths, Tracer)
    # Unknown lengths count as zero: the shortest possible block is always right.
    return Edges(exists, np.where(exists, np.asarray(lengths), 0.0) if known else np.zeros((n, n)))


def _positive(value: Any, what: str) -> float:
    number = float(value)
    if not number > 0 or not math.isfinite(number):
        raise ValueError(f"{what} is {number:g}, expected a positive number to scale by; is the connectome empty?")
    return number
