"""Data compared sample by sample."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._networks._network import Network
from ..._signal import Signal
from ...observe._base import AbstractObservation
from ...observe._chain import Chain
from ...observe._lead_field import LeadField
from .._base import AbstractLikelihood, AbstractObserved, Expected
from .._failure import Failure, because
from .._rank import rank_of
from .._recording import Recording, check_channels


class ObservedSeries(AbstractObserved):
    """The recording itself.

    Fields:
        dim, labels, interval: of the channels, and the time between samples in ms.
        jointly: whether the channels of a sample have one density together, rather than one each.
    """

    values: Float[Array, "time channel"]
    recording: Recording
    dim: str = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)
    interval: float | None = eqx.field(static=True)
    jointly: bool = eqx.field(static=True, default=False)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        return {"y": (("time", self.dim), values)}

    def coords(self) -> dict[str, Any]:
        interval = self.interval or 1.0
        start = interval if self.recording.start is None else self.recording.start
        times = start + interval * np.arange(self.values.shape[0])
        return {"time": ("time", times, {"units": "ms"}), self.dim: list(self.labels)}

    def batch_dims(self) -> tuple[str, ...]:
        return ("time",) if self.jointly else ("time", self.dim)


def bind_series(recording: Recording, observe: AbstractObservation, expected: Expected) -> ObservedSeries:
    """Data on the grid of the simulated signal.

    Raises:
        ValueError: other shape, other sampling interval or other labels than the simulation's.
        UnitError: a unit of another dimension than the simulation's.
    """
    predicted = expected.signal()
    bound = bind_channels(recording, predicted, observe, timed=expected.timed)
    n, got = predicted.values.shape[0], bound.values.shape[0]
    if got != n:
        raise ValueError(
            f"data has {got} samples, the simulation gives {n} (one every {predicted.interval:g} ms); "
            f"change the Problem's duration to {got * predicted.interval:g} ms, or cut the data"  # pyright: ignore[reportOperatorIssue]
        )
    return bound


def bind_channels(
    recording: Recording,
    predicted: Signal,
    observe: AbstractObservation,
    *,
    timed: bool,
    jointly: bool = False,
) -> ObservedSeries:
    """Data with the channels, the unit and the sampling interval of a predicted signal, however many samples
    they have.

    Args:
        timed: whether time 0 means something, so that the data must begin where the signal does.

    Raises:
        ValueError: trials, other sampling interval, other times or other labels than those of the signal, or
            sensors that were referenced or projected.
        UnitError: a unit of another dimension than the signal's.
    """
    if predicted.dims[0] != "time" or len(predicted.dims) != 2:
        raise ValueError(
            f"this likelihood compares time courses, but {type(observe).__name__} gives {predicted.dims};"
            " leave the summary out of the observation"
        )
    labels, interval = predicted.labels[1], predicted.interval
    if recording.values.ndim == 3:
        n = len(recording.values)
        raise ValueError(
            f"data has {n} trials; wrap the likelihood, nmm.likelihoods.Trials(..., {n}), or average the data"
            " over trials"
        )
    recording = check_channels(recording, labels, predicted.dims[1]).converted(predicted.unit)
    if recording.interval is not None and abs(recording.interval - interval) > 1e-3 * interval:  # pyright: ignore[reportOperatorIssue]
        seconds = abs(1e3 * recording.interval - interval) <= 1e-3 * interval  # pyright: ignore[reportOperatorIssue]
        advice = (
            "times without a unit are in ms: data.time.attrs['units'] = 's'"
            if seconds
            else "set the observation's period"
        )
        raise ValueError(
            f"data has a sample every {recording.interval:g} ms, the simulation every {interval:g} ms;"
            f" {advice}"
        )
    if timed and recording.start is not None and abs(recording.start - interval) > 1e-3 * interval:  # pyright: ignore[reportOperatorIssue]
        raise ValueError(
            f"data begin at {recording.start:g} ms, the simulation's first sample is at {interval:g} ms, one"
            " interval after time 0, to which stimuli and initial state refer; cut the data,"
            f" data.sel(time=slice({interval:g}, None)), with a shorter duration of the Problem, or, if their"
            " clock is another one, shift their times"
        )
    if predicted.dims[1] == "sensor":
        _check_rank(recording.values, observe)
    values: Any = np.asarray(recording.values)
    return ObservedSeries(values, recording, predicted.dims[1], labels, interval, jointly)


def _check_rank(values: Float[np.ndarray, "time sensor"], observe: AbstractObservation) -> None:
    """Raises ValueError for sensors that hold fewer signals than their number: they would be counted as so
    many independent measurements.
    """
    samples, n = values.shape
    rank = rank_of(values - values.mean(axis=0))
    if rank < n - _referenced(observe) and samples > n:
        raise ValueError(
            f"data of {n} sensors vary in {rank} directions: they were referenced, projected or interpolated"
            " (or are simulated, without noise), and so many sensors would be counted as independent;"
            f" compare their principal directions, gain and data times directions[sensor, {rank}], leave"
            " sensors out, or use LeadField(gain, average_reference=True) for an average reference"
        )


def _referenced(observe: AbstractObservation) -> int:
    """Directions that referencing takes from sensors, which the prediction lacks too."""
    parts = observe.parts if isinstance(observe, Chain) else (observe,)
    return int(any(isinstance(part, LeadField) and part.average_reference for part in parts))


def check_noiseless(likelihood: AbstractLikelihood, network: Network) -> None:
    """Raises ValueError for a network with noise."""
    if network.noise is not None:
        raise ValueError(
            f"Problem: the {type(likelihood).__name__} likelihood of a simulation with frozen noise is no"
            " likelihood (its posterior is biased and too narrow); use nmm.likelihoods.Spectral, which"
            " integrates the noise out, LatentPath, which infers it, or Network(noise=None)"
        )


def finite(signal: Signal) -> tuple[Array, Int[Array, ""]]:
    """The simulated values, zero if any is not finite, and then why (`Failure`)."""
    fine = jnp.all(jnp.isfinite(signal.values))
    return jnp.where(fine, signal.values, 0.0), because((~fine, Failure.NOT_FINITE))
