"""What neural masses there are, computed from the classes themselves."""

import inspect
from typing import NamedTuple

from .base import AbstractModel


class Entry(NamedTuple):
    """One line of the catalogue."""

    name: str
    category: str
    n_states: int
    use_case: str


class Catalogue(list[Entry]):
    """A list of entries that prints as an aligned table."""

    def __str__(self) -> str:
        rows = [("name", "category", "states", "use case"), *((e.name, e.category, str(e.n_states), e.use_case) for e in self)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)

    __repr__ = __str__


def model_classes() -> dict[str, type[AbstractModel]]:
    """The final model classes that `nmm_infer.models` exports, by name, physiological ones last."""
    from .. import models

    classes = [c for c in vars(models).values() if inspect.isclass(c) and issubclass(c, AbstractModel) and not inspect.isabstract(c)]
    return {c.__name__: c for c in sorted(classes, key=lambda c: (c.category, c.__name__))}


def list_models() -> Catalogue:
    """Every neural mass: name, category, number of states, what it is for."""
    return Catalogue(Entry(name, c.category, len(c.states), c.use_case) for name, c in model_classes().items())
