"""What a result was made with."""

import datetime
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def provenance() -> dict[str, Any]:
    """Versions, device and time, as attributes that NetCDF can hold."""
    import jax

    packages = ("nmm-infer", "jax", "numpyro", "blackjax", "arviz", "diffrax", "xarray", "numpy")
    device = jax.devices()[0]
    return {
        **{f"{name.replace('-', '_')}_version": _version(name) for name in packages},
        "python_version": platform.python_version(),
        "device": f"{len(jax.devices())} x {device.platform} ({device.device_kind})",
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        # A folder of source code on the path has no version, and is no reason to lose the draws of an hour.
        return "not installed"
