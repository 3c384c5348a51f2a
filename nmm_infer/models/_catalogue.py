"""What neural masses there are, and what each says of itself, computed from the classes."""

import dataclasses
import inspect
import re
import textwrap
from typing import NamedTuple, Self

import equinox as eqx

from .._tools import _html as html
from .._tools._docstrings import summary
from ._base import AbstractModel

CATEGORIES = ("phenomenological", "physiological", "network")


# An equation's left-hand side is one word (x_e, S(v)), a call (H(x; a, b, d)) or up to three words with a
# prime (τ_e E'): prose has none of these before " = ".
_EQUATION = re.compile(r"^\s*([^\s`]+|\w+\([^)]*\)|([^\s`]+ ){0,2}[^\s`]+'+\s?) = ", re.MULTILINE)


class Paragraph(NamedTuple):
    """A piece of a docstring: prose, or equations line by line."""

    text: str
    equations: bool


class Entry(NamedTuple):
    """One line of the catalogue."""

    name: str
    category: str
    n_states: int
    use_case: str


class Catalogue(list[Entry]):
    """A list of entries that prints as an aligned table."""

    def __str__(self) -> str:
        rows = [
            ("name", "category", "states", "use case"),
            *((e.name, e.category, str(e.n_states), e.use_case) for e in self),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html.rows(
            ("name", "category", "states", "use case"),
            [(e.name, e.category, str(e.n_states), e.use_case) for e in self],
        )


def model_classes() -> dict[str, type[AbstractModel]]:
    """The final model classes that `nmm_infer.models` exports, by name: by category, in a category
    alphabetically.

    Raises:
        ValueError: a model of an unknown category.
    """
    from .. import models

    classes = [
        c
        for c in vars(models).values()
        if inspect.isclass(c) and issubclass(c, AbstractModel) and not inspect.isabstract(c)
    ]
    for c in classes:
        if c.category not in CATEGORIES:
            raise ValueError(
                f"{c.__name__}.category is {c.category!r}, expected one of {', '.join(CATEGORIES)}"
            )
    return {
        c.__name__: c
        for c in sorted(classes, key=lambda c: (CATEGORIES.index(c.category), c.__name__.lower()))
    }


def list_models() -> Catalogue:
    """Every neural mass: name, category, number of states, what it is for."""
    return Catalogue(
        Entry(name, c.category, len(c().states), c.use_case) for name, c in model_classes().items()
    )


def description(part: eqx.Module) -> list[Paragraph]:
    """What the docstring of the part's class says."""
    paragraphs = inspect.cleandoc(type(part).__doc__ or "").split("\n\n")
    return [Paragraph(textwrap.dedent(text), _is_equations(text)) for text in paragraphs]


def _is_equations(text: str) -> bool:
    """At least every second line is one, and no sentence ends the paragraph."""
    return 2 * len(_EQUATION.findall(text)) > text.count("\n") and not text.rstrip().endswith(".")


def presets(cls: type[AbstractModel]) -> dict[str, str]:
    """The published parameter sets that `cls` comes with, constructors of its own such as
    `WilsonCowan.oscillating()`: name → what its docstring says first.
    """
    own = (
        name
        for name, value in vars(cls).items()
        if isinstance(value, classmethod) and not name.startswith("_")
    )
    found = {name: getattr(cls, name) for name in own}
    made = {
        name: f
        for name, f in found.items()
        if inspect.signature(f).return_annotation in (cls, cls.__name__, Self, "Self")
    }
    return {name: summary(f) for name, f in made.items()}


def nested_parts(part: eqx.Module) -> dict[str, eqx.Module]:
    """The parts that `part` is composed of, by the name of the field; what they hold is reached through them,
    as `core.tau_e`.
    """
    values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    return {name: value for name, value in values.items() if isinstance(value, eqx.Module)}


def alternatives(part: eqx.Module, name: str) -> tuple[str, ...]:
    """Names of the classes of this package that the field `name` of `part` may hold; none unless it is
    declared by an abstract class.
    """
    kind = next(field.type for field in dataclasses.fields(part) if field.name == name)
    if not inspect.isclass(kind) or not kind.__name__.startswith("Abstract") or kind is AbstractModel:
        return ()
    package = kind.__module__.partition(".")[0]
    return tuple(
        sorted(
            c.__name__
            for c in kind.__subclasses__()
            if c.__module__.partition(".")[0] == package and not c.__name__.startswith("Abstract")
        )
    )
