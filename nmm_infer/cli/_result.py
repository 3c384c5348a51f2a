"""Reading a result that the user named."""

from pathlib import Path
from typing import Any

from ._errors import fail, suggestion


def load_result(path: Path) -> Any:
    """The tree in `path`; a file that is missing, cut off or something else ends the command with
    the reason.
    """
    if not path.exists():
        others = [other.name for other in path.parent.glob("*.nc")] if path.parent.is_dir() else []
        fail(
            "there is no file"
            f" {path}{suggestion(path.name, others) or '; run `nmm-infer demo` to make a result'}"
        )
    if path.is_dir() and path.suffix != ".zarr":
        fail(f"{path} is a folder; name the file, for instance {path / 'posterior.nc'}")
    from ..results import load

    try:
        return load(path)
    except (ValueError, OSError) as error:
        fail(str(error))
