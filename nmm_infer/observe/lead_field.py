"""EEG, MEG and sEEG through a gain matrix."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..signal import Signal
from ..stream import AbstractPointwise
from .base import AbstractLinear, activity_of


class LeadField(AbstractLinear, AbstractPointwise):
    """Sensor signals: gain times the activity of the regions.

    Args:
        gain: `["sensor region"]`, an array (a traced or inferred one too) or an `xarray.DataArray`
            with those dims, whose labels and unit are kept.
        sensors: sensor labels; None: those of the DataArray, or "0", "1", …
        average_reference: subtract the mean over sensors, as EEG recorded against it needs.
        variable: variable of the model; None: its observable.
        unit: of the sensor signal, for tables and plots.

    Raises:
        ValueError: NaN, or not a matrix.
    """

    gain: Float[Array, "sensor region"]
    sensors: tuple[str, ...] = eqx.field(static=True)
    regions: tuple[str, ...] | None = eqx.field(static=True)
    average_reference: bool = eqx.field(static=True)
    variable: str | None = eqx.field(static=True)
    unit: str = eqx.field(static=True)

    def __init__(self, gain: Any, sensors: Any = None, *, average_reference: bool = False, variable: str | None = None, unit: str = "a.u."):
        regions = None
        if not isinstance(gain, np.ndarray | jnp.ndarray) and hasattr(gain, "dims"):  # an xarray.DataArray, which is not imported here
            if set(gain.dims) != {"sensor", "region"}:
                raise ValueError(f"LeadField(gain=...) has dims {gain.dims}, expected ('sensor', 'region')")
            gain = gain.transpose("sensor", "region")
            sensors = [str(x) for x in gain["sensor"].values] if sensors is None and "sensor" in gain.coords else sensors
            regions = tuple(str(x) for x in gain["region"].values) if "region" in gain.coords else None
            gain = gain.values
        gain = gain if isinstance(gain, jnp.ndarray) else np.asarray(gain, dtype=np.float64)
        if gain.ndim != 2 or (isinstance(gain, np.ndarray) and not np.all(np.isfinite(gain))):
            raise ValueError(f"LeadField(gain=...) has shape {gain.shape} or NaN, expected a finite matrix gain['sensor region']")
        self.gain = gain  # pyright: ignore[reportAttributeAccessIssue]
        self.sensors = tuple(str(i) for i in range(gain.shape[0])) if sensors is None else tuple(str(s) for s in sensors)
        if len(self.sensors) != gain.shape[0]:
            raise ValueError(f"LeadField(sensors=...) has {len(self.sensors)} labels, expected {gain.shape[0]}: one for each row of the gain")
        self.regions = regions
        self.average_reference = average_reference
        self.variable = variable
        self.unit = unit

    def reference(self) -> Float[np.ndarray, "sensor sensor"]:
        """What referencing does to sensor signals: identity, or I - 1 1ᵀ/n."""
        n = len(self.sensors)
        return np.eye(n) - 1.0 / n if self.average_reference else np.eye(n)

    def referenced_gain(self) -> Float[Array, "sensor region"]:
        """The gain after referencing."""
        return self.gain - self.gain.mean(axis=0) if self.average_reference else self.gain

    def noise_covariance(self, covariance: Float[Array, "sensor sensor"]) -> Float[Array, "sensor sensor"]:
        """Covariance of sensor noise after referencing, from that before: R C Rᵀ.

        Noise that is independent at the electrodes is correlated after referencing, and has rank
        n - 1; a likelihood that forgets this counts one channel too many.
        """
        reference = self.reference()
        return reference @ covariance @ reference.T  # pyright: ignore[reportReturnType]

    def each(self, values):
        return values @ self.referenced_gain().T

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        if signal.values.shape[-1] != self.gain.shape[1]:
            raise ValueError(
                f"LeadField(gain=...) has {self.gain.shape[1]} regions, the activity has {signal.values.shape[-1]}; "
                "select the regions, e.g. connectome.select(labels)"
            )
        if self.regions and signal.labels[1] and self.regions != signal.labels[1]:
            wrong = [f"{theirs} ≠ {ours}" for theirs, ours in zip(self.regions, signal.labels[1], strict=True) if theirs != ours]
            raise ValueError(f"LeadField(gain=...) and the network name regions differently ({', '.join(wrong[:3])}, …); reorder one of them")
        return Signal(self.each(signal.values), signal.interval, ("time", "sensor"), ((), self.sensors), "sensor", self.unit)

    @property
    def mixes(self):
        return True

    def respond(self, omega, response):
        return jnp.einsum("sr,frk->fsk", self.referenced_gain(), response)

    def basis(self):
        if not self.average_reference:
            return None
        values, vectors = np.linalg.eigh(self.reference())
        return vectors[:, values > 0.5]
