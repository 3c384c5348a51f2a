"""Functional connectivity."""

import jax.numpy as jnp

from ..signal import Signal
from .base import AbstractObservation, activity_of


class FunctionalConnectivity(AbstractObservation):
    """Pearson correlation between the time courses of regions (or sensors) over the whole signal."""

    def __call__(self, activity):
        signal = activity_of(activity, None)
        centred = signal.values - signal.values.mean(axis=0)
        covariance = centred.T @ centred
        sd = jnp.sqrt(jnp.diagonal(covariance))
        dim, labels = signal.dims[1], signal.labels[1]
        return Signal(covariance / (sd[:, None] * sd[None, :]), None, (dim, f"{dim}_2"), (labels, labels), "fc", "1")
