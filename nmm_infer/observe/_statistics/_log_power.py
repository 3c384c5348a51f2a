"""Power of seizures at the contacts of depth electrodes."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..._regional import Regional, in_order
from ..._tools._kinds import kind_of
from ...parameters import Slot, param
from .._base import activity_of
from .._fold import AbstractPointwise
from .._lead_field import LeadField


class LogPower(AbstractPointwise):
    r"""Logarithm of the power at sensors: y_s = amplitude log(Σ_i gain_si exp(x_i)) + offset_s.

    x is the logarithm of a region's power, so that powers add up at a contact, and a near source hides
    far ones. The envelope of SEEG in the Bayesian virtual epileptic patient at the level of sensors
    (Hashemi et al. 2020, NeuroImage 217:116839; Jha et al. 2022, Mach Learn Sci Technol 3:035004).

    Args:
        sensors: the gain, `["sensor region"]`, non-negative and without average reference; its variable is x.
        amplitude: what a unit of x is worth at a sensor.
        offset: one number, or one for each sensor; a `Prior` for each is one of a vector,
            `nmm.Prior(dist.Normal(0.0, 1.0).expand([n]).to_event(1))`.

    Raises:
        ValueError: a gain that is negative, a sensor that sees nothing, or slots that do not fit the sensors.
    """

    sensors: LeadField
    amplitude: Slot = param(1.0, doc="factor of the logarithm", low=1e-3, high=1e3)
    offset: Slot = param(0.0, doc="added to the logarithm", low=-1e3, high=1e3)

    def __check_init__(self):
        if not isinstance(self.sensors, LeadField):
            raise TypeError(
                f"LogPower(sensors=...) got {kind_of(self.sensors)}, expected nmm.observe.LeadField(gain)"
            )
        if self.sensors.average_reference:
            raise ValueError(
                "LogPower(sensors=...) has an average reference, but power is positive: leave"
                " average_reference out"
            )
        gain = self.sensors.gain.values if isinstance(self.sensors.gain, Regional) else self.sensors.gain
        if not isinstance(gain, Tracer):
            gain = np.asarray(gain)
            if np.any(gain < 0):
                raise ValueError(
                    f"LogPower(sensors=...) has a gain of {gain.min():g}, expected none below 0: powers"
                    " add up"
                )
            if np.any(gain.sum(axis=1) == 0):
                blind = self.sensors.sensors[int(np.argmin(gain.sum(axis=1)))]
                raise ValueError(
                    f"LogPower(sensors=...): sensor {blind!r} sees no region, so that its power would be 0;"
                    " leave it out"
                )
        n = len(self.sensors.sensors)
        for name in ("amplitude", "offset"):
            shape = np.shape(value) if eqx.is_array_like(value := getattr(self, name)) else ()
            if shape not in ((), (n,)):
                raise ValueError(
                    f"LogPower({name}=...) has shape {shape}, expected a scalar or shape ({n},): one value"
                    " for each sensor"
                )

    @property
    def variable(self) -> str | None:
        return self.sensors.variable

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        # The largest exponent is taken out, so that nothing overflows while a sampler tries things.
        top = signal.values.max(axis=-1, keepdims=True)
        power = self.sensors(signal.with_values(jnp.exp(signal.values - top)))
        amplitude, offset = in_order((self.amplitude, self.offset), signal.labels[1])
        return power.with_values(amplitude * (jnp.log(power.values) + top) + offset, name="log_power")
