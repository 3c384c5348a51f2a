"""What goes wrong with files, in words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def intact(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a parser raises on a damaged file into a ValueError that says which file and
    what to do.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.object[error.start]:#x} at {error.start}), which is what text"
            " is read as; save it as UTF-8"
        ) from error
    except ImportError:
        raise
    # Parsers of truncated archives raise anything from BadZipFile to TypeError.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as {kind} ({type(error).__name__}: {error}); got {path.stat().st_size}"
            " bytes, expected a complete file; it may be truncated or another format under this suffix: copy"
            " it again, or save it anew"
        ) from error


def reader_for[Reader](path: Path, readers: Mapping[str, Reader], who: str) -> Reader:
    """The reader of the table whose suffix ends the file's name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no reader for it.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{who} got {path}, which is {'a folder' if path.is_dir() else 'not there'}; expected a file,"
            f" looked from {Path.cwd()}"
        )
    for suffix, reader in readers.items():
        if path.name.lower().endswith(suffix):
            return reader
    raise ValueError(
        f"{who} got {path.name}, expected a file ending in {', '.join(readers)}; convert it, or load it"
        " yourself and pass the array"
    )


def describe(arrays: Mapping[str, Any]) -> str:
    """What an archive holds: `'a' (3, 3), 'b' (3,)`."""
    return ", ".join(f"{key!r} {array.shape}" for key, array in arrays.items()) or "nothing"


def some(names: list[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
