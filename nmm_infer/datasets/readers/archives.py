"""Files of named arrays (.npz, .mat) and of a single one (.npy)."""

from pathlib import Path
from typing import Any

import numpy as np

from .errors import describe, intact


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file."""
    with intact(path, "a NumPy array"):
        return np.load(path, allow_pickle=False)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file."""
    with intact(path, "a NumPy archive"), np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a MATLAB file, of version 7.3 (HDF5) too; structs are left out."""
    from scipy.io import loadmat
    from scipy.io.matlab import matfile_version
    from scipy.sparse import issparse

    with intact(path, "a MATLAB file"):
        if matfile_version(path)[0] == 2:
            return _read_hdf5(path)
        content = {key: value.toarray() if issparse(value) else value for key, value in loadmat(path).items()}
        return {key: value for key, value in content.items() if isinstance(value, np.ndarray) and value.dtype.names is None}


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(path) as file:
        # MATLAB stores by columns, so every array appears transposed.
        return {key: _dereferenced(file, node[()].T) for key, node in file.items() if isinstance(node, h5py.Dataset)}


def _dereferenced(file: Any, array: np.ndarray) -> np.ndarray:
    """A cell array is an array of references to arrays of character codes."""
    if array.dtype != object:
        return array
    return np.array(["".join(chr(code) for code in np.ravel(file[reference][()])) for reference in array.ravel()])


def pick(arrays: dict[str, np.ndarray], names: tuple[str, ...], path: Path) -> np.ndarray | None:
    """The array under one of `names`, in any case; None if there is none.

    Raises:
        ValueError: several of the names are there.
    """
    found = [key for key in arrays if key.lower() in names]
    if len(found) > 1:
        raise ValueError(f"{path} holds {describe({key: arrays[key] for key in found})}, expected only one of {', '.join(names)}; keep the one that is meant")
    return arrays[found[0]] if found else None


def texts(array: np.ndarray | None) -> list[str] | None:
    """Labels from an array of strings, a MATLAB cell array or a character matrix."""
    if array is None:
        return None
    return [_text(item) for item in np.ravel(array)]


def _text(item: Any) -> str:
    while isinstance(item, np.ndarray) and item.size == 1:
        item = item.item()
    return str(item).strip()
