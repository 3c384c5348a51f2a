"""What carries names for its axes or entries (xarray, pandas) is put in the order that is asked for here, and
nowhere else.
"""

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ._tools._real import real, shown
from .units import DIMENSIONLESS, factor, is_unit

type Labels = tuple[str, ...] | None

# What a container says of its unit when it says nothing.
UNKNOWN = {"", "1", "a.u."}


class Labelled(NamedTuple):
    """Numbers, and what their container says of them.

    Fields:
        values: as they lie.
        dims: names of the axes; None: an axis without a name.
        labels: of the entries along each axis; None: none.
        unit: its name, empty if there is none.
        strict: whether names of axes are always meant; above the index and the columns of a table there may
            be any heading.
    """

    values: np.ndarray
    dims: tuple[str | None, ...]
    labels: tuple[Labels, ...]
    unit: str
    strict: bool


def is_dataarray(value: Any) -> bool:
    """Whether `value` is an `xarray.DataArray`; xarray is not imported for it."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, xarray.DataArray)


def is_table(value: Any) -> bool:
    """Whether `value` is a `pandas.DataFrame` or `Series`; pandas is not imported for it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def read(value: Any) -> Labelled | None:
    """What an `xarray.DataArray`, a `pandas.DataFrame` or `Series` says; None: nothing else has labels."""
    if is_dataarray(value):
        # xarray calls axes that have no name dim_0, dim_1, …
        dims = tuple(None if dim == f"dim_{i}" else str(dim) for i, dim in enumerate(value.dims))
        labels = tuple(_texts(value[dim].values) if dim in value.coords else None for dim in value.dims)
        return Labelled(value.values, dims, labels, _unit(value), strict=True)
    if is_table(value):
        axes = value.axes
        dims = tuple(None if axis.name is None else str(axis.name) for axis in axes)
        labels = tuple(None if _counts(axis) else _texts(axis) for axis in axes)
        return Labelled(_numbers(value), dims, labels, _unit(value), strict=False)
    return None


def aligned(value: Any, axes: Mapping[str, Labels], unit: str, what: str) -> Any:
    """The numbers of something labelled, axes and entries in the order of `axes`, in `unit`; anything else as
    it is.

    Args:
        value: anything.
        axes: name of each axis → its labels; None: they are not known, and entries stay as they lie.
        unit: a number without unit is in this one; "": numbers stay as they are, whatever their unit.
        what: names the slot in messages.

    Raises:
        ValueError: axes or labels of other names.
        UnitError: a unit of another dimension.
    """
    found = read(value)
    return value if found is None else ordered(found, axes, unit, what).values


def ordered(found: Labelled, axes: Mapping[str, Labels], unit: str, what: str) -> Labelled:
    """As `aligned`, with the labels of the axes whose labels were not known."""
    values, labels = _transposed(found, tuple(axes), what)
    values = real(values, what)
    for position, (dim, wanted) in enumerate(axes.items()):
        if wanted is not None and labels[position] is not None:
            values = np.take(values, order(labels[position], wanted, dim, what), axis=position)
            labels = (*labels[:position], wanted, *labels[position + 1 :])
    return Labelled(_scale(found.unit, unit, what) * values, tuple(axes), labels, unit, strict=True)


def _scale(own: str, wanted: str, what: str) -> float:
    """What numbers in `own` are multiplied by to be in `wanted`."""
    if (
        own == wanted
        or own in UNKNOWN
        or wanted in ("", "a.u.")
        or (wanted == DIMENSIONLESS and not is_unit(own))
    ):
        return 1.0
    return factor(own, wanted, what)


def texts(labels: Any, what: str) -> tuple[str, ...]:
    """Labels that the user gives: a sequence of them, such as a list, an array, an index of pandas or a
    coordinate of xarray.

    Raises:
        TypeError: something without order, or whose entries are no labels.
    """
    several = hasattr(labels, "__iter__") and not isinstance(labels, set | frozenset | str | bytes | Mapping)
    entries = np.asarray(labels).tolist() if hasattr(labels, "dtype") else list(labels) if several else None
    entries = [_unpacked(entry) for entry in entries] if several and isinstance(entries, list) else None
    # NaN is unlike itself, and no label.
    if entries is None or not all(
        isinstance(entry, str | bytes | int | float | tuple) and entry == entry for entry in entries
    ):
        raise TypeError(
            f"{what} got {shown(labels)}, expected a sequence of labels, such as ['L.BSTS', 'R.BSTS']"
        )
    return tuple(_text(entry) for entry in entries)


