"""How things show themselves: on a line, nearly as one would write them."""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

WIDTH = 88  # of what is shown
_TRUNCATED = {
    "LeftTruncatedDistribution": ("low",),
    "RightTruncatedDistribution": ("high",),
    "TwoSidedTruncatedDistribution": ("low", "high"),
}
_WRAPPERS = ("ExpandedDistribution", "Independent", "MaskedDistribution")


def shown(value: Any) -> str:
    """A value in words: numbers in four digits, arrays by their ends, all else by its own `repr`."""
    if isinstance(value, Tracer):
        return f"traced {value.aval.str_short()}"
    if isinstance(value, bool | np.bool_ | str | type) or value is None:
        return repr(value)
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.number):
        return f"{value:.4g}"
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return "a random key"
    if isinstance(value, np.ndarray | jax.Array):
        return _array(np.asarray(value))
    if hasattr(value, "arg_constraints"):
        return distribution(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {shown(item)}' for key, item in value.items())}}}"
    if hasattr(value, "domain") and hasattr(value, "codomain"):  # NumPyro's transforms print an address
        return f"{type(value).__name__}()"
    return repr(value)


def distribution(d: Any) -> str:
    """A NumPyro distribution as one writes it: `Normal(0, 1)`."""
    name = type(d).__name__
    if name in _TRUNCATED:
        base = type(d.base_dist).__name__
        ends = [f"{end}={shown(getattr(d, end))}" for end in _TRUNCATED[name]]
        return f"Truncated{base}({', '.join([*_arguments(d.base_dist), *ends])})"
    if name in _WRAPPERS:
        inner = d.base_dist
        while type(inner).__name__ in _WRAPPERS:
            inner = inner.base_dist
        return f"{distribution(inner)} × {d.shape()}"
    parts = _arguments(d)
    if not parts:  # made of others: a mixture, a transformed or folded one
        inside = [getattr(d, part, None) for part in ("base_dist", "mixing_distribution")]
        several = getattr(d, "component_distributions", None) or [getattr(d, "component_distribution", None)]
        parts = [distribution(one) for one in (*inside, *several) if one is not None]
        parts += [shown(one) for one in getattr(d, "transforms", ())]
    return f"{name}({', '.join(parts)})"


def safely(text: Callable[[Any], str]) -> Callable[[Any], str]:
    """A `__repr__` that falls back to Equinox's where a thing holds anything but values: it is stacked,
    mapped over, or a half of another. What is shown must never stop who looks for another fault.
    """

    @functools.wraps(text)
    def shown_or_listed(thing: Any) -> str:
        try:
            return text(thing)
        except Exception:
            return eqx.tree_pformat(thing)

    return shown_or_listed


def called(name: str, arguments: Iterable[str]) -> str:
    """`name(…)` on one line, or an argument a line where that is too long."""
    arguments = list(arguments)
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{name}(\n{''.join(f'{indented(argument)},{chr(10)}' for argument in arguments)})"


def flat(text: str) -> str:
    """What `called` broke into lines, on one line."""
    return re.sub(r"\n\s*", " ", re.sub(r",\n\s*\)", ")", re.sub(r"\(\n\s*", "(", text)))


def indented(text: str, by: int = 4) -> str:
    """`text` with every line moved to the right."""
    return "\n".join(" " * by + line for line in text.splitlines())


def changed(thing: Any) -> list[str]:
    """The fields of a dataclass that are not at their defaults, as arguments."""
    return [
        f"{field.name}={shown(value)}{_unit(field, value)}"
        for field in dataclasses.fields(thing)
        if field.init and not _is_default(field, value := getattr(thing, field.name, None))
    ]


def _unit(field: Any, value: Any) -> str:
    """Of a slot that holds numbers; priors say theirs themselves."""
    parameter = field.metadata.get("parameter")
    if parameter is None or parameter.unit == "1" or not hasattr(value, "dtype"):
        return ""
    return f" {parameter.unit}"


def _is_default(field: Any, value: Any) -> bool:
    if field.default is dataclasses.MISSING:
        made = None if field.default_factory is dataclasses.MISSING else field.default_factory()
        return made is not None and repr(made) == repr(value)
    default = field.default
    if value is default:
        return True
    if isinstance(value, Tracer) or np.ndim(value) or value is None or default is None:
        return False
    try:
        return bool(value == default)
    except (TypeError, ValueError):
        return False


def _array(array: np.ndarray) -> str:
    if array.ndim == 0:
        return shown(array.item())
    flat = array.reshape(-1)
    if array.ndim == 1 and array.size <= 4:
        return f"[{', '.join(map(shown, flat.tolist()))}]"
    size = " × ".join(map(str, array.shape))
    if array.dtype.kind not in "fiu" or not array.size:
        return f"array of {size}"
    return f"[{size} values, {flat.min():.4g} to {flat.max():.4g}]"


def _arguments(d: Any) -> list[str]:
    return [shown(getattr(d, name)) for name in d.arg_constraints if hasattr(d, name)]
