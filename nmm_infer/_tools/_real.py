"""Numbers as users have them become an array of floats here, or are refused by name."""

from typing import Any

import numpy as np
from jaxtyping import Float

# Of what is no number, so much is shown.
SHOWN = 80


def real(value: Any, what: str, expected: str = "numbers") -> Float[np.ndarray, "..."]:
    """`value` as float64. NumPy would drop an imaginary part with a warning, and a mask or the unit of a time
    span without one.

    `what` names the slot in the message, for instance `"Connectome(weights=...)"`.

    Raises:
        TypeError: no numbers.
        ValueError: complex numbers, times, or masked entries.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = np.argwhere(np.ma.getmaskarray(value))
        raise ValueError(
            f"{what} has {len(masked)} masked entries, the first at {[int(i) for i in masked[0]]}; expected"
            " numbers everywhere: leave those rows or columns out, or fill them (numpy.ma.filled)"
        )
    try:
        array = np.asarray(value)
        numbers = array if np.iscomplexobj(array) else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} got {shown(value)}, expected {expected}") from error
    if array.dtype.kind in "mM":
        raise ValueError(
            f"{what} got {array.dtype}, expected {expected}; count time spans in a unit, such as spans /"
            " numpy.timedelta64(1, 'ms')"
        )
    if np.iscomplexobj(array):
        raise ValueError(
            f"{what} is complex, expected real numbers; take the part that is meant, such as abs(...) or its"
            " real part"
        )
    return numbers


def shown(value: Any) -> str:
    """Something unexpected in one short line: of an array the first entry that is no number, with
    its place.
    """
    if hasattr(value, "data_vars"):
        return f"a Dataset of {', '.join(map(str, value.data_vars))}, of which one is meant"
    if isinstance(value, np.ndarray):
        for place, entry in np.ndenumerate(value):
            if not _is_number(entry):
                return (
                    f"{_short(entry.item() if isinstance(entry, np.generic) else entry)} at"
                    f" {[int(i) for i in place]}"
                )
    hint = ", which .toarray() makes an array" if hasattr(value, "toarray") else ""
    return _short(value) + hint


def _is_number(entry: Any) -> bool:
    try:
        float(entry)
    except (TypeError, ValueError):
        return False
    return True


def _short(value: Any) -> str:
    line = " ".join(repr(value).split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
