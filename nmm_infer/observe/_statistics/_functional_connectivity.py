"""Functional connectivity."""

import equinox as eqx
import jax.numpy as jnp

from ..._signal import Signal
from .._base import period_field
from ._moments import pairs
from ._statistic import AbstractStatistic


class FunctionalConnectivity(AbstractStatistic):
    """Pearson correlation between the time courses of regions (or sensors) over the whole signal.

    Args:
        period: time between the samples that count; None: all samples of what is observed.
        variable: variable of the model; None: its observable.
    """

    products = staticmethod(pairs)
    period: float | None = period_field()
    variable: str | None = eqx.field(static=True, default=None)

    def conclude(self, moments, signal):
        sd = jnp.sqrt(jnp.diagonal(moments.products))
        dim, labels = signal.dims[1], signal.labels[1]
        return Signal(
            moments.products / (sd[:, None] * sd[None, :]),
            None,
            (dim, f"{dim}_2"),
            (labels, labels),
            "fc",
            "1",
        )
