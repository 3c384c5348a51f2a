"""Cross-spectra of a linearised stochastic network."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..._networks._network import Network
from ...observe._base import AbstractLinear
from ...parameters import Slot, param
from ...units import to_canonical
from .._base import AbstractLinearising, AbstractObserved
from .._failure import Failure, because, first_of
from .._recording import Recording
from ._estimators import AbstractEstimator, Neighbours, check_nyquist
from ._linearised_observation import LinearisedObservation, bind_linear, check_linear, see
from ._measured_spectra import CURVED, curve, measured
from ._resolution import nodes_needed


class ObservedSpectra(AbstractObserved):
    """Fourier coefficients of the data in bands.

    Fields:
        values: `["band bin channel"]`, scaled so that the mean of |z|² is the two-sided power density per
            kHz.
        frequencies: centre of each band in kHz.
        nodes: frequencies in each band at which the spectrum is predicted, in kHz.
        parts: of a band, each compared with the spectrum of one node; 1: with the mean over all nodes.
        spacing: between nodes, in kHz.
        curved: what of the second difference of three neighbouring nodes is added to the middle one for the
            mean over its part.
        channels: labels of what was recorded.
        directions: orthonormal `["channel rank"]` in which the coefficients are given; None: the channels.
    """

    values: Complex[Array, "band bin channel"]
    recording: Recording
    frequencies: Float[np.ndarray, " band"]
    directions: Float[np.ndarray, "channel rank"] | None
    nodes: Float[np.ndarray, "band node"]
    parts: int = eqx.field(static=True)
    spacing: float = eqx.field(static=True)
    curved: float = eqx.field(static=True)
    interval: float = eqx.field(static=True)
    channels: tuple[str, ...] = eqx.field(static=True)
    dim: str = eqx.field(static=True)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        z = values if self.directions is None else jnp.einsum("cr,bkr->bkc", self.directions, values)
        power = (z.real**2 + z.imag**2).mean(axis=1)
        covariance = jnp.einsum("bki,bkj->ij", z, z.conj()).real
        sd = jnp.sqrt(jnp.diagonal(covariance))
        return {
            "power": (("frequency", self.dim), power),
            "fc": ((self.dim, f"{self.dim}_2"), covariance / (sd[:, None] * sd[None, :])),
        }

    def coords(self) -> dict[str, Any]:
        return {
            "frequency": ("frequency", 1e3 * self.frequencies, {"units": "Hz"}),
            self.dim: list(self.channels),
            f"{self.dim}_2": list(self.channels),
        }

    def batch_dims(self) -> tuple[str, ...]:
        return ("frequency",)


class Spectral(AbstractLinearising):
    """Whittle likelihood of the cross-spectra that the linearised network predicts.

    Near a stable fixed point a noise-driven network is a linear system, whose cross-spectra have a
    closed form for any conduction delays and any linear observation: nothing is simulated. Fourier
    coefficients of the data are then independent complex Gaussian vectors with the predicted
    covariance (Whittle 1953; Friston et al. 2014, NeuroImage 94:396 for the same idea in DCM).

    What it cannot see: anything beyond second order (bistability, limit cycles). Data that were
    filtered may only be used inside the band that the filter kept; data sampled without an anti-aliasing
    filter only well below their Nyquist frequency; data that were z-scored have lost
    their scale, which free noise amplitudes absorb. Where the fixed point is unstable the density is 0.

    Data may come in trials, `["trial time channel"]`: every trial then adds its coefficients to the bands.

    Args:
        band: (lowest, highest) frequency, Quantities or kHz.
        bands: number of bands; neighbouring Fourier bins are averaged into each.
        noise: standard deviation of white measurement noise, in the unit of the data; one for each channel,
            if they differ.
        global_signal: power of a signal that all channels share (respiration, arousal, motion), relative to
            the mean power of the channels at each frequency. Without it a global signal is mistaken for
            strong coupling.
        repetition_time: time between samples for data that do not say it, Quantity or ms.
        estimator: `Neighbours()` (default) or `Multitaper(segment=...)`.
        modes: how many principal directions of the data are compared; None: all channels. Many sensors see
            few sources: a tenth of the sensors may hold all that can be told from noise, at a fraction of the
            cost. Needed for data that have lost more dimensions than an average reference takes (projections,
            interpolated channels).
        nodes: frequencies in each band at which the spectrum is predicted; cost in proportion. The band is
            cut into as many parts, each compared with its own mean, by the spectrum at its centre and its
            neighbours', or at its centre alone where regions are seen each by itself and the spectrum is
            never formed (tapers see all of a band: they are compared with the mean over the nodes). None: as
            many as the peaks of the networks that the prior draws need (`nodes_needed`), one where their
            spectra are smooth.
    """

    noise: Slot = param(
        0.0, doc="standard deviation of white measurement noise, in the unit of the data", low=0.0, high=1e6
    )
    global_signal: Slot = param(
        0.0, doc="power of a signal shared by all channels, relative to their mean power", low=0.0, high=10.0
    )
    band: tuple[float, float] = eqx.field(static=True, default=(1e-5, 1e-4), kw_only=True)
    bands: int = eqx.field(static=True, default=12, kw_only=True)
    repetition_time: float | None = eqx.field(static=True, default=None, kw_only=True)
    estimator: AbstractEstimator = eqx.field(default=Neighbours(), kw_only=True)
    modes: int | None = eqx.field(static=True, default=None, kw_only=True)
    nodes: int | None = eqx.field(static=True, default=None, kw_only=True)

    def __init__(
        self,
        band: Any,
        bands: int = 12,
        noise: Any = 0.0,
        global_signal: Any = 0.0,
        repetition_time: Any = None,
        estimator: AbstractEstimator | None = None,
        modes: int | None = None,
        nodes: int | None = None,
    ):
        low, high = band_of(band, "Spectral")
        for name, number in (("bands", bands), ("nodes", nodes)):
            if number is not None and number < 1:
                raise ValueError(f"Spectral({name}=...) got {number}, expected at least 1")
        if estimator is not None and not isinstance(estimator, AbstractEstimator):
            raise TypeError(
                f"Spectral(estimator=...) got {estimator!r}, expected one such as"
                " nmm.likelihoods.Multitaper()"
            )
        self.noise = noise
        self.global_signal = global_signal
        self.band = (low, high)
        self.bands = int(bands)
        self.repetition_time = (
            None
            if repetition_time is None
            else float(np.asarray(to_canonical(repetition_time, "ms", "Spectral(repetition_time=...)")))
        )
        self.estimator = Neighbours() if estimator is None else estimator
        self.modes = modes
        self.nodes = None if nodes is None else int(nodes)

    def settled(self, observed: Any):
        return dataclasses.replace(self, nodes=observed.nodes.shape[1])

    def check_network(self, network):
        check_linear(self, network)

    def bind(self, recording, observe, expected):
        _check_courses(recording.values)
        bound = bind_linear(self, recording, observe, expected, self.repetition_time, self.modes)
        values = bound.recording.values
        trials = values if values.ndim == 3 else values[None]
        check_nyquist(bound.interval, self.band)
        nodes = self.nodes or nodes_needed(
            expected,
            self.band,
            self.bands,
            bound.interval,
            trials.shape[1],
            trials.shape[0],
            bound.directions,
        )
        parts = nodes if self.estimator.in_order else 1
        read = [
            self.estimator.coefficients(trial, bound.interval, self.band, self.bands * parts)
            for trial in trials
        ]
        z = np.concatenate([z for _, z in read], axis=1)
        z = z if bound.directions is None else z @ bound.directions
        centres = read[0][0].reshape(self.bands, parts)
        if parts < nodes:
            width = (self.band[1] - self.band[0]) / self.bands
            centres = centres + width * ((np.arange(nodes) + 0.5) / nodes - 0.5)
        spacing = (
            float(np.diff(centres.ravel()).mean())
            if centres.size > 1
            else (self.band[1] - self.band[0]) / (self.bands * nodes)
        )
        # The mean over so many equally spaced coefficients; tapers see all frequencies.
        curved = CURVED * (1.0 - 1.0 / read[0][1].shape[1] ** 2 if self.estimator.in_order else 1.0)
        values: Any = z.reshape(self.bands, -1, z.shape[-1])
        parted = (centres.mean(axis=1), bound.directions, centres, parts, spacing, curved)
        return ObservedSpectra(values, bound.recording, *parted, bound.interval, bound.labels, bound.dim)

    def distribution(self, network, observe: Any, simulate, observed: Any):
        from ..._distributions._complex_normal import in_parts

        bins, frequencies, parts = observed.values.shape[1], jnp.ravel(observed.nodes), observed.parts
        seen = see(network, observe)
        if (
            parts == observed.nodes.shape[1]
            and observed.directions is None
            and (found := self._factors(seen, observed)) is not None
        ):
            return in_parts(found[0], parts, bins), found[1]
        wider = jnp.concatenate(
            [frequencies[:1] - observed.spacing, frequencies, frequencies[-1:] + observed.spacing]
        )
        S = curve(
            measured(seen, wider, observed.interval, self.noise, self.global_signal, observed.directions),
            observed.curved,
        )
        S = S.reshape(self.bands * parts, -1, *S.shape[1:]).mean(axis=1)
        failure = first_of(
            seen.failure, because((~jnp.all(jnp.isfinite(S.real) & jnp.isfinite(S.imag)), Failure.NOT_FINITE))
        )
        S = jnp.where(failure == 0, S, jnp.eye(S.shape[-1], dtype=S.dtype))
        return in_parts(S, parts, bins), failure

    def _factors(self, seen: LinearisedObservation, observed: ObservedSpectra) -> tuple[Any, Array] | None:
        """The cross-spectra in factors, and why the network has none that count (`Failure`); None where there
        are no factors.
        """
        from ..._distributions._network_spectrum import NetworkSpectrum

        parts = seen.factors(2.0 * jnp.pi * jnp.asarray(observed.nodes.ravel()))
        if parts is None:
            return None
        finite = jnp.all(
            jnp.stack([jnp.all(jnp.isfinite(part.real) & jnp.isfinite(part.imag)) for part in parts])
        )
        failure = first_of(seen.failure, because((~finite, Failure.NOT_FINITE)))
        # Outside of the valid regime the network is one without couplings: there is no number that is not
        # finite.
        gain, K, left, right = (
            jnp.where(failure == 0, part, calm)
            for part, calm in zip(parts, (0.0, 0.0, 1.0, 1.0), strict=True)
        )
        white = jnp.broadcast_to(jnp.asarray(self.noise) ** 2 * observed.interval, (seen.linear.n_regions,))
        return (
            NetworkSpectrum(gain, K, left, right, white, jnp.asarray(self.global_signal, white.dtype)),
            failure,
        )

    def cross_spectra(
        self,
        network: Network,
        observe: AbstractLinear,
        frequencies: Float[Array, " frequency"],
        interval: float,
        directions: Float[np.ndarray, "channel rank"] | None = None,
    ) -> tuple[Complex[Array, "frequency channel channel"], Array]:
        """Predicted two-sided cross-spectral density (data unit² per kHz) at `frequencies` (kHz), and whether
        the network is stable.

        Raises:
            ValueError: the network has no noise, so it predicts no fluctuations.
        """
        check_linear(self, network)
        seen = see(network, observe)
        return measured(seen, frequencies, interval, self.noise, self.global_signal, directions), seen.stable


def _check_courses(values: Float[np.ndarray, "*trial time channel"]) -> None:
    """Raises ValueError for what looks like spectra: positive, over two decades in every channel. Time
    courses lose nothing with their mean.
    """
    if np.all(values > 0) and np.all(values.max(axis=-2) > 100.0 * values.min(axis=-2)):
        raise ValueError(
            "data are positive and vary by more than a factor of 100 in every channel, as a table of spectra"
            " does; Spectral takes time courses [time, region], of which it finds the spectra itself; if they"
            " are time courses, subtract their mean"
        )


def band_of(band: Any, owner: str) -> tuple[float, float]:
    """(lowest, highest) in kHz.

    Raises:
        ValueError: not 0 < lowest < highest.
    """
    low, high = (float(np.asarray(to_canonical(edge, "kHz", f"{owner}(band=...)"))) for edge in band)
    if not 0 < low < high:
        raise ValueError(
            f"{owner}(band=...) got ({1e3 * low:g} Hz, {1e3 * high:g} Hz), expected 0 < lowest < highest,"
            " such as (0.01 * u.Hz, 0.1 * u.Hz)"
        )
    return low, high
