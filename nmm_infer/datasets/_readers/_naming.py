"""Names that the user gives to regions that a file names already."""

from collections.abc import Sequence
from pathlib import Path

from ._errors import some


def places(given: Sequence[str], own: list[str], path: Path) -> list[int]:
    """Where the regions of the file are that are called `given`: by name where these are the file's own,
    else, as they are new names, in its order.

    Raises:
        ValueError: some of the names are the file's, at another place.
    """
    names = [str(name) for name in given]
    if sorted(names) == sorted(own) and len(set(own)) == len(own):
        return [own.index(name) for name in names]
    moved = [
        name for position, name in enumerate(names) if name in own and own[position : position + 1] != [name]
    ]
    if moved:
        raise ValueError(
            f"labels=... gives {some(moved)} to other regions than {path} does; expected the file's own names"
            f" in any order, or new names in its order: {some(own)}"
        )
    return list(range(len(own)))
