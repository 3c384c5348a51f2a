"""Connectomes from files."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..._networks._connectome import Connectome
from ._archives import Archive, called, pick, read_hdf5, read_mat, read_npy, read_npz, texts
from ._bids import bids_nodes
from ._cifti import read_pconn
from ._errors import describe, reader_for, some
from ._naming import places
from ._parts import Parts
from ._tables import counts, read_table
from ._tvb import read_tvb

_WEIGHTS = ("weights", "sc", "connectivity", "structural_connectivity")
_LENGTHS = (
    "lengths",
    "tract_lengths",
    "tract_lengths_mm",
    "tract",
    "len",
    "fiber_lengths",
    "fibre_lengths",
    "mean_length",
    "meanlength",
    "distances",
)
_LABELS = ("labels", "region_labels", "names", "name", "region_names", "roi_names", "label")
_CENTRES = ("centres", "centers", "centres_mni_mm", "xyz", "coordinates")


def read_connectome(
    path: str | os.PathLike,
    *,
    lengths: Any = None,
    labels: Sequence[str] | None = None,
    variable: str | None = None,
    directed: bool = False,
    signed: bool = False,
    mirrored: bool = False,
) -> Connectome:
    """A connectome from a file, as it is there: normalise it afterwards, for instance with `log_weights()`.

    | name ends in | what is read |
    |---|---|
    | .csv .tsv .txt .1D .dat, these with .gz, fdt_network_matrix | a matrix, any delimiter, with or without labels above, beside it or in its BIDS .json |
    | .npy | a matrix |
    | .npz .mat | `weights` (or `sc`, `connectivity`), `lengths` (or `tract_lengths`, `len`), `labels` (or `names`), `centres`, in a struct too |
    | .h5 | the same, as The Virtual Brain writes it |
    | .zip | TVB: `weights.txt`, `tract_lengths.txt` (or `tract.txt`), `centres.txt` |
    | .pconn.nii | CIFTI, with nibabel |

    Args:
        path: the file.
        lengths: tract lengths: another such file, an array in mm, or a Quantity. Lengths in files are in mm.
        labels: region names; the file's own in another order put its regions in that order, new ones rename
            them; None: those of the file, or numbers.
        variable: in an archive, the name of the weights, if it is none of the usual ones.
        directed: accept weights that differ between the two directions; `weights[to, from]`, rows receive.
        signed: accept negative weights.
        mirrored: weights and lengths fill one triangle, as MRtrix writes them without `-symmetric`: the other
            is filled from it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown or damaged file, no weights in it, asymmetric weights, or what
            `Connectome` rejects.
    """  # noqa: E501 (a row of a table is one line)
    path = Path(path)
    if isinstance(labels, str | os.PathLike):
        raise ValueError(
            f"read_connectome(labels=...) got the text {str(labels)!r}, expected one label for each region;"
            " read the file into a list first"
        )
    parts = _read(path, variable)
    weights = parts.matrix if parts.weights is None else parts.weights
    if weights is None:
        raise ValueError(
            f"{path} holds {parts.found}; expected weights under one of {', '.join(_WEIGHTS)}; name them,"
            " read_connectome(variable=...), or pass the array to nmm.Connectome"
        )
    # Labels that are given need not be readable in the file.
    try:
        own = parts.labels()
    except ValueError:
        if labels is None:
            raise
        own = None
    from_file = isinstance(lengths, str | os.PathLike)
    long = (
        _lengths(Path(lengths), path, own) if from_file else parts.lengths() if lengths is None else lengths
    )
    _say_unused(path, parts, own is None and labels is None, long is None)
    if mirrored:
        weights, long = (
            _mirrored(weights, "weights", path),
            (long if long is None else _mirrored(long, "lengths", path)),
        )
    try:
        named = own if own is not None and (labels is None or len(own) == len(labels)) else labels
        connectome = Connectome(weights, long, named, parts.centres(), signed=signed)
        if labels is not None:
            place = (
                places(labels, list(connectome.labels), path)
                if own is not None
                else range(connectome.n_regions)
            )
            connectome = connectome.select([connectome.labels[i] for i in place]).replace(labels=labels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not directed and not connectome.is_symmetric:
        raise _asymmetric(connectome, path)
    return connectome


def _from_table(path: Path, variable: str | None) -> Parts:
    table = read_table(path)
    rows, columns = table.rows, table.columns
    # A side that only counts gives way to one with names.
    rows, columns = (
        None if side and other and counts(side) and not counts(other) else side
        for side, other in ((rows, columns), (columns, rows))
    )
    if rows and columns and rows != columns:
        row, column = next(
            pair for pair in zip([*rows, None], [*columns, None], strict=False) if pair[0] != pair[1]
        )
        raise ValueError(
            f"{path} names its rows and columns differently, first {row!r} and {column!r}; expected the same"
            " regions in the same order"
        )
    names = columns or rows or bids_nodes(path)
    return Parts(matrix=table.values, labels=lambda: names)


def _from_npy(path: Path, variable: str | None) -> Parts:
    return Parts(matrix=read_npy(path))


def _from_npz(path: Path, variable: str | None) -> Parts:
    return _named(read_npz(path), path, variable)


def _from_mat(path: Path, variable: str | None) -> Parts:
    return _named(read_mat(path), path, variable)


def _from_hdf5(path: Path, variable: str | None) -> Parts:
    return _named(read_hdf5(path, by_columns=False), path, variable)


def _from_pconn(path: Path, variable: str | None) -> Parts:
    values, names = read_pconn(path)
    return Parts(matrix=values, labels=lambda: names)


def _from_tvb(path: Path, variable: str | None) -> Parts:
    return read_tvb(path)


def _named(archive: Archive, path: Path, variable: str | None) -> Parts:
    if variable is not None and variable not in archive:
        raise ValueError(f"read_connectome(variable={variable!r}): {path} holds {describe(archive)}")
    weights = pick(archive, _WEIGHTS, path) if variable is None else archive[variable].load()
    labels = _LABELS if variable is None or called(archive, _LABELS) else _beside(archive, variable)
    used = {key for names in (_WEIGHTS, _LENGTHS, labels, _CENTRES) for key in called(archive, names)} | {
        variable
    }
    n = 0 if weights is None else len(weights)
    # What has a region's number of names or a matrix's shape may be what is missed.
    unused = tuple(
        key
        for key, item in archive.items()
        if variable is None and key not in used and item.shape in ((n, n), (n,), (1, n), (n, 1))
    )
    return Parts(
        weights=weights,
        lengths=lambda: pick(archive, _LENGTHS, path),
        labels=lambda: texts(pick(archive, labels, path)),
        centres=lambda: pick(archive, _CENTRES, path),
        found=describe(archive),
        unused=unused,
    )


def _beside(archive: Archive, variable: str) -> tuple[str, ...]:
    """The names of the regions of one of several atlases in a file, as QSIRecon writes them:
    atlas_AAL116_region_labels for atlas_AAL116_….
    """
    return tuple(
        key.lower()
        for key in archive
        for name in _LABELS
        if key.lower().endswith(f"_{name}") and variable.lower().startswith(key.lower()[: -len(name)])
    )


_TEXT = (".csv", ".tsv", ".txt", ".1d", ".dat")
_READERS: dict[str, Callable[[Path, str | None], Parts]] = {
    **dict.fromkeys((*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT), "fdt_network_matrix"), _from_table),
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".mat": _from_mat,
    ".h5": _from_hdf5,
    ".zip": _from_tvb,
    ".pconn.nii": _from_pconn,
}


def _read(path: Path, variable: str | None = None) -> Parts:
    return reader_for(path, _READERS, "read_connectome(...)")(path, variable)


def _say_unused(path: Path, parts: Parts, nameless: bool, lengthless: bool) -> None:
    if parts.unused and (nameless or lengthless):
        missing = " and ".join(
            word for word, lacks in (("labels", nameless), ("lengths", lengthless)) if lacks
        )
        warnings.warn(
            f"{path}: no {missing} under a usual name; {some(list(parts.unused))} were not read, pass them"
            " yourself if they are meant",
            stacklevel=3,
        )


def _mirrored(matrix: Any, name: str, path: Path) -> Any:
    """A matrix of which one triangle was written, filled from it."""
    if np.ndim(matrix) == 2 and np.any(np.tril(matrix, -1)) and np.any(np.triu(matrix, 1)):
        raise ValueError(
            f"read_connectome(mirrored=True): {path} has {name} in both triangles; leave mirrored out"
        )
    return matrix + matrix.T - np.diag(np.diag(matrix))


def _lengths(path: Path, weights_path: Path, labels: list[str] | None) -> Any:
    parts = _read(path)
    lengths = parts.matrix if parts.lengths() is None else parts.lengths()
    if lengths is None:
        raise ValueError(
            f"{path} holds {parts.found}; expected tract lengths under one of {', '.join(_LENGTHS)}; rename"
            " them, or pass the array"
        )
    own = parts.labels()
    if labels and own and labels != own:
        unlike = next(
            (pair for pair in zip(labels, own, strict=False) if pair[0] != pair[1]),
            (f"{len(labels)} regions", f"{len(own)}"),
        )
        raise ValueError(
            f"{weights_path} and {path} name regions differently, first {unlike[0]} and {unlike[1]}; expected"
            " the same regions in the same order"
        )
    return lengths


def _asymmetric(connectome: Connectome, path: Path) -> ValueError:
    weights = np.asarray(connectome.weights)
    difference = np.abs(weights - weights.T)
    i, j = np.unravel_index(np.argmax(difference), difference.shape)
    a, b = connectome.labels[i], connectome.labels[j]
    # MRtrix's tck2connectome writes the upper triangle alone unless it is called with -symmetric.
    if not np.any(np.tril(weights, -1)) or not np.any(np.triu(weights, 1)):
        remedy = "only one triangle is filled: pass mirrored=True to fill the other from it"
    else:
        remedy = (
            "pass directed=True if it is meant; weights are [to, from], rows receive, so transpose a file"
            " that has it the other way round"
        )
    return ValueError(
        f"{path} has asymmetric weights: the largest difference is {difference[i, j]:g}, between {a} and {b}"
        f" ([{a}, {b}] is {weights[i, j]:g}, [{b}, {a}] is {weights[j, i]:g}); expected the same in both"
        f" directions; {remedy}"
    )
