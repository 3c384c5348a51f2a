"""What is seen of a linearised network through a linear observation, and the data of it."""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from ..._networks._network import Network
from ..._regional import in_order
from ..._tools._kinds import kind_of
from ...linear import Linearisation, is_stable, linearise, source_response
from ...linear._spectrum import Loop, loop
from ...noises._base import AbstractNoise
from ...observe._base import AbstractLinear, AbstractObservation
from ...observe._fold import AbstractStream, no_samples
from ...priors._sample import map_priors
from .._base import AbstractLikelihood, Expected
from .._failure import Failure, because
from .._matrix import CovarianceMatrix
from .._rank import held
from .._recording import AbstractRecording, check_channels


class LinearisedObservation(NamedTuple):
    """A linearised network, its noise and the observation of it.

    Fields:
        linear: the local Jacobians.
        noise: what drives them.
        observe: what is measured.
        stable: whether every mode decays.
        rests: whether a fixed point was found.
    """

    linear: Linearisation
    noise: AbstractNoise
    observe: AbstractLinear
    stable: Bool[Array, ""]
    rests: Bool[Array, ""]

    @property
    def failure(self) -> Int[Array, ""]:
        """Why it has no spectrum."""
        return because((~self.rests, Failure.NO_FIXED_POINT), (~self.stable, Failure.UNSTABLE))

    def _density(self, omega: Float[Array, " frequency"]) -> Float[Array, "frequency noisy region"]:
        """Power of the noise."""
        return self.noise.spectrum(omega, (len(self.linear.noisy), self.linear.n_regions))

    def respond(self, omega: Float[Array, " frequency"]) -> Complex[Array, "frequency channel source"]:
        """Response of the channels to independent sources of unit density at `omega` (rad/ms); its product
        with its own adjoint is the cross-spectrum.
        """
        linear = self.linear
        if linear.sees_message:
            return self.observe.respond(omega, loop(linear, omega, self._density(omega)).response())
        amplitude = jnp.sqrt(self._density(omega))
        driven = (source_response(linear, omega) * amplitude[:, None]).reshape(
            omega.size, linear.n_regions, -1
        )
        return self.observe.respond(omega, driven)

    @property
    def factored(self) -> bool:
        """Whether regions are seen each by itself, through what they send: the response has factors then."""
        return self.linear.sees_message and not self.observe.mixes

    def factors(self, omega: Float[Array, " frequency"]) -> Loop | None:
        """The same response in factors, where it has some."""
        linear = self.linear
        if not self.factored:
            return None
        parts = loop(linear, omega, self._density(omega))
        return parts._replace(left=self.observe.respond(omega, parts.left[..., None])[..., 0])


def see(network: Network, observe: AbstractLinear) -> LinearisedObservation:
    """The network linearised where it rests, without priors."""
    assert network.noise is not None
    observe = in_order(observe, network.connectome.labels)
    linear = linearise(network, observe.variable)
    # Where none was found it is NaN, and all derivatives with it.
    rests = (
        jnp.all(jnp.isfinite(linear.A)) & jnp.all(jnp.isfinite(linear.m)) & jnp.all(jnp.isfinite(linear.d))
    )
    return LinearisedObservation(linear, network.noise, observe, is_stable(linear), rests)


def check_linear(likelihood: AbstractLikelihood, network: Network) -> None:
    """Raises ValueError for a network without noise, or with stimuli."""
    name = type(likelihood).__name__
    if network.stimuli:
        raise ValueError(
            f"Problem: the {name} likelihood is of activity around rest and knows no stimuli; leave"
            " Network(stimulus=...) out, or use a likelihood that simulates, such as"
            " nmm.likelihoods.Gaussian"
        )
    if network.noise is None:
        raise ValueError(
            f"{name} needs a network with noise, such as nmm.Network(...,"
            " noise=nmm.noises.Additive(sigma=0.01))"
        )


class LinearRecording(NamedTuple):
    """A recording as a likelihood of a linearised network compares it.

    Fields:
        recording: channels in the order of the model, in its unit; time courses, or a matrix.
        interval: time between samples in ms.
        labels, dim: of the channels.
        directions: orthonormal, in which the data are compared; None: the channels.
    """

    recording: Any
    interval: float
    labels: tuple[str, ...]
    dim: str
    directions: Float[np.ndarray, "channel rank"] | None


