"""The group connectome in the Desikan–Killiany atlas, and the functional connectivity that goes with it."""

from typing import Any

import numpy as np

from .._networks._connectome import Connectome
from ._archive import load, strings

_SOURCE = {
    "provenance": (
        "Schirner, Deco & Ritter 2023, doi:10.1038/s41467-023-38626-y; from data of the Human Connectome"
        " Project, WU-Minn Consortium (1U54MH091657)"
    ),
    "licence": "CC-BY-4.0",
}


def desikan_killiany(*, cortical: bool = False) -> Connectome:
    """A group average of 84 regions: normalised streamline counts, tract lengths (mm), MNI centres (mm).

    The weights are symmetric, connect every pair of regions and span almost seven decades:
    normalise them, for instance with `log_weights()` or `scaled_by_mean_strength()`. Schirner, Deco & Ritter
    2023, doi:10.1038/s41467-023-38626-y, CC-BY-4.0; acknowledge the Human Connectome Project.

    Args:
        cortical: only the 68 cortical regions, in the order of `lemon_bold()` and `leadfield()`.
    """
    data = load("desikan_killiany")
    keep = _keep(data, cortical)
    return Connectome(
        data["weights"].astype(np.float64)[np.ix_(keep, keep)],
        lengths=data["tract_lengths_mm"].astype(np.float64)[np.ix_(keep, keep)],
        labels=strings(data["labels"][keep]),
        centres=data["centres_mni_mm"][keep],
    )


def group_fc(*, cortical: bool = False) -> Any:
    """Functional connectivity (Pearson r) of the same group, an `xarray.DataArray` (region, region_2).

    Args:
        cortical: only the 68 cortical regions.
    """
    import xarray as xr

    data = load("desikan_killiany")
    keep = _keep(data, cortical)
    names = strings(data["labels"][keep])
    fc = data["fc"].astype(np.float64)[np.ix_(keep, keep)]
    return xr.DataArray(
        fc,
        dims=("region", "region_2"),
        coords={"region": names, "region_2": names},
        name="functional_connectivity",
        attrs={"units": "1"} | _SOURCE,
    )


def _keep(data: dict[str, np.ndarray], cortical: bool) -> np.ndarray:
    return np.flatnonzero(data["cortical"]) if cortical else np.arange(len(data["labels"]))
