"""A value outside of the range that its slot declares is said: it is most often one in another unit."""

import math
import warnings
from pathlib import Path

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .units import factor

# Units in which people have their numbers, by the unit of the slot.
_OTHERS = {
    "ms": ("second", "us"),
    "kHz": ("Hz",),
    "rad/ms": ("Hz",),
    "1/ms": ("Hz",),
    "mV": ("volt", "uvolt"),
    "nA": ("pA", "uA"),
    "pA": ("nA",),
    "mm/ms": ("mm/second",),
}

# The line that is shown with the warning is the user's.
_INSIDE = (str(Path(__file__).parent), str(Path(eqx.__file__).parent))


def compare(
    values: Float[np.ndarray, "..."], low: float, high: float, unit: str, what: str, *, bare: bool
) -> None:
    """Warns if any of `values` is not between `low` and `high`, all in `unit`.

    `what` names the slot in the message, for instance `"Sine(frequency=...)"`; `bare` values came without a
    unit of their own.
    """
    outside = np.ravel(values)[(np.ravel(values) < low) | (np.ravel(values) > high)]
    if not outside.size:
        return
    name = "" if unit == "1" else f" {unit}"
    more = f" (and {outside.size - 1} more)" if outside.size > 1 else ""
    warnings.warn(
        f"{what} got {outside[0]:g}{name}{more}, outside of its declared range, {_between(low, high)}{name};"
        f" {_advice(values, low, high, unit, bare)}",
        skip_file_prefixes=_INSIDE,
    )


def _between(low: float, high: float) -> str:
    return (
        f"at least {low:g}"
        if math.isinf(high)
        else f"at most {high:g}"
        if math.isinf(low)
        else f"{low:g} to {high:g}"
    )


def _advice(values: Float[np.ndarray, "..."], low: float, high: float, unit: str, bare: bool) -> str:
    """What may have been meant: the same numbers in another unit."""
    for other in _OTHERS.get(unit, ()) if bare else ():
        meant = factor(other, unit, "") * values
        if np.all((low <= meant) & (meant <= high)):
            number = f"{float(values):g}" if np.ndim(values) == 0 else "values"
            return (
                f"if it is in {other} write {number} * {' / '.join(f'u.{part}' for part in other.split('/'))}"
            )
    return "nothing is known of the part there: check the value and its unit"
