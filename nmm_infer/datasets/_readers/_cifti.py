"""Parcellated time series in CIFTI files, as HCP and XCP-D write them."""

from pathlib import Path
from typing import Any

import numpy as np

from ._errors import intact
from ._recording import Recording


def read_ptseries(path: Path) -> Recording:
    """The series of a `.ptseries.nii`, with the labels of its parcels and the time between volumes.

    Raises:
        ImportError: nibabel is not installed.
    """
    with intact(path, "a CIFTI parcellated time series"):
        image = _image(path)
        series, parcels = (image.header.get_axis(i) for i in (0, 1))
        values = np.asarray(image.get_fdata())
        step = float(series.step) * 1000.0 if series.unit.upper() == "SECOND" else None
        return Recording(values, columns=[str(name) for name in parcels.name], step=step)


def read_pconn(path: Path) -> tuple[np.ndarray, list[str]]:
    """The matrix of a `.pconn.nii` and the labels of its parcels.

    Raises:
        ImportError: nibabel is not installed.
    """
    with intact(path, "a CIFTI parcellated connectivity matrix"):
        image = _image(path)
        return np.asarray(image.get_fdata()), [str(name) for name in image.header.get_axis(0).name]


def _image(path: Path) -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(
            f"reading {path.name} needs nibabel, which is not installed; run pip install 'nmm-infer[neuro]'"
        ) from error
    return nibabel.load(path)
