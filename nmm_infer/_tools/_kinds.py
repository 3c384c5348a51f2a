"""What somebody passed, in words, for messages."""

import dataclasses
from typing import Any

import equinox as eqx


def kind_of(value: Any) -> str:
    """The type of `value`; of a class, which is passed where one of its instances belongs, its name and what
    to write.
    """
    return (
        f"the class {value.__name__} (write {value.__name__}(...))"
        if isinstance(value, type)
        else type(value).__name__
    )


def check_instances(part: Any) -> None:
    """Raises TypeError if a field of the dataclass `part` holds the class of a part where a part belongs."""
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, type) and issubclass(one, eqx.Module):
                raise TypeError(
                    f"{type(part).__name__}({field.name}=...) got {kind_of(one)}, expected what it makes"
                )
