"""Connectivity archives of The Virtual Brain (TVB): a zip of text files."""

import bz2
import zipfile
from pathlib import Path, PurePosixPath

from .errors import intact
from .parts import Parts
from .tables import Table, parse_table


def read_tvb(path: Path) -> Parts:
    """`weights.txt`, `tract_lengths.txt` and `centres.txt`, which holds labels too; each may be packed as .bz2 and lie in a subfolder.

    Raises:
        ValueError: not a zip, or the same file twice.
    """
    with intact(path, "a TVB zip"), zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if _is_text(name)}
        names = archive.namelist()
    weights, lengths, centres = (_table(path, members, stems) for stems in (("weights",), ("tract_lengths",), ("centres", "centers")))
    return Parts(
        weights=weights.values if weights else None,
        lengths=lengths.values if lengths else None,
        labels=centres.rows if centres else None,
        centres=centres.values if centres else None,
        found=", ".join(names) or "nothing",
    )


def _is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".txt.bz2")) and not name.startswith("__MACOSX")


def _table(path: Path, members: dict[str, bytes], stems: tuple[str, ...]) -> Table | None:
    found = [name for name in members if PurePosixPath(name).name.lower().partition(".")[0] in stems]
    if len(found) > 1:
        raise ValueError(f"{path} holds {' and '.join(found)}, expected one {stems[0]}.txt; make a zip with one connectome")
    if not found:
        return None
    name = found[0]
    with intact(path, f"a TVB zip with text in {name}"):
        text = (bz2.decompress(members[name]) if name.lower().endswith(".bz2") else members[name]).decode("utf-8-sig")
    return parse_table(text, f"{path}/{name}")
