"""Numbers as users have them become an array of floats here, or are refused by name."""

from typing import Any

import numpy as np
from jaxtyping import Float


def real(value: Any, what: str, expected: str = "numbers") -> Float[np.ndarray, "..."]:
    """`value` as float64. NumPy would drop an imaginary part with a warning, and a mask without one.

    `what` names the slot in the message, for instance `"Connectome(weights=...)"`.

    Raises:
        TypeError: no numbers.
        ValueError: complex numbers, or masked entries.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = np.argwhere(np.ma.getmaskarray(value))
        raise ValueError(
            f"{what} has {len(masked)} masked entries, the first at {[int(i) for i in masked[0]]}; expected numbers everywhere: "
            "leave those rows or columns out, or fill them (numpy.ma.filled)"
        )
    try:
        array = np.asarray(value)
        numbers = array if np.iscomplexobj(array) else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} got {value!r}, expected {expected}") from error
    if np.iscomplexobj(array):
        raise ValueError(f"{what} is complex, expected real numbers; take the part that is meant, such as abs(...) or its real part")
    return numbers
