"""Results: what their draws are, and how they are kept on disk."""

import enum
from pathlib import Path
from typing import Any


class Kind(enum.StrEnum):
    """What the draws of an engine are, which decides what can be said against them."""

    CHAINS = "chains"
    INEXACT = "chains of an inexact sampler"
    POPULATIONS = "populations"
    APPROXIMATION = "independent draws of an approximation"
    POINT = "a point"


def save(tree: Any, path: str | Path) -> Path:
    """Write a result as NetCDF. The file appears whole or not at all, so nothing that was there is lost by a failure."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        tree.to_netcdf(partial, engine="h5netcdf")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def load(path: str | Path) -> Any:
    """Read a result that `save` (or `tree.to_netcdf`) wrote, into memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a result: truncated, or something else.
    """
    import xarray as xr

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; a fit writes it with nmm.save(posterior, {path.name!r})")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            tree = tree.load()
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as NetCDF ({path.stat().st_size} bytes): it is truncated or no result file; run the fit again ({error})"
        ) from error
    if "posterior" not in tree.children:
        raise ValueError(f"{path} has groups {', '.join(tree.children) or 'none'}, expected a 'posterior'; it is NetCDF, but not a result of nmm_infer")
    return tree
