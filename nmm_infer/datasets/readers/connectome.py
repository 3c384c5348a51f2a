"""Connectomes from files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...connectome import Connectome
from .archives import pick, read_mat, read_npy, read_npz, texts
from .errors import describe, reader_for
from .parts import Parts
from .tables import read_table
from .tvb import read_tvb

_WEIGHTS = ("weights", "sc", "connectivity", "structural_connectivity")
_LENGTHS = ("lengths", "tract_lengths", "tract_lengths_mm", "len", "fiber_lengths", "fibre_lengths")
_LABELS = ("labels", "region_labels")
_CENTRES = ("centres", "centers", "centres_mni_mm")


def read_connectome(
    path: str | os.PathLike, *, lengths: Any = None, labels: Sequence[str] | None = None, directed: bool = False, signed: bool = False
) -> Connectome:
    """A connectome from a file, as it is there: normalise it afterwards, for instance with `log_weights()`.

    | suffix | what is read |
    |---|---|
    | .csv .tsv .txt | a matrix, any delimiter, with or without labels above and beside it |
    | .npy | a matrix |
    | .npz .mat | `weights` (or `sc`, `connectivity`), `lengths` (or `tract_lengths`, `len`), `labels`, `centres` |
    | .zip | TVB: `weights.txt`, `tract_lengths.txt`, `centres.txt` |

    Args:
        path: the file.
        lengths: tract lengths: another such file, an array in mm, or a Quantity. Lengths in files are in mm.
        labels: region names; None: those of the file, or numbers.
        directed: accept weights that differ between the two directions; `weights[to, from]`, rows receive.
        signed: accept negative weights.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown or damaged file, no weights in it, asymmetric weights, or what
            `Connectome` rejects.
    """
    path = Path(path)
    parts = _read(path)
    weights = parts.matrix if parts.weights is None else parts.weights
    if weights is None:
        raise ValueError(f"{path} holds {parts.found}; expected weights under one of {', '.join(_WEIGHTS)}; rename them, or pass the array to nmm.Connectome")
    if isinstance(lengths, str | os.PathLike):
        lengths = _lengths(Path(lengths), path, parts.labels)
    lengths = parts.lengths if lengths is None else lengths
    labels = parts.labels if labels is None else labels
    try:
        connectome = Connectome(weights, lengths, labels, parts.centres, signed=signed)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not directed and not connectome.is_symmetric:
        raise _asymmetric(connectome, path)
    return connectome


def _from_table(path: Path) -> Parts:
    table = read_table(path)
    if table.rows and table.columns and table.rows != table.columns:
        row, column = next(pair for pair in zip([*table.rows, None], [*table.columns, None], strict=False) if pair[0] != pair[1])
        raise ValueError(f"{path} names its rows and columns differently, first {row!r} and {column!r}; expected the same regions in the same order")
    return Parts(matrix=table.values, labels=table.columns or table.rows)


def _from_npy(path: Path) -> Parts:
    return Parts(matrix=read_npy(path))


def _from_npz(path: Path) -> Parts:
    return _named(read_npz(path), path)


def _from_mat(path: Path) -> Parts:
    return _named(read_mat(path), path)


def _named(arrays: dict[str, np.ndarray], path: Path) -> Parts:
    return Parts(
        weights=pick(arrays, _WEIGHTS, path),
        lengths=pick(arrays, _LENGTHS, path),
        labels=texts(pick(arrays, _LABELS, path)),
        centres=pick(arrays, _CENTRES, path),
        found=describe(arrays),
    )


_READERS: dict[str, Callable[[Path], Parts]] = {
    ".csv": _from_table,
    ".tsv": _from_table,
    ".txt": _from_table,
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".mat": _from_mat,
    ".zip": read_tvb,
}


def _read(path: Path) -> Parts:
    return reader_for(path, _READERS, "read_connectome(...)")(path)


def _lengths(path: Path, weights_path: Path, labels: list[str] | None) -> Any:
    parts = _read(path)
    lengths = parts.matrix if parts.lengths is None else parts.lengths
    if lengths is None:
        raise ValueError(f"{path} holds {parts.found}; expected tract lengths under one of {', '.join(_LENGTHS)}; rename them, or pass the array")
    if labels and parts.labels and labels != parts.labels:
        unlike = next((pair for pair in zip(labels, parts.labels, strict=False) if pair[0] != pair[1]), (f"{len(labels)} regions", f"{len(parts.labels)}"))
        raise ValueError(f"{weights_path} and {path} name regions differently, first {unlike[0]} and {unlike[1]}; expected the same regions in the same order")
    return lengths


def _asymmetric(connectome: Connectome, path: Path) -> ValueError:
    weights = np.asarray(connectome.weights)
    difference = np.abs(weights - weights.T)
    i, j = np.unravel_index(np.argmax(difference), difference.shape)
    a, b = connectome.labels[i], connectome.labels[j]
    # MRtrix's tck2connectome writes the upper triangle alone unless it is called with -symmetric.
    if not np.any(np.tril(weights, -1)) or not np.any(np.triu(weights, 1)):
        remedy = "only one triangle is filled: load it yourself and pass w + w.T (less the diagonal) to nmm.Connectome"
    else:
        remedy = "pass directed=True if it is meant; weights are [to, from], rows receive, so transpose a file that has it the other way round"
    return ValueError(
        f"{path} has asymmetric weights: the largest difference is {difference[i, j]:g}, between {a} and {b} "
        f"([{a}, {b}] is {weights[i, j]:g}, [{b}, {a}] is {weights[j, i]:g}); expected the same in both directions; {remedy}"
    )
