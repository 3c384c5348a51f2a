"""EEG, MEG and sEEG through a gain matrix."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._labelled import order, ordered, read, texts
from .._mne import KINDS, gain_of_forward
from .._regional import Regional, in_order
from .._tools._real import real
from ._base import AbstractLinear, activity_of
from ._fold import AbstractPointwise

NANO = 1e-9


class LeadField(AbstractLinear, AbstractPointwise):
    """Sensor signals: gain times the activity of the regions.

    Args:
        gain: `["sensor region"]`, an array (a traced or inferred one too), or an `xarray.DataArray` or
            `pandas.DataFrame` whose labelled regions are put in the order of the network's. Its `units` are
            those of the sensors for an activity of 1, unless they are per dipole moment, such as V/(A m):
            activity is no dipole moment, and its factor belongs into the gain.
        sensors: sensor labels; None: those of the gain, or "0", "1", …
        average_reference: subtract the mean over sensors, as EEG recorded against it needs.
        variable: variable of the model; None: its observable.
        unit: of the sensor signal, which data are converted to; None: that of the gain, or not known
            ("a.u.").

    Raises:
        ValueError: NaN, not a matrix, or (when something is observed) other regions than there are.
    """

    gain: Float[Array, "sensor region"] | Regional
    sensors: tuple[str, ...] = eqx.field(static=True)
    average_reference: bool = eqx.field(static=True)
    variable: str | None = eqx.field(static=True)
    unit: str = eqx.field(static=True)

    def __init__(
        self,
        gain: Any,
        sensors: Any = None,
        *,
        average_reference: bool = False,
        variable: str | None = None,
        unit: str | None = None,
    ):
        what, found = "LeadField(gain=...)", read(gain)
        sensors = None if sensors is None else texts(sensors, "LeadField(sensors=...)")
        regions: tuple[str, ...] | None = None
        if found is not None:
            unit = _of_sensors(found.unit) if unit is None else unit
            found = ordered(found, {"sensor": None, "region": None}, "", what)
            gain, (named, regions) = found.values, found.labels
            # The same names in another order are not other names.
            rows = (
                order(named, sensors, "sensor", what)
                if named and sensors and set(named) == set(sensors)
                else slice(None)
            )
            gain, sensors = gain[rows], named if sensors is None else sensors
        gain = gain if isinstance(gain, jnp.ndarray) and not np.iscomplexobj(gain) else real(gain, what)
        if gain.ndim != 2 or 0 in gain.shape or not (isinstance(gain, Tracer) or np.all(np.isfinite(gain))):
            raise ValueError(
                f"{what} has shape {gain.shape} or NaN, expected a finite matrix gain['sensor region']"
            )
        self.gain = gain if regions is None else Regional(gain, regions, what)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
        self.sensors = tuple(str(i) for i in range(gain.shape[0])) if sensors is None else sensors
        if len(self.sensors) != gain.shape[0]:
            raise ValueError(
                f"LeadField(sensors=...) has {len(self.sensors)} labels, expected {gain.shape[0]}: one for"
                " each row of the gain"
            )
        self.average_reference = average_reference
        self.variable = variable
        self.unit = unit or "a.u."

    @classmethod
    def from_forward(
        cls,
        forward: Any,
        parcels: Sequence[Any] | Mapping[str, Any],
        orientation: Any = None,
        *,
        moment: float = 1.0,
        picks: str = "eeg",
        average_reference: bool = False,
        variable: str | None = None,
    ) -> Self:
        """Parcels of a forward solution of MNE-Python, whose dipoles are averaged: a parcel's moment is
        spread evenly over it.

        Args:
            forward: `mne.Forward`, with free orientations; sensors in `forward["info"]["bads"]` are left out.
            parcels: a list of `mne.Label`, or a dictionary, name of a region → numbers of its sources.
            orientation: None: normal to the surface; a direction [x, y, z], or one for each source.
            moment: what an activity of 1 is, in nA m.
            picks: "eeg", "mag", "grad" or "seeg".
            average_reference, variable: as of a `LeadField`.

        Returns:
            With a signal in µV, fT or fT/cm. How well a parcel's dipoles agree is in
            `nmm.datasets.gain_of_forward(...)["coherence"]`: below about 0.3 they cancel each other.

        Raises:
            ValueError: no sources in any parcel, or no orientation where there is no surface.
        """
        gain = gain_of_forward(forward, parcels, orientation, picks=picks)
        kind = KINDS[picks]
        return cls(
            gain.drop_vars("coherence") * (kind.factor * NANO * moment),
            average_reference=average_reference,
            variable=variable,
            unit=kind.unit,
        )

    def reference(self) -> Float[np.ndarray, "sensor sensor"]:
        """What referencing does to sensor signals: identity, or I - 1 1ᵀ/n."""
        n = len(self.sensors)
        return np.eye(n) - 1.0 / n if self.average_reference else np.eye(n)

    def referenced_gain(self) -> Float[Array, "sensor region"]:
        """The gain after referencing."""
        # Columns of labelled regions are in order wherever the network is known; elsewhere they are taken as
        # they lie.
        gain = self.gain.values if isinstance(self.gain, Regional) else self.gain
        return gain - gain.mean(axis=0) if self.average_reference else gain  # pyright: ignore[reportReturnType]

    def noise_covariance(self, covariance: Float[Array, "sensor sensor"]) -> Float[Array, "sensor sensor"]:
        """Covariance of sensor noise after referencing, from that before: R C Rᵀ.

        Noise that is independent at the electrodes is correlated after referencing, and has rank
        n - 1; a likelihood that forgets this counts one channel too many.
        """
        reference = self.reference()
        return reference @ covariance @ reference.T  # pyright: ignore[reportReturnType]

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        gain = in_order(self, signal.labels[1]).referenced_gain()
        n = gain.shape[1]
        if signal.values.shape[-1] != n:
            raise ValueError(
                f"LeadField(gain=...) has {n} regions, the activity has {signal.values.shape[-1]}; select the"
                " regions, e.g. connectome.select(labels)"
            )
        return signal.with_values(
            signal.values @ gain.T,
            dims=("time", "sensor"),
            labels=((), self.sensors),
            name="sensor",
            unit=self.unit,
        )

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


def _of_sensors(unit: str) -> str:
    """The unit of sensors that a gain has in `unit`; not known where that is per dipole moment."""
    return "" if re.search(r"/\s*\(?\s*[a-zµμ]?A\W*m\b", unit) else unit