def chosen(labels: Any, what: str) -> tuple[str, ...]:
    """Labels that choose some of several, so that their order does not matter: one, or any number."""
    if isinstance(labels, str):
        return (labels,)
    return texts(sorted(labels) if isinstance(labels, set | frozenset) else labels, what)


def order(got: Labels, wanted: tuple[str, ...], dim: str, what: str) -> list[int]:
    """Positions in `got` of the `wanted` labels. Labels that only count, 0, 1, …, are matched with names by
    position.

    Raises:
        ValueError: other names, another number of them, or one twice.
    """
    everything = list(range(len(wanted)))
    if got is None or got == wanted or (len(got) == len(wanted) and unnamed(got, wanted)):
        return everything
    check_unique(got, dim, what)
    missing, unknown = unmatched(got, wanted)
    if missing or unknown:
        raise ValueError(
            f"{what} has other labels along {dim!r}: missing {missing[:5] or 'none'}, unknown"
            f" {unknown[:5] or 'none'}; expected {', '.join(wanted[:5])}{', …' if len(wanted) > 5 else ''} in"
            " any order; select and rename them, or pass plain numbers in this order"
        )
    place = {label: position for position, label in enumerate(got)}
    return [place[label] for label in wanted]


def check_unique(labels: tuple[str, ...], dim: str, what: str) -> None:
    """Raises ValueError for a label that is there twice."""
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"{what} repeats {', '.join(twice[:5])} along {dim!r}; expected each once")


def counted(labels: Labels) -> bool:
    """Whether labels only count: "0", "1", …."""
    return labels is not None and labels == tuple(str(i) for i in range(len(labels)))


def unnamed(got: Labels, wanted: tuple[str, ...]) -> bool:
    """Whether `got` does not say which of `wanted` is where: no labels, or labels that only count, unless
    both count.
    """
    return got is None or (counted(got) and set(got) != set(wanted))


def unmatched(got: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The `wanted` labels that are missing in `got`, and those of `got` that nobody wanted."""
    return [label for label in wanted if label not in got], [label for label in got if label not in wanted]


def labels_along(value: Any, axes: tuple[str, ...], what: str) -> tuple[Labels, ...]:
    """The labels that `value` has along each of `axes`; None where it has none."""
    found = read(value)
    return (None,) * len(axes) if found is None else _transposed(found, axes, what)[1]


def _transposed(
    found: Labelled, axes: tuple[str, ...], what: str
) -> tuple[Float[np.ndarray, "..."], tuple[Labels, ...]]:
    if found.values.ndim != len(axes):
        own = f" {found.dims}" if any(found.dims) else ""
        raise ValueError(
            f"{what} has shape {found.values.shape}{own}, expected the axes {axes}; select one entry of any"
            " other, or drop it by .squeeze()"
        )
    if set(found.dims) == set(axes):
        places = [found.dims.index(dim) for dim in axes]
        return found.values.transpose(places), tuple(found.labels[place] for place in places)
    foreign = [dim for place, dim in enumerate(found.dims) if dim is not None and dim != axes[place]]
    if foreign and found.strict:
        raise ValueError(f"{what} has the axes {found.dims}, expected {axes} in any order; rename them")
    return found.values, found.labels


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_text(value) for value in np.asarray(values).tolist())


def _text(value: Any) -> str:
    # Older files hold bytes, and names that are filled up with blanks.
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _unpacked(entry: Any) -> Any:
    """What is in a cell of MATLAB, of which each holds one name."""
    while isinstance(entry, np.ndarray | list) and np.size(entry) == 1:
        entry = entry.item() if isinstance(entry, np.ndarray) else entry[0]
    return entry.item() if isinstance(entry, np.generic) else entry


def _unit(value: Any) -> str:
    unit = value.attrs.get("units", value.attrs.get("unit"))
    return "" if unit is None else str(unit)


def _numbers(table: Any) -> np.ndarray:
    """The numbers of a table, NaN where pandas has its own mark for what is missing."""
    kinds = {dtype.kind for dtype in (table.dtypes if table.ndim == 2 else [table.dtype])}
    return table.to_numpy(dtype=np.float64, na_value=np.nan) if kinds <= set("biuf") else table.to_numpy()


def _counts(axis: Any) -> bool:
    """Whether pandas numbered an axis by itself."""
    pandas = sys.modules["pandas"]
    return isinstance(axis, pandas.RangeIndex) and axis.start == 0 and axis.step == 1
