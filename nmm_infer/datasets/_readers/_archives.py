"""Files of named arrays (.npz, .mat, .h5) and of a single one (.npy). Nothing is unpacked before it is asked
for.
"""

import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._errors import describe, intact

# Numbers in one array: a connectome of 10 000 regions, or a thousand volumes of all vertices.
LARGEST = 100_000_000


class Item(NamedTuple):
    """An array in an archive: its shape, and how to get it."""

    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]


type Archive = dict[str, Item]


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file.

    Raises:
        ValueError: no array: damaged, Python objects, or an archive of several.
    """
    with intact(path, "a NumPy array"):
        loaded = np.load(path, allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise ValueError(
            f"{path} is a NumPy archive of several arrays, expected one array; rename it to"
            f" {path.with_suffix('.npz').name}"
        )
    return loaded


def read_npz(path: Path) -> Archive:
    """All arrays of a .npz file."""
    with intact(path, "a NumPy archive"), zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): Item(*_npz_item(path, archive, name)) for name in members}


def _npz_item(
    path: Path, archive: zipfile.ZipFile, name: str
) -> tuple[tuple[int, ...], Callable[[], np.ndarray]]:
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(stream)
    key = name.removesuffix(".npy")

    def load() -> np.ndarray:
        if dtype.hasobject:
            raise ValueError(
                f"{path}: {key!r} holds Python objects, expected numbers or text; save it as text,"
                f" {key}.astype(str), or as numbers"
            )
        _check_size(path, key, shape)
        with intact(path, "a NumPy archive"), np.load(path, allow_pickle=False) as opened:
            return opened[key]

    return shape, load


def read_mat(path: Path) -> Archive:
    """The arrays of a MATLAB file, of version 7.3 (HDF5) too; fields of structs are called struct.field."""
    from scipy.io import whosmat
    from scipy.io.matlab import matfile_version

    with intact(path, "a MATLAB file"):
        if matfile_version(path)[0] == 2:
            return read_hdf5(path)
        items: Archive = {}
        for name, shape, kind in whosmat(path):
            if kind == "struct":
                items |= {
                    key: Item(value.shape, lambda value=value: value)
                    for key, value in _fields(name, _loaded(path, name))
                }
            elif kind not in ("function", "opaque", "object", "unknown"):
                items[name] = Item(tuple(shape), lambda name=name: _loaded(path, name))
        return items


def _loaded(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat
    from scipy.sparse import issparse

    with intact(path, "a MATLAB file"):
        value = loadmat(path, variable_names=[name])[name]
    _check_size(path, name, value.shape)
    return value.toarray() if issparse(value) else value


def _fields(name: str, struct: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays in a struct of one element, in the structs in it too."""
    if struct.size != 1:
        return
    for field in struct.dtype.names or ():
        value = struct[field].item()
        if isinstance(value, np.ndarray):
            yield from (
                _fields(f"{name}.{field}", value) if value.dtype.names else [(f"{name}.{field}", value)]
            )


def read_hdf5(path: Path, *, by_columns: bool = True) -> Archive:
    """The arrays of an HDF5 file.

    Args:
        path: the file.
        by_columns: MATLAB wrote it, which stores by columns, so that every array appears transposed.
    """
    import h5py

    items: Archive = {}

    def visit(node: Any, name: str) -> None:
        if isinstance(node, h5py.Dataset):
            shape, place = node.shape[::-1] if by_columns else node.shape, str(node.name)
            items[name] = Item(shape, lambda: _dataset(path, place, name, by_columns))
        elif "MATLAB_sparse" in node.attrs:
            columns = node["jc"].shape[0] - 1
            size, place = (int(node.attrs["MATLAB_sparse"]), columns), str(node.name)
            items[name] = Item(size, lambda: _sparse(path, place, size))
        else:
            for key, child in node.items():
                if not key.startswith("#"):
                    visit(child, f"{name}.{key}" if name else key)

    with intact(path, "HDF5"), h5py.File(path) as file:
        visit(file, "")
    return items


def _dataset(path: Path, place: str, name: str, by_columns: bool) -> np.ndarray:
    import h5py

    with intact(path, "HDF5"), h5py.File(path) as file:
        node: Any = file[place]
        if node.attrs.get("MATLAB_empty", 0):
            return np.zeros((0, 0))
        _check_size(path, name, node.shape)
        return _plain(file, node, by_columns)


def _plain(file: Any, node: Any, by_columns: bool) -> np.ndarray:
    import h5py

    array = node[()]
    array = array.T if by_columns else array
    # Characters are stored as two bytes each; other writers than MATLAB leave its class out.
    if by_columns and node.attrs.get("MATLAB_class", b"char" if array.dtype == np.uint16 else b"") == b"char":
        return np.array(["".join(map(chr, row)) for row in np.atleast_2d(array)])
    if h5py.check_ref_dtype(node.dtype) is not None:
        cells = [_plain(file, file[reference], by_columns) for reference in np.ravel(array)]
        held = np.empty(len(cells), dtype=object)
        held[:] = cells
        return held
    if array.dtype.names == ("real", "imag"):
        return array["real"] + 1j * array["imag"]
    return (
        np.array([item.decode("utf-8") if isinstance(item, bytes) else item for item in np.ravel(array)])
        if array.dtype.kind in "SO"
        else array
    )


def _sparse(path: Path, place: str, shape: tuple[int, int]) -> np.ndarray:
    import h5py
    from scipy.sparse import csc_matrix

    _check_size(path, place, shape)
    with intact(path, "a MATLAB file"), h5py.File(path) as file:
        node: Any = file[place]
        # An empty sparse matrix has no data at all.
        data, rows = (node[key][()] if key in node else np.zeros(0) for key in ("data", "ir"))
        return csc_matrix(
            (data, rows.astype(np.int64), node["jc"][()].astype(np.int64)), shape=shape
        ).toarray()


def _check_size(path: Path, name: str, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > LARGEST:
        raise ValueError(
            f"{path}: {name!r} has the shape {shape}, expected at most {LARGEST:g} numbers; this is more than"
            " a connectome or a recording can be"
        )


def pick(archive: Archive, names: tuple[str, ...], path: Path) -> np.ndarray | None:
    """The array under one of `names`, in any case and in any struct; None if there is none.

    Raises:
        ValueError: several of the names are there.
    """
    found = called(archive, names)
    if len(found) > 1:
        raise ValueError(
            f"{path} holds {describe({key: archive[key] for key in found})}, expected only one of"
            f" {', '.join(names)}; keep the one that is meant"
        )
    return archive[found[0]].load() if found else None


def called(archive: Archive, names: tuple[str, ...]) -> list[str]:
    """The keys that are one of `names`; those in structs, if there is none outside."""
    outside = [key for key in archive if key.lower() in names]
    return outside or [key for key in archive if key.lower().rpartition(".")[2] in names]


def texts(array: np.ndarray | None) -> list[str] | None:
    """Labels from an array of strings, a MATLAB cell array or a character matrix; None if it is empty."""
    if array is None or array.size == 0:
        return None
    if array.dtype == np.uint8 and np.any(array == ord("\n")):
        # DSI Studio writes all names as one line of characters.
        return bytes(np.ravel(array)).decode("utf-8", errors="replace").split()
    return [_text(item) for item in np.ravel(array)]


def _text(item: Any) -> str:
    while isinstance(item, np.ndarray) and item.size == 1:
        item = item.item()
    return "" if isinstance(item, np.ndarray) and item.size == 0 else str(item).strip()
