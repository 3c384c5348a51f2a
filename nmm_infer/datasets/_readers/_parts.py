"""What a file may hold of a connectome."""

from collections.abc import Callable
from typing import Any, NamedTuple


def _none() -> None:
    return None


class Parts(NamedTuple):
    """Pieces found in a file, read when they are asked for.

    Fields:
        matrix: one without a name, which is what the user takes it for.
        weights, lengths, labels, centres: None: there are none.
        found: says what is there.
        unused: what is there and was not read.
    """

    matrix: Any = None
    weights: Any = None
    lengths: Callable[[], Any] = _none
    labels: Callable[[], list[str] | None] = _none
    centres: Callable[[], Any] = _none
    found: str = ""
    unused: tuple[str, ...] = ()
