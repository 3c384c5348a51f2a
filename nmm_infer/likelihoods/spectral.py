"""Cross-spectra of a linearised stochastic network."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..linear import is_stable, linearise, source_response
from ..network import Network
from ..observe.base import AbstractLinear
from ..parameters import Slot, param
from ..units import to_canonical
from .base import AbstractLikelihood, AbstractObserved
from .recording import Recording, check_channels


class ObservedSpectra(AbstractObserved):
    """Fourier coefficients of the data in a band, neighbours grouped.

    Fields:
        values: `["band bin channel"]`, scaled so that the mean of |z|² is the two-sided power density per kHz.
        frequencies: centre of each band in kHz.
        channels: labels of what was recorded.
        directions: orthonormal `["channel rank"]` in which the coefficients are given; None: the channels.
    """

    values: Complex[Array, "band bin channel"]
    recording: Recording
    frequencies: Float[np.ndarray, " band"]
    directions: Float[np.ndarray, "channel rank"] | None
    interval: float = eqx.field(static=True)
    channels: tuple[str, ...] = eqx.field(static=True)
    dim: str = eqx.field(static=True)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        z = values if self.directions is None else jnp.einsum("cr,bkr->bkc", self.directions, values)
        power = (z.real**2 + z.imag**2).mean(axis=1)
        covariance = jnp.einsum("bki,bkj->ij", z, z.conj()).real
        sd = jnp.sqrt(jnp.diagonal(covariance))
        return {"power": (("frequency", self.dim), power), "fc": ((self.dim, f"{self.dim}_2"), covariance / (sd[:, None] * sd[None, :]))}

    def coords(self) -> dict[str, Any]:
        return {
            "frequency": ("frequency", 1e3 * self.frequencies, {"units": "Hz"}),
            self.dim: list(self.channels),
            f"{self.dim}_2": list(self.channels),
        }

    def batch_dims(self) -> tuple[str, ...]:
        return ("frequency",)


class Spectral(AbstractLikelihood):
    """Whittle likelihood of the cross-spectra that the linearised network predicts.

    Near a stable fixed point a noise-driven network is a linear system, whose cross-spectra have a
    closed form for any conduction delays and any linear observation: nothing is simulated. Fourier
    coefficients of the data are then independent complex Gaussian vectors with the predicted
    covariance (Whittle 1953; Friston et al. 2014, NeuroImage 94:396 for the same idea in DCM).

    What it cannot see: anything beyond second order (bistability, limit cycles). Data that were
    filtered may only be used inside the band that the filter kept; data sampled without an anti-aliasing
    filter only well below their Nyquist frequency; data that were z-scored have lost
    their scale, which free noise amplitudes absorb. Where the fixed point is unstable the density is 0.

    Args:
        band: (lowest, highest) frequency, Quantities or kHz.
        bands: number of bands; neighbouring Fourier bins are averaged into each.
        noise: standard deviation of white measurement noise, in the unit of the data.
        global_signal: power of a signal that all channels share (respiration, arousal, motion), relative to the mean
            power of the channels at each frequency. Without it a global signal is mistaken for strong coupling.
        repetition_time: time between samples for data that do not say it, Quantity or ms.
    """

    noise: Slot = param(0.0, doc="standard deviation of white measurement noise, in the unit of the data", low=0.0, high=1e6)
    global_signal: Slot = param(0.0, doc="power of a signal shared by all channels, relative to their mean power", low=0.0, high=10.0)
    band: tuple[float, float] = eqx.field(static=True, default=(1e-5, 1e-4), kw_only=True)
    bands: int = eqx.field(static=True, default=12, kw_only=True)
    repetition_time: float | None = eqx.field(static=True, default=None, kw_only=True)

    def __init__(self, band: Any, bands: int = 12, noise: Any = 0.0, global_signal: Any = 0.0, repetition_time: Any = None):
        low, high = (float(np.asarray(to_canonical(edge, "kHz", "Spectral(band=...)"))) for edge in band)
        if not 0 < low < high:
            raise ValueError(f"Spectral(band=...) got ({1e3 * low:g} Hz, {1e3 * high:g} Hz), expected 0 < lowest < highest, such as (0.01 * u.Hz, 0.1 * u.Hz)")
        if bands < 1:
            raise ValueError(f"Spectral(bands=...) got {bands}, expected at least 1")
        self.noise = noise
        self.global_signal = global_signal
        self.band = (low, high)
        self.bands = int(bands)
        self.repetition_time = None if repetition_time is None else float(np.asarray(to_canonical(repetition_time, "ms", "Spectral(repetition_time=...)")))

    @property
    def simulates(self):
        return False

    def bind(self, recording, observe, expected):
        if not isinstance(observe, AbstractLinear):
            raise TypeError(f"Spectral needs a linear observation such as nmm.observe.Bold() or LeadField(gain), got {type(observe).__name__}")
        labels, dim = channels_of(observe, expected.regions)
        recording = check_channels(recording, labels, dim)
        interval = recording.interval or self.repetition_time or getattr(observe, "period", None)
        if interval is None:
            raise ValueError("the time between samples is unknown: give the data a time coordinate, or Spectral(repetition_time=720 * u.ms)")
        frequencies, values = fourier_bands(recording.values, interval, self.band, self.bands)
        directions = observe.basis()
        if directions is not None:
            values = values @ directions
        return ObservedSpectra(values, recording, frequencies, directions, float(interval), labels, dim)  # pyright: ignore[reportArgumentType]

    def distribution(self, network, observe: Any, simulate, observed: Any):
        from .complex_normal import ComplexNormal

        S, stable = self.cross_spectra(network, observe, observed.frequencies, observed.interval, observed.directions)
        valid = stable & jnp.all(jnp.isfinite(S.real)) & jnp.all(jnp.isfinite(S.imag))
        S = jnp.where(valid, S, jnp.eye(S.shape[-1], dtype=S.dtype))
        return ComplexNormal(S, observed.values.shape[1]), valid

    def cross_spectra(
        self,
        network: Network,
        observe: AbstractLinear,
        frequencies: Float[Array, " frequency"],
        interval: float,
        directions: Float[np.ndarray, "channel rank"] | None = None,
    ) -> tuple[Complex[Array, "frequency channel channel"], Array]:
        """Predicted two-sided cross-spectral density (data unit² per kHz) at `frequencies` (kHz), and whether the network is stable.

        Raises:
            ValueError: the network has no noise, so it predicts no fluctuations.
        """
        from .complex_normal import gram

        if network.noise is None:
            raise ValueError("Spectral needs a network with noise, such as nmm.Network(..., noise=nmm.noises.Additive(sigma=0.01))")
        omega = 2.0 * jnp.pi * jnp.asarray(frequencies)
        lin = linearise(network, observe.variable)
        response = source_response(lin, omega)
        amplitude = jnp.sqrt(network.noise.spectrum(omega, (len(lin.noisy), network.n_regions)))
        driven = (response * amplitude[:, None]).reshape(omega.size, network.n_regions, -1)
        seen = observe.respond(omega, driven)
        noise = jnp.broadcast_to(jnp.asarray(self.noise) ** 2 * interval, (seen.shape[1],))
        if directions is not None:
            seen = jnp.einsum("cr,fck->frk", directions, seen)
            # White noise at the sensors before referencing stays white in an orthonormal basis of what referencing leaves.
            noise = jnp.broadcast_to(noise[:1], (seen.shape[1],))
        S = gram(seen)
        mean_power = jnp.trace(S, axis1=-2, axis2=-1).real / S.shape[-1]
        common = jnp.ones(S.shape[-1]) if directions is None else directions.sum(axis=0)
        S = S + (self.global_signal * mean_power)[:, None, None] * common[:, None] * common[None, :] + jnp.diag(noise)
        return S, is_stable(lin)


def channels_of(observe: AbstractLinear, regions: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Labels and dim of what is observed: sensors of a lead field, or the regions."""
    from ..observe.lead_field import LeadField

    return (observe.sensors, "sensor") if isinstance(observe, LeadField) else (regions, "region")


