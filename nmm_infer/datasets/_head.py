"""A template head: what 64 EEG electrodes see of the cortical parcels, and where the parcels lie."""

from typing import Any

import numpy as np

from ._archive import load, strings

_AXES = ["x", "y", "z"]
_METRE = 1000.0  # mm


def leadfield() -> Any:
    """EEG gain of 64 BioSemi channels for the 68 cortical parcels, an `xarray.DataArray` (sensor, region).

    In V/(A m): the potential that a current dipole of 1 A m, spread evenly over the parcel and normal
    to the surface, makes at an electrode. Three-layer boundary-element model of the fsaverage head.

    The reference is at infinity. For the average reference subtract the mean over sensors, from the
    gain and from the data alike: `gain - gain.mean("sensor")`.

    Coordinates: on `sensor` the position `x` (right), `y` (front), `z` (up) in the head frame (mm); on
    `region` the `coherence`, the share of a parcel's dipoles that survives averaging (1: a flat parcel; those
    near 0 cancel themselves and are poorly seen), and the `area` (mm^2).
    """
    import xarray as xr

    data = load("leadfield_eeg64")
    coords = {
        "sensor": strings(data["eeg_names"]),
        "region": strings(data["labels"]),
        **{
            axis: ("sensor", column * _METRE, {"units": "mm"})
            for axis, column in zip(_AXES, data["eeg_pos_head_m"].astype(np.float64).T, strict=True)
        },
        "coherence": ("region", data["coherence"].astype(np.float64), {"units": "1"}),
        "area": ("region", data["area_mm2"].astype(np.float64), {"units": "mm^2"}),
    }
    attrs = {
        "units": "V/(A m)",
        "reference": "infinity",
        "provenance": (
            "computed with MNE-Python on the fsaverage template head, three-layer boundary-element model"
        ),
        "licence": "derived; fsaverage under the FreeSurfer licence",
    }
    return xr.DataArray(
        data["gain"].astype(np.float64), dims=("sensor", "region"), coords=coords, name="gain", attrs=attrs
    )


def cortex_centres() -> Any:
    """Centres of the 68 cortical parcels on the fsaverage surface (mm), an `xarray.DataArray` (region, axis).

    For pictures: they lie on the cortex, where the MNI centres of `desikan_killiany()` are centres of volume.
    """
    import xarray as xr

    data = load("leadfield_eeg64")
    coords = {"region": strings(data["labels"]), "axis": _AXES}
    return xr.DataArray(
        data["surface_centres_mm"].astype(np.float64),
        dims=("region", "axis"),
        coords=coords,
        name="cortex_centres",
        attrs={"units": "mm"},
    )
