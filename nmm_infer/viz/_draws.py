"""Draws become points and intervals."""

from typing import Any

from ._style import INTERVAL


def sample_dims(data: Any) -> list[str]:
    """Those of chain and draw that `data` has."""
    return [dim for dim in ("chain", "draw") if dim in data.dims]


def channel_dims(data: Any) -> list[str]:
    """Of spectra, the dims of what has them: regions, sensors, directions of sensors."""
    return [str(dim) for dim in data.dims if dim not in ("frequency", "chain", "draw")]


def centre(data: Any, how: str = "mean") -> Any:
    """The mean (or median) over draws; data without draws as they are."""
    dims = sample_dims(data)
    return getattr(data, how)(dims, keep_attrs=True) if dims else data


def interval(data: Any, level: float = INTERVAL) -> tuple[Any, Any]:
    """The ends of the central interval that contains `level` of the draws."""
    if not 0 < level < 1:
        raise ValueError(f"interval={level} must be a fraction between 0 and 1, such as 0.9")
    tail = (1.0 - level) / 2
    ends = data.quantile([tail, 1.0 - tail], sample_dims(data))
    return ends.isel(quantile=0), ends.isel(quantile=1)