def fourier_bands(
    values: Float[np.ndarray, "time channel"], interval: float, band: tuple[float, float], bands: int
) -> tuple[Float[np.ndarray, " band"], Complex[np.ndarray, "band bin channel"]]:
    """Fourier coefficients inside `band` (kHz), in `bands` groups of neighbours of the same size.

    Scaled so that the mean of |z|² over bins is the two-sided power density per kHz. Bins at the upper
    edge that do not fill a group are left out.

    Raises:
        ValueError: the band has fewer Fourier frequencies than bands, or reaches beyond Nyquist.
    """
    n = values.shape[0]
    low, high = band
    nyquist = 0.5 / interval
    if high > nyquist:
        raise ValueError(
            f"Spectral(band=...) reaches {1e3 * high:g} Hz, beyond the Nyquist frequency {1e3 * nyquist:g} Hz of data sampled every {interval:g} ms"
        )
    grid = np.fft.rfftfreq(n, interval)
    inside = np.flatnonzero((grid >= low) & (grid <= high) & (grid > 0))
    per_band = len(inside) // bands
    if per_band < 1:
        raise ValueError(
            f"Spectral(bands={bands}): the band {1e3 * low:g}–{1e3 * high:g} Hz holds {len(inside)} Fourier frequencies of {n} samples; "
            f"use at most {len(inside)} bands"
        )
    coefficients = np.sqrt(interval / n) * np.fft.rfft(values - values.mean(axis=0), axis=0)
    chosen = inside[: per_band * bands].reshape(bands, per_band)
    return grid[chosen].mean(axis=1), coefficients[chosen]
