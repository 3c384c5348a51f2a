"""Structural connectivity: which regions are connected, how strongly, over what length."""

import math
import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from .._labelled import aligned, labels_along, texts
from .._tools._real import real
from .._tools._shown import safely
from ..priors._base import AbstractPlated, AbstractPrior
from ..priors._edges import SymmetricEdges
from ..priors._prior import Prior
from ..units import to_canonical
from ._edges import Edges, check_both_ways, declared, edges_of
from ._shown import connectome_html, connectome_text

AXES = ("x", "y", "z")


class Connectome(AbstractPlated):
    """Weights and tract lengths between labelled regions; `weights[to, from]`.

    Weights, lengths and centres may have labels of their own (`xarray.DataArray`, `pandas.DataFrame`): they
    are put in the order of `labels`, or of the weights' own labels, whatever the order of their rows, columns
    and axes; the unit of a DataArray is converted.

    Args:
        weights: non-negative `["to from"]`, or a `Prior(..., over="edge")` for a symmetric matrix.
        lengths: tract lengths in mm, or a Quantity, in both triangles; None: no conduction delays.
        labels: unique region names; None: those that weights, lengths or centres have, or "0", "1", …
        centres: `["region 3"]` in mm (MNI), for pictures.
        signed: allow negative weights (effective connectivity); otherwise they are an error.
        edges: boolean `["to from"]`, edges that may get a weight later: of all subjects that one program is
            for, or to be learnt. None: those with a weight; all, where weights are traced; all pairs, where
            they have a prior. A network with delays is prepared for its edges. A traced weight elsewhere
            makes a simulation NaN, and the derivative with respect to it is that of an edge that stays away:
            zero.

    Raises:
        ValueError: NaN, complex or masked numbers, wrong shape, negative weights or lengths, lengths in one
            triangle only, labels that are missing, repeated or not the same everywhere.
    """

    weights: Float[Array, "to from"]
    lengths: Float[Array, "to from"] | None
    centres: Float[np.ndarray, "region 3"] | None
    labels: tuple[str, ...] = eqx.field(static=True)
    edges: Edges = eqx.field(static=True)

    def __init__(
        self,
        weights: Any,
        lengths: Any = None,
        labels: Any = None,
        centres: Any = None,
        *,
        signed: bool = False,
        edges: Any = None,
    ):
        labels = _named(labels, weights, lengths, centres)
        pair, place = {"to": labels, "from": labels}, {"region": labels, "axis": AXES}
        weights = (
            SymmetricEdges(weights.bind("1", "Connectome(weights=...)"))
            if isinstance(weights, Prior)
            else _numbers(weights, pair, "1", "weights")
        )
        lengths = None if lengths is None else _numbers(lengths, pair, "mm", "lengths")
        n = _size(weights, lengths, labels)
        _check_matrix(weights, n, "weights", signed, "pass signed=True if they are effective connectivity")
        _check_matrix(lengths, n, "lengths", False, "tract lengths are distances in mm")
        self.weights = weights  # pyright: ignore[reportAttributeAccessIssue]
        self.lengths = lengths
        self.labels = _labels(labels, n)
        self.centres = None if centres is None else _centres(_numbers(centres, place, "mm", "centres"), n)
        self.edges = edges_of(weights, lengths, n, None if edges is None else declared(edges, pair, n))
        check_both_ways(self.edges)

    @safely
    def __repr__(self) -> str:
        return connectome_text(self)

    def _repr_html_(self) -> str:
        return connectome_html(self)

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
        """The same connectome with other `weights`, `lengths`, `labels`, `centres` or `edges`,
        checked anew.
        """
        kept = {
            "weights": self.weights,
            "lengths": self.lengths,
            "labels": self.labels,
            "centres": self.centres,
            "edges": self._declared("weights" in changes),
        }
        return Connectome(**{**kept, **changes}, signed=True)

    def _declared(self, anew: bool) -> Bool[np.ndarray, "to from"] | None:
        """The edges that are more than those of the weights; of weights that are not numbers, all, unless
        there are to be others `anew`.
        """
        if isinstance(self.weights, AbstractPrior | Tracer):
            return None if anew else self.edges.exists
        return self.edges.exists & (np.asarray(self.weights) == 0)

    def with_edges_of_weights(self) -> "Connectome":
        """The same connectome, itself where its edges are those of its weights or more, and with the new ones
        where other weights were put in.
        """
        if isinstance(self.weights, AbstractPrior | Tracer):
            return self
        exists = self.edges.exists | (np.asarray(self.weights) != 0)
        return self if np.array_equal(exists, self.edges.exists) else self.replace(edges=exists)

    # Normalisations: raw streamline counts span four decades, and what is done to them shows in every fit.

    def scaled_by_max(self) -> "Connectome":
        """Weights divided by the largest."""
        return self.replace(weights=self.weights / _positive(np.max(self.weights), "the largest weight"))

    def scaled_by_row_sum(self) -> "Connectome":
        """Each region's incoming weights divided by their sum; the result is directed. A region without any
        stays without.

        Raises:
            ValueError: the weights of a region cancel, or are more negative than positive.
        """
        weights = np.asarray(self.weights)
        total = weights.sum(axis=1, keepdims=True)
        connected = (weights != 0).any(axis=1)
        # A sum that is rounding alone scales by anything.
        wrong = np.flatnonzero(connected & (total[:, 0] <= 1e-12 * np.abs(weights).sum(axis=1)))
        if wrong.size:
            raise ValueError(
                f"scaled_by_row_sum() got weights into {self.labels[wrong[0]]!r} with a sum of"
                f" {total[wrong[0], 0]:g}, expected a positive sum in every row; scale signed weights by"
                " scaled_by_spectral_radius() or scaled_by_max()"
            )
        return self.replace(weights=self.weights / np.where(connected[:, None], total, 1.0))

    def scaled_by_mean_strength(self) -> "Connectome":
        """Weights divided by the mean summed weight of a region; symmetric stays symmetric."""
        return self.replace(
            weights=self.weights / _positive(np.asarray(self.weights).sum(axis=1).mean(), "the mean strength")
        )

    def scaled_by_spectral_radius(self) -> "Connectome":
        """Weights divided by their largest absolute eigenvalue, so that a global coupling of 1 is where
        linear nodes lose stability.
        """
        radius = np.max(np.abs(np.linalg.eigvals(np.asarray(self.weights))))
        return self.replace(weights=self.weights / _positive(radius, "the spectral radius"))

    def log_weights(self) -> "Connectome":
        """log(w), shifted so that the weakest existing edge is just above 0 and scaled to a maximum of 1.

        Streamline counts are log-normal; their logarithm predicts functional connectivity far better.
        """
        w = np.asarray(self.weights)
        if np.any(w < 0):
            raise ValueError(
                f"log_weights() needs non-negative weights, got a smallest of {w.min():g}; transform signed"
                " weights yourself"
            )
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
            raise ValueError(
                f"power() needs non-negative weights, got a smallest of {w.min():g}; transform signed weights"
                " yourself"
            )
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
        labels = (labels,) if isinstance(labels, str) else texts(labels, "select(labels)")
        unknown = [label for label in labels if label not in self.labels]
        if len(unknown) > 1:
            raise ValueError(
                f"the connectome has no regions {', '.join(unknown[:10])}; labels start with"
                f" {', '.join(self.labels[:5])}"
            )
        index = [self.index(label) for label in labels]
        grid = np.ix_(index, index)
        return Connectome(
            self.weights[grid],
            None if self.lengths is None else self.lengths[grid],
            tuple(self.labels[i] for i in index),
            None if self.centres is None else self.centres[index],
            signed=True,
            edges=self.edges.exists[grid],
        )

    def index(self, label: str) -> int:
        """Position of a region."""
        try:
            return self.labels.index(label)
        except ValueError:
            near = [known for known in self.labels if str(label).lower() in known.lower()][:5]
            hint = (
                f"did you mean {', '.join(near)}?"
                if near
                else f"labels start with {', '.join(self.labels[:5])}"
            )
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
            coords |= {"region": names, "axis": list(AXES)}
        return xr.Dataset(data, coords=coords)

    @classmethod
    def from_xarray(cls, dataset: Any, *, signed: bool = False) -> "Connectome":
        """The inverse of `to_xarray`; axes, regions and units may be in any order, as they have their names.

        Raises:
            ValueError: no weights, or what `Connectome` rejects, such as other regions along one axis than
                along another.
        """
        if "weights" not in dataset:
            raise ValueError(
                f"Connectome.from_xarray(...) got variables {list(dataset)}, expected 'weights' (to, from)"
                " and maybe 'lengths' and 'centres'"
            )
        names = dataset["to"] if "to" in dataset.coords else None
        return cls(dataset["weights"], dataset.get("lengths"), names, dataset.get("centres"), signed=signed)


