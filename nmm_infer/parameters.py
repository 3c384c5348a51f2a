"""`param`: a field of a model, coupling, noise or observation that a user may set, or infer.

Such a field (a *slot*) holds a number, an array over regions, a Quantity or a prior. An array may have labels
(pandas, xarray): in a part of a network it is put in the order of the network's regions. Its metadata (unit,
meaning, range) drives unit conversion, error messages, tests and the tables in the docs.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from ._labelled import UNKNOWN, ordered, read
from ._ranges import compare
from ._regional import Regional, check_plain
from ._tools import _html as html
from ._tools._docstrings import summary
from ._tools._kinds import check_instances
from ._tools._real import real
from ._tools._shown import called, changed, safely, shown
from .priors._base import AbstractPrior
from .units import DIMENSIONLESS, is_quantity, to_canonical

# What a slot accepts is checked when it is filled; inside a drift it is an array.
type Slot = Any


@dataclasses.dataclass(frozen=True)
class Parameter:
    """Metadata of one slot: default and range are in `unit`.

    `low` and `high` bound the values for which the part is meant and tested: a number outside is said in a
    warning. A slot with `low > 0` is a positive quantity (a time constant, a width): zero and below raise an
    error.
    """

    name: str
    default: Any
    unit: str
    doc: str
    low: float
    high: float


class _Fill:
    """Converter of a slot: checks what the user passed and strips its unit."""

    def __init__(self, unit: str, low: float, high: float):
        self.unit = unit
        self.low = low
        self.high = high
        self.owner = "part"
        self.name = "value"

    def __call__(self, value: Any) -> Any:
        what = f"{self.owner}({self.name}=...)"
        if value is None:
            return None
        if isinstance(value, AbstractPrior):
            return value.bind(self.unit, what)
        if isinstance(value, Regional):
            return value
        named = read(value)
        if named is not None:
            found = ordered(named, {"region": None}, self.unit, what)
            values, (labels,) = self._checked(found.values, what, bare=named.unit in UNKNOWN), found.labels
            return values if labels is None else Regional(values, labels, what)  # pyright: ignore[reportReturnType]
        return self._checked(to_canonical(value, self.unit, what), what, bare=not is_quantity(value))

    def _checked(self, value: Any, what: str, *, bare: bool) -> Any:
        """A value in the slot's unit, in which it came if it is `bare`."""
        if isinstance(value, Tracer):  # nothing to look at yet
            return value
        array = real(value, what, f"a number, an array over regions, a Quantity in {self.unit} or a Prior")
        if not np.all(np.isfinite(array)):
            raise ValueError(
                f"{what} got a value that is NaN or infinite; expected finite numbers in {self.unit}"
            )
        if self.low > 0 and np.any(array <= 0):
            raise ValueError(f"{what} got {float(array.min()):g}, expected a positive number in {self.unit}")
        compare(array, self.low, self.high, self.unit, what, bare=bare)
        return value if isinstance(value, jax.Array) and np.issubdtype(value.dtype, np.inexact) else array


def param(
    default: Any, unit: str = DIMENSIONLESS, *, doc: str, low: float = -math.inf, high: float = math.inf
) -> Any:
    """A slot with its default and range in `unit`; see `Parameter`."""
    fill = _Fill(unit, low, high)
    return eqx.field(
        default=default,
        converter=fill,
        metadata={"parameter": Parameter("", default, unit, doc, low, high), "fill": fill},
    )


def names_field(default: tuple[str, ...] | None = None) -> Any:
    """Names of states, variables or ports: a tuple (or a list), or None. A text is kept as it is, for the
    network to refuse.
    """
    return eqx.field(
        static=True,
        default=default,
        converter=lambda names: tuple(names) if isinstance(names, list) else names,
    )


class AbstractPart(eqx.Module):
    """Base of everything that has slots. A subclass names its slots, so errors can name them too;
    `argument_of`, if users give them to another class.
    """

    def __init_subclass__(cls, *, argument_of: str | None = None, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        for name, field in vars(cls).items():
            if isinstance(field, dataclasses.Field) and "fill" in field.metadata:
                field.metadata["fill"].owner = argument_of or cls.__name__
                field.metadata["fill"].name = name

    def __check_init__(self):
        check_instances(self)

    @safely
    def __repr__(self) -> str:
        return called(type(self).__name__, changed(self))

    def _repr_html_(self) -> str:
        slots = [
            (f"{path}{name}", shown(getattr(part, name)), "" if p.unit == "1" else p.unit, p.doc)
            for path, part in walk(self)
            for name, p in type(part).parameters().items()
        ]
        others = [text for text in changed(self) if text.partition("=")[0] not in type(self).parameters()]
        what = summary(type(self))
        table = html.rows(("parameter", "value", "unit", "meaning"), slots) if slots else ""
        return html.heading(type(self).__name__, what) + html.rows((), [(text,) for text in others]) + table

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """The slots of this class by name, in the order they are declared."""
        return {
            field.name: dataclasses.replace(field.metadata["parameter"], name=field.name)
            for field in dataclasses.fields(cls)
            if "parameter" in field.metadata
        }


def walk(part: AbstractPart, path: str = "") -> Iterator[tuple[str, AbstractPart]]:
    """`part`, the parts in its fields, and those in theirs, each after the path that leads to it
    (`core.`).
    """
    yield path, part
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if isinstance(value, AbstractPart):
            yield from walk(value, f"{path}{field.name}.")


def check_regions(part: AbstractPart, n_regions: int) -> None:
    """Each slot of `part` and of the parts in it is a scalar or has one value per region.

    Raises:
        ValueError: names the slot, its shape and the number of regions; or labels that nobody put in order.
    """
    check_plain(part)
    for _, owner in walk(part):
        for name in owner.parameters():
            value = getattr(owner, name)
            prior = isinstance(value, AbstractPrior)
            shape = value.shape() if prior else None if value is None else np.shape(value)
            if shape not in (None, (), (n_regions,)):
                raise ValueError(
                    f"{type(owner).__name__}({name}=...) has {'a prior of ' if prior else ''}shape {shape},"
                    f" expected a scalar or shape ({n_regions},): one value for each of the network's"
                    f" {n_regions} regions"
                )
