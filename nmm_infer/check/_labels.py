"""Every number that a posterior is about, in one row."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float


class Labels(NamedTuple):
    """Names of the numbers of all sites, in the order of `flat`.

    Fields:
        parameter: unique names, `model.tau[L.PCU]`.
        name: the site of each.
        element: where in its site it is: `L.PCU`, "" for a scalar.
    """

    parameter: tuple[str, ...]
    name: tuple[str, ...]
    element: tuple[str, ...]


def chosen(sites: dict[str, Any]) -> list[str]:
    """Names of the sites to report: numeric ones, without the coordinates that another site is written in
    (`NAME.z` and `NAME.x` of a `NAME`).
    """
    return [
        name
        for name in sorted(sites)
        if np.asarray(sites[name]).dtype.kind in "fiu"
        and not (name[-2:] in (".z", ".x") and name[:-2] in sites)
    ]


def labels(
    sites: dict[str, Any], dims: dict[str, tuple[str, ...]], coords: dict[str, Any], keep: list[str]
) -> Labels:
    """Labels of the sites `keep`, whose values are arrays without sample axes.

    Args:
        sites: example values.
        dims: names of their axes.
        coords: labels by dim, as `AbstractProblem.coords` gives them.
    """
    found = [
        (f"{name}[{element}]" if element else name, name, element)
        for name in keep
        for element in _elements(np.shape(sites[name]), dims.get(name), coords)
    ]
    return Labels(*(tuple(column) for column in zip(*found, strict=True)))


def flat(sites: dict[str, Any], keep: list[str], sample_axes: int) -> Float[np.ndarray, "*sample parameter"]:
    """The sites `keep` side by side; each has `sample_axes` leading axes."""
    arrays = [np.asarray(sites[name], dtype=np.float64) for name in keep]
    return np.concatenate([array.reshape(*array.shape[:sample_axes], -1) for array in arrays], axis=-1)


def _elements(shape: tuple[int, ...], dims: tuple[str, ...] | None, coords: dict[str, Any]) -> list[str]:
    if not shape:
        return [""]
    names = []
    for axis, size in enumerate(shape):
        coord = coords.get(dims[axis]) if dims is not None and len(dims) == len(shape) else None
        known = coord[1] if isinstance(coord, tuple) else coord
        names.append(
            [str(label) for label in known]
            if known is not None and len(known) == size
            else [str(i) for i in range(size)]
        )
    return [", ".join(names[axis][i] for axis, i in enumerate(index)) for index in np.ndindex(*shape)]