def bind_linear(
    likelihood: AbstractLikelihood,
    recording: AbstractRecording,
    observe: AbstractObservation,
    expected: Expected,
    interval: float | None,
    modes: int | None,
    otherwise: float | None = None,
) -> LinearRecording:
    """Data checked against the observation.

    Args:
        interval: time between samples in ms by the likelihood's own `repetition_time`.
        modes: of the likelihood.
        otherwise: the interval where nobody knows it and it does not matter; None: that is an error.

    Raises:
        TypeError: the observation is not linear.
        ValueError: other channels, an unknown sampling interval, or several that differ, directions without
            signal.
        UnitError: a unit of another dimension than the observation's.
    """
    name = type(likelihood).__name__
    if not isinstance(observe, AbstractLinear):
        raise TypeError(
            f"{name} needs a linear observation such as nmm.observe.Bold() or LeadField(gain), got"
            f" {kind_of(observe)}"
        )
    labels, dim, unit = channels_of(observe, expected)
    recording = check_channels(recording, labels, dim).converted(unit)
    said = {
        "the data": recording.interval,
        f"{name}(repetition_time=...)": interval,
        f"{type(observe).__name__}(period=...)": (
            observe.period if isinstance(observe, AbstractStream) else None
        ),
    }
    known = {who: value for who, value in said.items() if value is not None}
    if known and max(known.values()) - min(known.values()) > 1e-3 * min(known.values()):
        told = ", ".join(f"{who}: {value:g} ms" for who, value in known.items())
        raise ValueError(
            f"the time between samples is said more than once, and not the same ({told}); expected one time,"
            " leave the wrong one out"
        )
    period = next(iter(known.values()), otherwise)
    if period is None:
        raise ValueError(
            "the time between samples is unknown: give the data a time coordinate, or"
            f" {name}(repetition_time=720 * u.ms)"
        )
    return LinearRecording(
        recording, float(period), labels, dim, _directions(name, recording, dim, observe, modes)
    )


def channels_of(observe: AbstractLinear, expected: Expected) -> tuple[tuple[str, ...], str, str]:
    """Labels, dim and unit of what is observed: sensors of a lead field, or the regions."""
    # Only names are asked for: whatever the unknowns are, and however often it looks.
    known = map_priors(
        lambda prior: 1.0,
        dataclasses.replace(observe, period=1.0) if isinstance(observe, AbstractStream) else observe,
    )
    activity = no_samples(expected.model, observe.variable, expected.regions, 1.0).with_values(
        jnp.zeros((1, len(expected.regions)))
    )
    seen = eqx.filter_eval_shape(known, activity)
    return seen.labels[1], seen.dims[1], seen.unit


def _directions(
    name: str, recording: AbstractRecording, dim: str, observe: AbstractLinear, modes: int | None
) -> Float[np.ndarray, "channel rank"] | None:
    """Where the observation has signal; of these the principal directions of the data, if `modes` says how
    many.
    """
    basis = observe.basis()
    covariance, samples = _covariance(recording)
    covariance = covariance if basis is None else basis.T @ covariance @ basis
    n = len(covariance)
    sizes, vectors = np.linalg.eigh(covariance)
    rank = held(sizes)
    if modes is None:
        if rank < n < samples:
            reference = (
                "LeadField(gain, average_reference=True) for an average reference, or "
                if basis is None and dim == "sensor"
                else ""
            )
            raise ValueError(
                f"data of {recording.values.shape[-1]} {dim}s vary in {rank} directions where the model has"
                f" {n}: they were referenced, projected or interpolated; use {reference}{name}(modes={rank})"
                " for their principal directions"
            )
        return basis
    if not 1 <= modes <= rank:
        raise ValueError(
            f"{name}(modes=...) got {modes}, expected a whole number from 1 to {rank}: so many directions"
            " hold signal in these data"
        )
    leading = vectors[:, ::-1][:, :modes]
    return leading if basis is None else basis @ leading


def _covariance(recording: AbstractRecording) -> tuple[Float[np.ndarray, "channel channel"], float]:
    """Covariance of the channels, and how many samples it is of."""
    if isinstance(recording, CovarianceMatrix):
        return recording.values, np.inf
    values = recording.values - recording.values.mean(axis=-2, keepdims=True)
    rows = values.reshape(-1, values.shape[-1])
    return rows.T @ rows / len(rows), len(rows)
