"""Reading a result tree of which any part may be absent."""

from typing import Any


def group(tree: Any, name: str) -> Any:
    """The group `name` as an `xarray.Dataset`; None if the tree has no such group or it is empty."""
    if name not in tree.children:
        return None
    dataset = tree.children[name].to_dataset()
    return dataset if dataset.data_vars else None


def variable(tree: Any, group_name: str, name: str) -> Any:
    """One variable as an `xarray.DataArray`; None if it is absent."""
    dataset = group(tree, group_name)
    return dataset[name] if dataset is not None and name in dataset else None


def recording(tree: Any) -> Any:
    """The recording whose summaries were fitted, an `xarray.DataArray`; None if it is absent."""
    return variable(tree, "constant_data", "data")


def require_posterior(tree: Any, caller: str) -> Any:
    """The posterior draws of a tree.

    Raises:
        ValueError: says which groups there are instead.
    """
    posterior = group(tree, "posterior")
    if posterior is None or not {"chain", "draw"} <= set(posterior.dims):
        groups = ", ".join(tree.children) or "no groups"
        raise ValueError(
            f"{caller} needs posterior draws with dims chain and draw, got a tree with {groups}; pass what an"
            " engine of nmm.infer returned"
        )
    return posterior


def flag(value: Any) -> bool:
    """A yes or no that went through NetCDF, which has no booleans."""
    return str(value).strip().lower() in ("true", "1", "1.0", "yes")


def number(attrs: dict[Any, Any], name: str) -> float | None:
    """A number among attributes; None if it is absent or not a number."""
    try:
        return float(attrs[name])
    except (KeyError, TypeError, ValueError):
        return None
