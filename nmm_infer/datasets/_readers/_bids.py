"""What lies beside a file in a BIDS data set: its .json."""

import json
from pathlib import Path
from typing import Any

from ._errors import intact
from ._tables import read_text


def _sidecar(path: Path) -> dict[str, Any]:
    """The .json of the same name, without the suffixes that say what the table is (`.dense.tsv`); empty if
    there is none.
    """
    for beside in (path.with_name(path.name.partition(".")[0] + ".json"), path.with_suffix(".json")):
        if beside.is_file():
            with intact(beside, "JSON"):
                content = json.loads(read_text(beside))
            return content if isinstance(content, dict) else {}
    return {}


def bids_step(path: Path) -> float | None:
    """Time between volumes in ms; None if it is not said."""
    step = _sidecar(path).get("RepetitionTime")
    return None if step is None else 1000.0 * float(step)


def bids_nodes(path: Path) -> list[str] | None:
    """Labels of the rows of a connectivity matrix (BEP017), from the table of nodes that its .json names;
    None if there is none.
    """
    axes = _sidecar(path).get("Axes")
    file = axes[0].get("NodeFile") if isinstance(axes, list) and axes and isinstance(axes[0], dict) else None
    if not isinstance(file, str) or not (nodes := path.parent / Path(file).name).is_file():
        return None
    head, *rows = [line.split("\t") for line in read_text(nodes).splitlines() if line.strip()]
    if "label" not in head:
        return None
    order = head.index("matrix_index") if "matrix_index" in head else None
    rows = rows if order is None else sorted(rows, key=lambda row: int(row[order]))
    return [row[head.index("label")].strip() for row in rows]
