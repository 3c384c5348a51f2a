"""Time courses around a level of their own."""

import equinox as eqx
import numpy as np

from ..._regional import in_order
from ...parameters import Slot, param
from .._base import AbstractObservation, activity_of


class Level(AbstractObservation):
    """x(t) - mean of x over time + level, for each region or sensor.

    For measurements whose absolute level means nothing, such as log power at a contact: nothing that a
    parameter does to the mean has to be taken back by an offset. With an offset for each contact in its
    place, data hold the sum of both, and a sampler has to follow the ridge.

    Args:
        level: mean over time of what is measured, one number or one for each channel;
            `nmm.Prior(dist.Normal(0.0, 1.0).expand([n]).to_event(1))` is one of n.
        variable: variable of the model, where a trajectory is observed; None: its observable.

    Raises:
        ValueError: when something is observed: a level for other channels than there are.
    """

    level: Slot = param(0.0, doc="mean over time of what is measured", low=-1e6, high=1e6)
    variable: str | None = eqx.field(static=True, default=None)

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        channels, level = signal.values.shape[1:], in_order(self.level, signal.labels[-1])
        if np.shape(level) not in ((), channels):
            raise ValueError(
                f"Level(level=...) has shape {np.shape(level)}, expected a scalar or {channels}: one for each"
                f" {signal.dims[-1]}"
            )
        return signal.with_values(signal.values - signal.values.mean(axis=0) + level)
