"""Parcellated BOLD from files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...units import milliseconds
from .archives import pick, read_mat, read_npy, read_npz, texts
from .cifti import read_ptseries
from .errors import describe, reader_for, some
from .recording import Recording
from .tables import read_table

_SERIES = ("bold", "timeseries", "time_series", "ts", "tc", "data")
_LABELS = ("labels", "region_labels")

# Faster than any fMRI protocol (magnetic resonance encephalography: 100 ms): a number meant in seconds.
_SHORTEST_MS = 20.0


def read_bold(path: str | os.PathLike, *, repetition_time: Any, labels: Sequence[str] | None = None, transposed: bool = False) -> Any:
    """Parcellated BOLD from a file, an `xarray.DataArray` (time, region); time in ms from 0.

    | suffix | what is read |
    |---|---|
    | .tsv .csv .txt | a row for each volume; region labels in the header, as XCP-D writes them after fMRIPrep |
    | .npy | `["time region"]` |
    | .npz .mat | `bold` (or `timeseries`, `ts`, `tc`, `data`) and `labels` |
    | .ptseries.nii | CIFTI, with nibabel |

    Args:
        path: the file.
        repetition_time: time between volumes, a Quantity or a number in ms.
        labels: region names; None: those of the file, or numbers.
        transposed: the file has a row for each region.

    Raises:
        FileNotFoundError: no such file.
        ImportError: a CIFTI file without nibabel.
        ValueError: an unknown or damaged file, NaN, regions that never change, more regions than volumes
            without labels that confirm it, or labels or a repetition time that do not fit.
    """
    import xarray as xr

    path = Path(path)
    step = milliseconds(repetition_time, "read_bold(repetition_time=...)")
    if step < _SHORTEST_MS:
        raise ValueError(f"read_bold(repetition_time=...) got {step:g} ms, expected at least {_SHORTEST_MS:g} ms; seconds are written {step:g} * u.second")
    recording = reader_for(path, _READERS, "read_bold(...)")(path)
    if recording.step is not None and abs(recording.step - step) > 0.01 * step:
        raise ValueError(f"{path} says {recording.step:g} ms between volumes, read_bold(repetition_time=...) got {step:g} ms; pass the one that is right")
    values = recording.values.T if transposed else recording.values
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ValueError(f"{path} has an array of {values.dtype} with shape {recording.values.shape}, expected numbers of shape (time, region)")
    values = values.astype(np.float64)
    names = list(labels) if labels is not None else recording.rows if transposed else recording.columns
    names = _checked_names(names, values.shape, path)
    _check_values(values, names, path)
    coords = {"time": ("time", step * np.arange(len(values)), {"units": "ms"}), "region": names}
    attrs = {"units": "1", "repetition_time_ms": step, "provenance": path.name}
    return xr.DataArray(values, dims=("time", "region"), coords=coords, name="bold", attrs=attrs)


def _from_table(path: Path) -> Recording:
    table = read_table(path)
    clock = [name for name in table.columns or () if name.lower() in ("time", "volume", "frame")]
    if clock:
        raise ValueError(f"{path} has a column {clock[0]!r}, expected a column for each region and nothing else; remove it")
    return Recording(table.values, table.rows, table.columns)


def _from_npy(path: Path) -> Recording:
    return Recording(read_npy(path))


def _from_npz(path: Path) -> Recording:
    return _named(read_npz(path), path)


def _from_mat(path: Path) -> Recording:
    return _named(read_mat(path), path)


def _named(arrays: dict[str, np.ndarray], path: Path) -> Recording:
    values = pick(arrays, _SERIES, path)
    if values is None:
        raise ValueError(f"{path} holds {describe(arrays)}; expected the series under one of {', '.join(_SERIES)}; rename it, or save it as .npy")
    names = texts(pick(arrays, _LABELS, path))
    return Recording(values, names, names)


_READERS: dict[str, Callable[[Path], Recording]] = {
    ".tsv": _from_table,
    ".csv": _from_table,
    ".txt": _from_table,
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".mat": _from_mat,
    ".ptseries.nii": read_ptseries,
}


def _checked_names(names: list[str] | None, shape: tuple[int, ...], path: Path) -> list[str]:
    n_times, n_regions = shape
    if names is None:
        if n_regions > n_times:
            raise ValueError(
                f"{path} has {n_times} time points of {n_regions} regions, expected more time points than regions; if it has a row for each region "
                f"pass transposed=True, if it is right confirm it with labels=[...], one for each region"
            )
        return [str(i) for i in range(n_regions)]
    if len(names) != n_regions:
        hint = "as many as time points: flip transposed=" if len(names) == n_times else "pass one for each region"
        raise ValueError(f"{path} has {n_regions} regions and {n_times} time points, but there are {len(names)} labels, expected {n_regions}; {hint}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path} has repeated labels {some(repeated)}, expected unique ones; pass labels=[...]")
    return names


def _check_values(values: np.ndarray, names: list[str], path: Path) -> None:
    missing = [name for name, series in zip(names, values.T, strict=True) if not np.all(np.isfinite(series))]
    if missing:
        raise ValueError(f"{path} has NaN or infinite values in {some(missing)}; expected a number at every time point; interpolate, or leave the regions out")
    flat = [name for name, series in zip(names, values.T, strict=True) if len(series) > 1 and np.ptp(series) == 0.0]
    if flat:
        raise ValueError(f"{path} has no change over time in {some(flat)}; expected a signal, this is a parcel without coverage; leave the regions out")