def single_region() -> Connectome:
    """The connectome of a bare model: one region, nothing connected."""
    return Connectome(np.zeros((1, 1)), labels=("region",))


def _named(labels: Any, weights: Any, lengths: Any, centres: Any) -> tuple[str, ...] | None:
    """The labels of the regions: as given, or those of the first of the others that has some."""
    if isinstance(labels, str | os.PathLike):
        raise ValueError(
            f"Connectome(labels=...) got the text {str(labels)!r}, expected one label for each region, such"
            " as ['L.BSTS', 'R.BSTS']"
        )
    if labels is not None:
        return texts(labels, "Connectome(labels=...)")
    found = (
        *labels_along(weights, ("to", "from"), "Connectome(weights=...)"),
        *labels_along(lengths, ("to", "from"), "Connectome(lengths=...)"),
        *labels_along(centres, ("region", "axis"), "Connectome(centres=...)")[:1],
    )
    return next((names for names in found if names is not None), None)


def _numbers(value: Any, axes: dict[str, tuple[str, ...] | None], unit: str, name: str) -> Any:
    what = f"Connectome({name}=...)"
    value = to_canonical(aligned(value, axes, unit, what), unit, what)
    if isinstance(value, AbstractPrior) or (
        isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating)
    ):
        return value
    # Counts and adjacencies are numbers like others: what is computed of them would be rounded.
    return (
        value.astype(float) if isinstance(value, Tracer) else np.asarray(real(value, what), dtype=np.float64)
    )


