"""Data compared sample by sample."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..network import Network
from ..observe.base import AbstractObservation
from ..signal import Signal
from .base import AbstractLikelihood, AbstractObserved, Expected
from .recording import Recording, check_channels


class ObservedSeries(AbstractObserved):
    """The recording itself."""

    values: Float[Array, "time channel"]
    recording: Recording
    dim: str = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)
    interval: float | None = eqx.field(static=True)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        return {"y": (("time", self.dim), values)}

    def coords(self) -> dict[str, Any]:
        times = (self.interval or 1.0) * np.arange(1, self.values.shape[0] + 1)
        return {"time": ("time", times, {"units": "ms"}), self.dim: list(self.labels)}

    def batch_dims(self) -> tuple[str, ...]:
        return ("time", self.dim)


def bind_series(recording: Recording, observe: AbstractObservation, expected: Expected) -> ObservedSeries:
    """Data on the grid of the simulated signal.

    Raises:
        ValueError: other shape, other sampling interval or other labels than the simulation's.
        UnitError: a unit of another dimension than the simulation's.
    """
    predicted = expected.signal()
    if predicted.dims[0] != "time" or len(predicted.dims) != 2:
        raise ValueError(
            f"this likelihood compares time courses, but {type(observe).__name__} gives {predicted.dims}; leave the summary out of the observation"
        )
    labels = predicted.labels[1]
    if recording.values.ndim == 3:
        n = len(recording.values)
        raise ValueError(f"data has {n} trials; wrap the likelihood, nmm.likelihoods.Trials(..., {n}), or average the data over trials")
    recording = check_channels(recording, labels, predicted.dims[1]).converted(predicted.unit)
    n = predicted.values.shape[0]
    if recording.values.shape[0] != n:
        raise ValueError(
            f"data has {recording.values.shape[0]} samples, the simulation gives {n} (one every {predicted.interval:g} ms); "
            f"change the Problem's duration to {recording.values.shape[0] * predicted.interval:g} ms, or cut the data"
        )
    if recording.interval is not None and abs(recording.interval - predicted.interval) > 1e-3 * predicted.interval:  # pyright: ignore[reportOperatorIssue]
        raise ValueError(f"data has a sample every {recording.interval:g} ms, the simulation every {predicted.interval:g} ms; set the observation's period")
    return ObservedSeries(np.asarray(recording.values), recording, predicted.dims[1], labels, predicted.interval)  # pyright: ignore[reportArgumentType]


def check_noiseless(likelihood: AbstractLikelihood, network: Network) -> None:
    """Raises ValueError for a network with noise."""
    if network.noise is not None:
        raise ValueError(
            f"Problem: the {type(likelihood).__name__} likelihood of a simulation with frozen noise is no likelihood (its posterior is biased and too narrow); "
            "use nmm.likelihoods.Spectral, which integrates the noise out, LatentPath, which infers it, or Network(noise=None)"
        )


def finite(signal: Signal) -> tuple[Array, Array]:
    """The simulated values, zero if any is not finite, and whether all are."""
    valid = jnp.all(jnp.isfinite(signal.values))
    return jnp.where(valid, signal.values, 0.0), valid
