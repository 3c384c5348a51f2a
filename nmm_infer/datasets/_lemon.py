"""Resting-state BOLD of one subject."""

from typing import Any

import numpy as np

from ._archive import load, strings


def lemon_bold(*, confounds_removed: bool = False) -> Any:
    """Resting-state BOLD of one person in the 68 cortical parcels, an `xarray.DataArray` (time, region).

    652 volumes, 1.4 s apart; time in ms. Means over parcels of z-scored vertices, without unit, and
    band-limited (almost no power above 0.05 Hz): good for covariance, functional connectivity and a
    spectral likelihood inside the pass band, not for a likelihood with independent samples. OpenNeuro
    ds000221, Mendes et al. 2019, doi:10.1038/sdata.2018.307, CC0.

    Args:
        confounds_removed: after regression of motion and other confounds.
    """
    import xarray as xr

    data = load("lemon_bold")
    # In float64: 1.4 s in float32 is 1399.99998 ms.
    repetition_time = round(float(data["TR"]) * 1000.0, 3)
    values = data["bold_confounds_removed" if confounds_removed else "bold"].T.astype(np.float64)
    attrs = {
        "units": "1",
        "repetition_time_ms": repetition_time,
        "provenance": (
            "OpenNeuro ds000221, sub-010188 ses-02 rest AP run-01; Mendes et al. 2019,"
            " doi:10.1038/sdata.2018.307"
        ),
        "licence": "CC0",
    }
    times = ("time", repetition_time * np.arange(len(values)), {"units": "ms"})
    return xr.DataArray(
        values,
        dims=("time", "region"),
        coords={"time": times, "region": strings(data["labels"])},
        name="bold",
        attrs=attrs,
    )