def _size(weights: Any, lengths: Any, labels: Any) -> int:
    if not isinstance(weights, AbstractPrior):
        if np.ndim(weights) != 2 or weights.shape[0] != weights.shape[1]:
            raise ValueError(
                f"Connectome(weights=...) has shape {np.shape(weights)}, expected a square matrix weights[to,"
                " from]"
            )
        return weights.shape[0]
    if lengths is not None:
        return lengths.shape[0]
    if labels is not None:
        return len(labels)
    raise ValueError(
        "Connectome(weights=Prior(...)) does not say how many regions there are: pass labels= or lengths="
    )


def _check_matrix(matrix: Any, n: int, name: str, signed: bool, hint: str) -> None:
    if matrix is None or isinstance(matrix, AbstractPrior):
        return
    if np.shape(matrix) != (n, n):
        raise ValueError(
            f"Connectome({name}=...) has shape {np.shape(matrix)}, expected ({n}, {n}): one row and one"
            " column for each region"
        )
    if isinstance(matrix, Tracer):
        return
    bad = np.argwhere(~np.isfinite(np.asarray(matrix)))
    if bad.size:
        to, source = bad[0]
        raise ValueError(
            f"Connectome({name}=...) has {len(bad)} NaN or infinite entries, the first at [{to}, {source}];"
            " expected finite numbers, 0 for no connection"
        )
    if not signed and np.any(np.asarray(matrix) < 0):
        to, source = np.argwhere(np.asarray(matrix) < 0)[0]
        raise ValueError(
            f"Connectome({name}=...) has negative entries, the first {matrix[to, source]:g} at [{to},"
            f" {source}]; expected values ≥ 0; {hint}"
        )


def _labels(labels: tuple[str, ...] | None, n: int) -> tuple[str, ...]:
    names = tuple(str(i) for i in range(n)) if labels is None else labels
    if len(names) != n:
        raise ValueError(f"Connectome(labels=...) has {len(names)} labels, expected {n}: one for each region")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"Connectome(labels=...) repeats {', '.join(repeated[:5])}; expected unique labels, for instance"
            " with L. and R. before them"
        )
    return names


def _centres(centres: Any, n: int) -> Float[np.ndarray, "region 3"]:
    array = np.asarray(centres)
    if array.shape != (n, 3) or not np.all(np.isfinite(array)):
        raise ValueError(
            f"Connectome(centres=...) has shape {array.shape} or NaN, expected finite coordinates in mm of"
            f" shape ({n}, 3)"
        )
    return array


def _positive(value: Any, what: str) -> float:
    number = float(value)
    if not number > 0 or not math.isfinite(number):
        raise ValueError(
            f"{what} is {number:g}, expected a positive number to scale by; is the connectome empty?"
        )
    return number
