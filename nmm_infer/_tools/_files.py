"""Files that appear whole or not at all."""

import os
import uuid
from pathlib import Path


def writable(path: str | Path) -> Path:
    """The path of a file that can be written, `~` expanded. Call it before what takes hours: `path =
    nmm.writable("~/results/subject1.nc")`.

    Raises:
        ValueError: no path, or one of a folder.
        FileNotFoundError: its folder does not exist.
        PermissionError: nothing may be written there.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(f"got the path {path!r}, expected the name of a file, such as 'posterior.nc'")
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(
            f"{str(path)!r} is a folder; name a file in it, such as {str(path / 'posterior.nc')!r}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(path)!r}: the folder {str(path.parent)!r} does not exist; make it first, or"
            " choose another"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(
            f"cannot write {str(path)!r}: nothing may be written in {str(path.parent)!r}; choose another"
            " folder"
        )
    return path


def write_whole(path: str | Path, content: bytes | memoryview) -> Path:
    """Write a file at once. Whatever happens, the path holds what was there before, or all of `content`; of
    several writers the last one wins.

    Raises:
        OSError: it cannot be written, as where the disk is full; names the path and what it needs. And
            whatever `writable` raises.
    """
    path = writable(path)
    # A name of its own, for others may be writing to the same path; in the folder that a link points to, for
    # a rename does not cross disks.
    end = path.resolve()
    partial = end.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(end)
    except OSError as error:
        size = memoryview(content).nbytes
        raise OSError(
            error.errno,
            f"{error.strerror or error}: {path} needs {size / 1e6:.1f} MB;"
            f" {'what was there before is kept' if end.exists() else 'nothing was written'}; make room, or"
            " write to another disk",
            str(path),
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return path
