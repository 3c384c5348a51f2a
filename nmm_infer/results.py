"""Results: what their draws are, and how they are kept on disk."""

import enum
from pathlib import Path
from typing import Any

import numpy as np

from ._tools._files import writable, write_whole


class Kind(enum.StrEnum):
    """What the draws of an engine are, which decides what can be said against them."""

    CHAINS = "chains"
    INEXACT = "chains of an inexact sampler"
    POPULATIONS = "populations"
    APPROXIMATION = "independent draws of an approximation"
    POINT = "a point"


def save(tree: Any, path: str | Path) -> Path:
    """Write a result as NetCDF. The file appears whole or not at all, so nothing that was there is lost by a
    failure.

    Attributes that NetCDF has no type for (None, True, a dict, a path) are written as text. To know before a
    fit that its result can be written, pass the path through `nmm.writable` first.

    Raises:
        OSError: it cannot be written, as where the disk is full; names the path and the size.
    """
    # First in memory: HDF5 that cannot write to its file ends the process.
    return write_whole(writable(path), _as_text(tree).to_netcdf(engine="h5netcdf"))


def _as_text(tree: Any) -> Any:
    """A copy of a tree (or a Dataset) whose attributes all have a type in NetCDF."""
    import xarray as xr

    def clean(dataset: Any) -> Any:
        dataset = dataset.copy()
        for part in (dataset, *dataset.variables.values()):
            part.attrs = {name: _attribute(value) for name, value in part.attrs.items()}
        return dataset

    if isinstance(tree, xr.Dataset):
        return clean(tree)
    return xr.DataTree.from_dict(
        {node.path: clean(node.to_dataset(inherit=False)) for node in tree.subtree}, name=tree.name
    )


def _attribute(value: Any) -> Any:
    if not isinstance(value, str):
        try:
            array = np.asarray(value)
        except ValueError:  # a ragged list
            return _attribute(str(value))
        if array.dtype.kind in "iufc" or (
            array.ndim == 1 and array.size and all(isinstance(item, str) for item in array.tolist())
        ):
            return [_attribute(item) for item in array.tolist()] if array.dtype.kind == "U" else value
        value = str(value)
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def load(path: str | Path) -> Any:
    """Read a result that `save` (or `tree.to_netcdf`) wrote, into memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a result: truncated, or something else.
    """
    import xarray as xr

    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; a fit writes it with nmm.save(posterior, {path.name!r})"
        )
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            tree = tree.load()
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as NetCDF ({path.stat().st_size} bytes): it is truncated or no result"
            f" file; run the fit again ({error})"
        ) from error
    if not {"posterior", "unconstrained_posterior"} & set(tree.children):
        raise ValueError(
            f"{path} has groups {', '.join(tree.children) or 'none'}, expected a 'posterior'; it is NetCDF,"
            " but not a result of nmm_infer"
        )
    return tree
