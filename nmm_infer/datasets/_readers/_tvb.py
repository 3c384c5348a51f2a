"""Connectivity archives of The Virtual Brain (TVB): a zip of text files."""

import bz2
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from ._errors import intact
from ._parts import Parts
from ._tables import LONGEST, Table, decoded, parse_table


def read_tvb(path: Path) -> Parts:
    """`weights.txt`, `tract_lengths.txt` and `centres.txt`, which holds labels too; each may be packed as
    .bz2 and lie in a subfolder.

    Raises:
        ValueError: not a zip, the same file twice, or more text than a connectome can be.
    """
    with intact(path, "a TVB zip"), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    chosen = {
        stems[0]: _member(path, names, stems)
        for stems in (("weights",), ("tract_lengths", "tract", "lengths"), ("centres", "centers"))
    }
    weights, lengths = (_table(path, chosen[what]) for what in ("weights", "tract_lengths"))
    labels, centres = _places(path, chosen["centres"])
    return Parts(
        weights=weights.values if weights else None,
        lengths=lambda: lengths.values if lengths else None,
        labels=lambda: labels,
        centres=lambda: centres,
        found=", ".join(names) or "nothing",
        unused=tuple(name for name in names if _is_text(name) and name not in chosen.values()),
    )


def _is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".txt.bz2")) and not name.startswith("__MACOSX")


def _member(path: Path, names: list[str], stems: tuple[str, ...]) -> str | None:
    found = [
        name
        for name in names
        if _is_text(name) and PurePosixPath(name).name.lower().partition(".")[0] in stems
    ]
    if len(found) > 1:
        raise ValueError(
            f"{path} holds {' and '.join(found)}, expected one {stems[0]}.txt; make a zip with one connectome"
        )
    return found[0] if found else None


def _text(path: Path, name: str) -> str:
    with (
        intact(path, f"a TVB zip with text in {name}"),
        zipfile.ZipFile(path) as archive,
        archive.open(name) as stream,
    ):
        # A few bytes may unpack to any number of them.
        packed = stream.read(LONGEST + 1)
        content = (
            bz2.BZ2Decompressor().decompress(packed, LONGEST + 1) if name.lower().endswith(".bz2") else packed
        )
    return decoded(content, path / name)


def _table(path: Path, name: str | None) -> Table | None:
    return None if name is None else parse_table(_text(path, name), f"{path}/{name}")


def _places(path: Path, name: str | None) -> tuple[list[str] | None, Any]:
    """Labels and centres: a label, three coordinates, and in some archives more columns, which hold no
    coordinates.
    """
    if name is None:
        return None, None
    lines = [
        line.split()
        for line in _text(path, name).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    text = (
        "\n".join(" ".join(cells[:4]) for cells in lines)
        if min(map(len, lines), default=0) > 4
        else _text(path, name)
    )
    table = parse_table(text, f"{path}/{name}")
    return table.rows, table.values
