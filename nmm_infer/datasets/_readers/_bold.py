"""Parcellated BOLD from files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...units import milliseconds
from ._archives import Archive, pick, read_mat, read_npy, read_npz, texts
from ._bids import bids_step
from ._cifti import read_ptseries
from ._errors import describe, reader_for, some
from ._naming import places
from ._recording import Recording
from ._tables import counts, read_table

_SERIES = ("bold", "timeseries", "time_series", "ts", "tc", "data")
_LABELS = ("labels", "region_labels", "names", "name", "region_names", "roi_names")

# Columns that are no region; those of less common names, where they rise by the same step: time (s), TR, …
_CLOCK = ("time", "volume", "frame")

# Faster than any fMRI protocol (magnetic resonance encephalography: 100 ms): a number meant in seconds.
_SHORTEST_MS = 20.0


def read_bold(
    path: str | os.PathLike,
    *,
    repetition_time: Any = None,
    labels: Sequence[str] | None = None,
    transposed: bool = False,
    overrule: bool = False,
    leave_out: Sequence[str] = (),
    interpolate: bool = False,
) -> Any:
    """Parcellated BOLD from a file, an `xarray.DataArray` (time, region); time in ms from 0.

    | name ends in | what is read |
    |---|---|
    | .tsv .csv .txt .1D .dat, these with .gz | a row for each volume; region labels in the header, as XCP-D writes them after fMRIPrep, or in AFNI's comment |
    | .npy | `["time region"]` |
    | .npz .mat | `bold` (or `timeseries`, `ts`, `tc`, `data`) and `labels` (or `names`), in cells for each region too, as CONN writes them; `DCM.Y` of SPM |
    | .ptseries.nii | CIFTI, with nibabel |

    Args:
        path: the file.
        repetition_time: time between volumes, a Quantity or a number in ms; None: as the file or the `.json`
            beside it says.
        labels: region names; the file's own in another order put its regions in that order, new ones rename
            them; None: those of the file, or numbers.
        transposed: the file has a row for each region.
        overrule: `repetition_time` counts though the file says another one, as some programs write a
            placeholder of 1 s.
        leave_out: regions of the file that are not read, such as parcels without coverage.
        interpolate: volumes without any numbers, as censoring leaves them, are filled linearly between their
            neighbours; their numbers are in `attrs["interpolated"]`. They hold no information, so that a
            likelihood counts too many samples: fine for a few.

    Raises:
        FileNotFoundError: no such file.
        ImportError: a CIFTI file without nibabel.
        ValueError: an unknown or damaged file, NaN, regions that never change, more regions than volumes
            without labels that confirm it, or labels or a repetition time that are not known or do not fit.
    """  # noqa: E501 (a row of a table is one line)
    import xarray as xr

    path = Path(path)
    if isinstance(labels, str | os.PathLike):
        raise ValueError(
            f"read_bold(labels=...) got the text {str(labels)!r}, expected one label for each region; read"
            " the file into a list first"
        )
    given = (
        None if repetition_time is None else milliseconds(repetition_time, "read_bold(repetition_time=...)")
    )
    if given is not None and given < _SHORTEST_MS:
        raise ValueError(
            f"read_bold(repetition_time=...) got {given:g} ms, expected at least {_SHORTEST_MS:g} ms; seconds"
            f" are written {given:g} * u.second"
        )
    recording = reader_for(path, _READERS, "read_bold(...)")(path)
    step = _step(given, recording.step or bids_step(path), path, overrule)
    values = recording.values.T if transposed else recording.values
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ValueError(
            f"{path} has an array of {values.dtype} with shape {recording.values.shape}, expected numbers of"
            " shape (time, region)"
        )
    values = values.astype(np.float64)
    own, across = (recording.rows, recording.columns) if transposed else (recording.columns, recording.rows)
    if labels is None and across and not counts(across) and (own is None or counts(own)):
        raise ValueError(
            f"{path} names {'columns' if transposed else 'rows'}, {some(across)}, and only counts the others;"
            " expected a name for each region;"
            f" {'leave transposed out' if transposed else 'if these are regions pass transposed=True'}, or"
            " name the regions, labels=[...]"
        )
    names = _checked_names(list(labels) if labels is not None else own, values.shape, path)
    if labels is not None and own is not None:
        values = values[:, places(labels, own, path)]
    kept = _kept(names, leave_out, path)
    names, values = [names[i] for i in kept], values[:, kept]
    filled = _empty(values) if interpolate else np.zeros(0, dtype=int)
    values = _interpolated(values, filled)
    _check_values(values, names, path)
    coords = {"time": ("time", step * np.arange(len(values)), {"units": "ms"}), "region": names}
    attrs = {"units": "1", "repetition_time_ms": step, "provenance": path.name} | (
        {"interpolated": filled} if len(filled) else {}
    )
    return xr.DataArray(values, dims=("time", "region"), coords=coords, name="bold", attrs=attrs)


def _step(given: float | None, own: float | None, path: Path, overrule: bool) -> float:
    """Time between volumes in ms."""
    if own is None and given is None:
        raise ValueError(
            f"{path} does not say the time between volumes, nor does a .json beside it; pass"
            " read_bold(repetition_time=2 * u.second)"
        )
    if own is not None and given is not None and abs(own - given) > 0.01 * given and not overrule:
        raise ValueError(
            f"{path} (or the .json beside it) says {own:g} ms between volumes, read_bold(repetition_time=...)"
            f" got {given:g} ms; pass the one that is right, with overrule=True if the file is wrong"
        )
    return given or own  # pyright: ignore[reportReturnType]


def _kept(names: list[str], leave_out: Sequence[str], path: Path) -> list[int]:
    out = [leave_out] if isinstance(leave_out, str) else [str(name) for name in leave_out]
    unknown = [name for name in out if name not in names]
    if unknown:
        raise ValueError(
            f"read_bold(leave_out=...) names {some(unknown)}, expected regions of {path}, such as"
            f" {some(names)}"
        )
    return [i for i, name in enumerate(names) if name not in out]


def _from_table(path: Path) -> Recording:
    table = read_table(path)
    clock = [
        name
        for name, column in zip(table.columns or (), table.values.T, strict=False)
        if name.lower() in _CLOCK or _is_ramp(column)
    ]
    if clock:
        raise ValueError(
            f"{path} has a column {clock[0]!r}, expected a column for each region and nothing else; remove it"
        )
    return Recording(table.values, table.rows, table.columns)


def _is_ramp(series: np.ndarray) -> bool:
    """Whether a series rises by the same step from volume to volume, which no signal does."""
    steps = np.diff(series)
    return len(steps) > 0 and bool(np.all(steps > 0)) and float(np.ptp(steps)) <= 1e-3 * float(steps.mean())


def _from_npy(path: Path) -> Recording:
    return Recording(read_npy(path))


def _from_npz(path: Path) -> Recording:
    return _named(read_npz(path), path)


def _from_mat(path: Path) -> Recording:
    return _named(read_mat(path), path)


def _named(archive: Archive, path: Path) -> Recording:
    values = pick(archive, _SERIES, path)
    if values is None and "DCM.Y.y" in archive:
        return _from_dcm(archive)
    if values is None:
        other = (
            "; evoked responses of FieldTrip are read by read_evoked"
            if any(key.endswith((".avg", ".dimord")) for key in archive)
            else ""
        )
        raise ValueError(
            f"{path} holds {describe(archive)}; expected the series under one of {', '.join(_SERIES)}; rename"
            f" it, or save it as .npy{other}"
        )
    names = texts(pick(archive, _LABELS, path))
    if values.dtype == object:
        return Recording(_side_by_side(values, path), names, names)
    return Recording(values, names, names)


def _from_dcm(archive: Archive) -> Recording:
    """The data of a DCM of SPM: DCM.Y.y, DCM.Y.dt in seconds, DCM.Y.name."""
    names = texts(archive["DCM.Y.name"].load()) if "DCM.Y.name" in archive else None
    step = 1000.0 * float(np.ravel(archive["DCM.Y.dt"].load())[0]) if "DCM.Y.dt" in archive else None
    return Recording(archive["DCM.Y.y"].load(), names, names, step)


def _side_by_side(cells: np.ndarray, path: Path) -> np.ndarray:
    """One series from a cell for each region."""
    series = [np.squeeze(np.asarray(cell)) for cell in np.ravel(cells)]
    shapes = sorted({one.shape for one in series})
    if len(shapes) > 1 or len(shapes[0]) != 1:
        raise ValueError(
            f"{path} has a cell array of arrays of the shapes {', '.join(map(str, shapes[:3]))}, expected one"
            " series of the same length in each cell"
        )
    return np.stack(series, axis=1)


_TEXT = (".tsv", ".csv", ".txt", ".1d", ".dat")
_READERS: dict[str, Callable[[Path], Recording]] = {
    **dict.fromkeys((*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT)), _from_table),
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
                f"{path} has {n_times} time points of {n_regions} regions, expected more time points than"
                " regions; if it has a row for each region pass transposed=True, if it is right confirm it"
                " with labels=[...], one for each region"
            )
        return [str(i) for i in range(n_regions)]
    if len(names) != n_regions:
        hint = (
            "as many as time points: flip transposed="
            if len(names) == n_times
            else "pass one for each region"
        )
        raise ValueError(
            f"{path} has {n_regions} regions and {n_times} time points, but there are {len(names)} labels,"
            f" expected {n_regions}; {hint}"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{path} has repeated labels {some(repeated)}, expected unique ones; pass labels=[...]"
        )
    return names


def _empty(values: np.ndarray) -> np.ndarray:
    """Volumes without any number."""
    return np.flatnonzero(~np.isfinite(values).any(axis=1))


def _interpolated(values: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    """Series with some volumes filled linearly from the others; as the nearest one where they lie
    at an end.
    """
    if not len(volumes) or len(volumes) == len(values):
        return values
    known = np.setdiff1d(np.arange(len(values)), volumes)
    return np.stack([np.interp(np.arange(len(values)), known, series[known]) for series in values.T], axis=1)


def _check_values(values: np.ndarray, names: list[str], path: Path) -> None:
    gone = _empty(values)
    if len(gone):
        raise ValueError(
            f"{path} has no numbers at all in {len(gone)} of {len(values)} volumes,"
            f" {some([str(volume) for volume in gone])} (the first is 0), as censoring leaves them; expected"
            " a number at every time point; pass interpolate=True, or save the series before censoring"
        )
    missing = [name for name, series in zip(names, values.T, strict=True) if not np.all(np.isfinite(series))]
    if missing:
        raise ValueError(
            f"{path} has NaN or infinite values in {some(missing)}; expected a number at every time point;"
            " interpolate, or pass leave_out=[...]"
        )
    flat = [
        name
        for name, series in zip(names, values.T, strict=True)
        if len(series) > 1 and np.ptp(series) == 0.0
    ]
    if flat:
        raise ValueError(
            f"{path} has no change over time in {some(flat)}; expected a signal, this is a parcel without"
            " coverage; pass leave_out=[...]"
        )
    ramps = [
        name for name, series in zip(names, values.T, strict=True) if len(series) > 3 and _is_ramp(series)
    ]
    if ramps:
        raise ValueError(
            f"{path} rises by the same step at every time point in {some(ramps)}; expected a signal, this is"
            " a count or a time; pass leave_out=[...]"
        )
