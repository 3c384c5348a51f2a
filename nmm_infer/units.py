"""Quantities become floats here, at the boundary, and nowhere else.

Inside, time is in ms, voltage in mV, rates in kHz (1/ms), current in nA and length in mm, so that
the numerical core sees plain arrays. A unit is written as text (`"mV/ms"`) in the metadata of a
field and turned into a brainunit `Unit` only when somebody passes a Quantity: importing brainunit
costs more than a second, which users of plain numbers need not pay.

A slot in rad/ms is angular: a quantity in Hz counts cycles and is converted by 2π, one in rad/s is not.
brainunit prints 1/s as Hz, so that is a number of cycles too.
"""

import math
import re
import sys
from functools import lru_cache
from typing import Any, cast

import numpy as np

DIMENSIONLESS = "1"

# Symbols that brainunit prints but does not have as attributes. Radians and counts carry no dimension.
_ALIASES = {
    **dict.fromkeys(("uV", "µV", "μV"), "uvolt"),
    **dict.fromkeys(("s", "sec", "seconds"), "second"),
    **dict.fromkeys(("msec", "milliseconds"), "ms"),
    **{"m": "meter", "V": "volt", "A": "amp", "min": "minute", "h": "hour"},
    **dict.fromkeys(("rad", "1", "dimensionless")),
}


class UnitError(ValueError):
    """A quantity of the wrong dimension, or a unit that cannot be read."""


@lru_cache(maxsize=256)
def parse(text: str) -> Any:
    """The brainunit `Unit` written as products and quotients of names: `"mV"`, `"mm/ms"`, `"1/mV"`."""
    import brainunit as u

    if text.strip() in ("%", "percent"):
        return u.Unit(u.UNITLESS.dim, scale=-2)
    if whole := re.fullmatch(r"\s*\((.*)\)\^(\d+)\s*", text):
        return parse(whole[1]) ** int(whole[2])
    total: Any = u.UNITLESS
    for position, factor in enumerate(text.translate({ord(mark): None for mark in " ()"}).split("/")):
        for token in factor.split("*"):
            name, _, power = token.partition("^")
            name = _ALIASES.get(name, name)
            if name is None:
                continue
            unit = getattr(u, name, None)
            if not isinstance(unit, u.Unit) or not (power or "1").removeprefix("-").isdigit():
                raise UnitError(
                    f"unknown unit {token!r} in {text!r}; use names of brainunit such as 'mV', 'ms', 'kHz' or"
                    " 'mm/ms'"
                )
            unit = unit ** int(power or 1)
            total = total * unit if position == 0 else total / unit
    return total


def is_quantity(value: Any) -> bool:
    """Whether `value` carries a unit (a brainunit Quantity or a bare Unit such as `u.ms`)."""
    saiunit = sys.modules.get("saiunit")
    return saiunit is not None and isinstance(value, saiunit.Quantity | saiunit.Unit)


def to_canonical(value: Any, unit: str, what: str) -> Any:
    """`value` as plain numbers in `unit`; a bare number already is in `unit`.

    `what` names the slot in the message, for instance `"JansenRit(v0=...)"`.

    Raises:
        UnitError: the quantity's dimension is not that of `unit`.
    """
    if not is_quantity(value):
        return value
    import brainunit as u

    quantity = cast(Any, 1.0 * value if isinstance(value, u.Unit) else value)
    return _turns(str(quantity.unit), unit) * _decimal(quantity, unit, what)


def _decimal(quantity: Any, unit: str, what: str) -> Any:
    target = parse(unit)
    if quantity.dim != target.dim:
        wanted = "a dimensionless number" if unit == DIMENSIONLESS else f"a quantity convertible to {unit}"
        raise UnitError(
            f"{what} got a quantity in {quantity.unit}, expected {wanted}; a bare number is read in {unit}"
        )
    return quantity.to_decimal(target) if unit != DIMENSIONLESS else quantity.to_decimal()


def _turns(given: str, wanted: str) -> float:
    """2π where `given` counts cycles per time and `wanted` radians per time, 1/2π the other way round, 1 for
    everything else.

    Radians and cycles have no dimension, so that brainunit would take 10 Hz for 10 rad/s.
    """
    angular, wants = (_angular(unit) for unit in (given, wanted))
    if angular == wants or parse(wanted).dim != parse("kHz").dim:
        return 1.0
    return 2.0 * math.pi if wants else 0.5 / math.pi


def _angular(unit: str) -> bool:
    return any(name.endswith(("rad", "radian")) for name in re.split(r"[^A-Za-z]+", unit))


def factor(unit: Any, canonical: str, what: str) -> float:
    """How many canonical units one `unit` (a brainunit `Unit` or its name) is worth."""
    name = text(unit)
    one = 1.0 * parse(name)
    return _turns(name, canonical) * float(
        np.asarray(_decimal(one, canonical, what) if is_quantity(one) else one)
    )


def is_unit(name: str) -> bool:
    """Whether `name` is that of a unit, and no word for what was counted, such as "streamlines"."""
    try:
        parse(name)
    except UnitError:
        return False
    return True


def text(unit: Any) -> str:
    """The name of `unit`, which `parse` reads back; `1 / u.mV` is a Quantity to brainunit and a unit to us.

    Raises:
        UnitError: not a unit, such as 1000 * u.Hz.
    """
    if isinstance(unit, str):
        return unit
    quantity = 1.0 * unit
    if not is_quantity(quantity) or np.ndim(quantity.mantissa) or quantity.mantissa != 1.0:
        raise UnitError(f"got the unit {unit!r}, expected a unit such as u.Hz or its name")
    return str(quantity.unit)


def milliseconds(value: Any, what: str) -> float:
    """A duration as a positive float in ms; a bare number is in ms.

    Raises:
        UnitError: not a time.
        ValueError: not a positive finite number.
    """
    number = float(np.asarray(to_canonical(value, "ms", what)))
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{what} must be a positive time, got {value}; write e.g. 500 * u.ms")
    return number
