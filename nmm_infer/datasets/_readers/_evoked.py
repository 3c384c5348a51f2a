"""Evoked responses of EEG and MEG from files."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ._archives import Archive, read_mat, texts
from ._errors import describe, reader_for, some

# What FieldTrip calls the axes that we have.
_AXES = {"chan": "sensor", "time": "time", "rpt": "trial", "subj": "trial"}

# Where a structure has both, the average is what was asked for.
_VALUES = ("avg", "trial")


def read_evoked(path: str | os.PathLike, *, variable: str | None = None, unit: str | None = None) -> Any:
    """Evoked responses that FieldTrip saved (`ft_timelockanalysis`, `.mat` of any version): an
    `xarray.DataArray` (time, sensor), or (trial, time, sensor).

    Time is in ms, from where the file begins: a likelihood that simulates wants its data from one interval
    after time 0 on, `data.sel(time=slice(interval, None))`.

    Args:
        path: the file.
        variable: name of the structure, where a file holds several.
        unit: of the values, such as "uV"; None: as the file says in `chanunit`, or not known.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, no such structure or several, other axes than channels, time and trials,
            NaN, or irregular times.
    """
    path = Path(path)
    archive = reader_for(path, {".mat": read_mat}, "read_evoked(...)")(path)
    name, field = _chosen(archive, variable, path)

    def loaded(what: str) -> np.ndarray:
        return archive[f"{name}.{what}"].load()

    values, labels = np.asarray(loaded(field)), texts(loaded("label")) or []
    times = 1000.0 * np.ravel(loaded("time"))
    return _evoked(
        values, _dims(archive, name, values, path), labels, times, unit or _unit(archive, name), path
    )


def _chosen(archive: Archive, variable: str | None, path: Path) -> tuple[str, str]:
    """The structure and the field of its values."""
    structures = {key.rpartition(".")[0] for key in archive if key.rpartition(".")[2] == "label"}
    found = {
        name: field
        for name in structures
        for field in reversed(_VALUES)
        if f"{name}.{field}" in archive and f"{name}.time" in archive
    }
    if variable is not None:
        found = {name: field for name, field in found.items() if name == variable}
    if len(found) != 1:
        what = f"a structure {variable!r}" if variable else "one structure"
        hint = (
            f"; choose one of {some(sorted(found))}, read_evoked(variable=...)"
            if found
            else ", as ft_timelockanalysis makes it"
        )
        raise ValueError(
            f"{path} holds {describe(archive)}; expected {what} with the fields avg (or trial), time and"
            f" label{hint}"
        )
    return next(iter(found.items()))


def _dims(archive: Archive, name: str, values: np.ndarray, path: Path) -> tuple[str, ...]:
    if values.dtype.kind not in "iuf":
        raise ValueError(
            f"{path} has values of {values.dtype}, expected numbers [channel, time]; cells with a trial each"
            " are made one array by ft_timelockanalysis (cfg.keeptrials = 'yes')"
        )
    said = texts(archive[f"{name}.dimord"].load()) if f"{name}.dimord" in archive else None
    words = said[0].split("_") if said else ["rpt", "chan", "time"][-values.ndim :]
    # `dimord` is that of the trials where the average stands beside them.
    words = [word for word in words if word != "rpt"] if len(words) == values.ndim + 1 else words
    dims = tuple(_AXES.get(word, word) for word in words)
    if len(dims) != values.ndim or set(dims) - set(_AXES.values()) or not {"sensor", "time"} <= set(dims):
        raise ValueError(
            f"{path} has values of shape {values.shape} with the axes {'_'.join(words)}, expected chan_time"
            " or rpt_chan_time; average over the others"
        )
    return dims


def _unit(archive: Archive, name: str) -> str:
    units = {
        unit
        for key in (f"{name}.chanunit", f"{name}.elec.chanunit")
        if key in archive
        for unit in texts(archive[key].load()) or ()
    }
    return units.pop() if len(units) == 1 else ""


def _evoked(
    values: np.ndarray, dims: tuple[str, ...], labels: list[str], times: np.ndarray, unit: str, path: Path
) -> Any:
    import xarray as xr

    sizes = dict(zip(dims, values.shape, strict=True))
    if (sizes["sensor"], sizes["time"]) != (len(labels), len(times)):
        raise ValueError(
            f"{path} has values of shape {values.shape}, expected one for each of {len(labels)} labels and"
            f" {len(times)} times"
        )
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise ValueError(
            f"{path} has repeated labels {some(repeated)}, expected unique ones; rename the channels"
        )
    steps = np.diff(times)
    if len(steps) == 0 or not np.all(steps > 0) or np.ptp(steps) > 1e-3 * steps.mean():
        raise ValueError(
            f"{path} has irregular or decreasing times, expected evenly spaced samples; resample first"
            " (ft_resampledata)"
        )
    array = xr.DataArray(
        values.astype(np.float64),
        dims=dims,
        coords={"time": ("time", times, {"units": "ms"}), "sensor": labels},
        name="evoked",
        attrs={"units": unit, "provenance": path.name},
    ).transpose(..., "time", "sensor")
    gaps = [label for label in labels if not np.all(np.isfinite(array.sel(sensor=label).values))]
    if gaps:
        raise ValueError(
            f"{path} has NaN or infinite values in {some(gaps)}; expected numbers; leave these channels out"
            " (ft_selectdata) or interpolate them"
        )
    return array
