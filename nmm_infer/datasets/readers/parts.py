"""What a file may hold of a connectome."""

from typing import Any, NamedTuple


class Parts(NamedTuple):
    """Pieces found in a file; `matrix` is one without a name, which is what the user takes it for; `found` says what is there."""

    matrix: Any = None
    weights: Any = None
    lengths: Any = None
    labels: list[str] | None = None
    centres: Any = None
    found: str = ""
