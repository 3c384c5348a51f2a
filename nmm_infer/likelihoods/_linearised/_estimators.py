"""How a band of frequencies is read from a recording: as a few coefficients that are nearly independent."""

import abc
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Complex, Float

from ...units import milliseconds

# More tapers than this in a band add nothing but memory: shorter segments have the same resolution.
MOST_TAPERS = 300
# The last tapers of a band take more and more from outside it, which matters beside a sharp peak.
CONCENTRATED = 0.99


class AbstractEstimator(eqx.Module):
    """Gives coefficients z whose mean |z|² is the two-sided power density per kHz, and whose covariance over
    channels is the cross-spectrum.
    """

    @property
    def in_order(self) -> bool:
        """Whether each coefficient of a band is of a frequency of its own, the lowest first, so that a band
        can be cut into parts.
        """
        return False

    @abc.abstractmethod
    def coefficients(
        self,
        values: Float[np.ndarray, "time channel"],
        interval: float,
        band: tuple[float, float],
        bands: int,
    ) -> tuple[Float[np.ndarray, " band"], Complex[np.ndarray, "band bin channel"]]:
        """Centre of each band (kHz), and its coefficients; the same number in every band.

        Raises:
            ValueError: the recording is too short or too slowly sampled for the bands.
        """


class Neighbours(AbstractEstimator):
    """Neighbouring Fourier frequencies of the whole recording (Daniell 1946).

    The default. Strong power far from a band leaks into it, in proportion to 1/(recording length): for
    steep spectra, such as EEG over many octaves, see `Multitaper`.
    """

    @property
    def in_order(self):
        return True

    def coefficients(self, values, interval, band, bands):
        return fourier_bands(values, interval, band, bands)


class Multitaper(AbstractEstimator):
    """Orthogonal tapers that are concentrated in the band (Thomson 1982, Proc IEEE 70:1055), on every
    segment.

    A band of width 2W in segments of length T takes the discrete prolate sequences that have at least 99 % of
    their energy in it, about 2WT - 2 of them: next to no power leaks in from outside the band, and the
    coefficients of different tapers and segments are nearly independent.

    Args:
        segment: length of the segments into which the recording is cut, Quantity or ms; None: the whole
            recording, or each trial. Segments should be much longer than the network's memory.
    """

    segment: float | None = eqx.field(static=True, default=None)

    def __init__(self, segment: Any = None):
        self.segment = None if segment is None else milliseconds(segment, "Multitaper(segment=...)")

    def coefficients(self, values, interval, band, bands):
        from scipy.signal.windows import dpss

        check_nyquist(interval, band)
        n = values.shape[0] if self.segment is None else round(self.segment / interval)
        if not 2 <= n <= values.shape[0]:
            raise ValueError(
                f"Multitaper(segment={self.segment:g} ms) got a recording of {values.shape[0]} samples,"
                f" {values.shape[0] * interval:g} ms; use shorter segments"
            )
        low, high = band
        width = (high - low) / bands
        product = width * n * interval  # 2WT
        tapers = int(np.floor(product + 1e-9)) - 1
        if tapers < 1:
            raise ValueError(
                f"Spectral(bands={bands}, estimator=Multitaper()): bands of {1e3 * width:g} Hz in segments of"
                f" {n * interval:g} ms have no taper; bands must be at least {2e3 / (n * interval):g} Hz"
                " wide: use fewer bands or longer segments"
            )
        if tapers > MOST_TAPERS:
            raise ValueError(
                f"Multitaper got bands of {1e3 * width:g} Hz in segments of {n * interval:g} ms, which take"
                f" {tapers} tapers; cut shorter segments, such as"
                f" Multitaper(segment={n * interval * MOST_TAPERS / tapers / 2:.0f} * u.ms)"
            )
        windows, inside = dpss(n, 0.5 * product, tapers, return_ratios=True)  # ["taper time"], of unit energy
        windows = windows[: max(1, int((inside >= CONCENTRATED).sum()))]
        centres = low + width * (np.arange(bands) + 0.5)
        segments = values[: values.shape[0] // n * n].reshape(-1, n, values.shape[1])
        segments = segments - segments.mean(axis=1, keepdims=True)
        z = []
        for centre in centres:
            tapered = windows * np.exp(-2j * np.pi * centre * interval * np.arange(n))
            z.append(np.sqrt(interval) * np.concatenate([tapered @ segment for segment in segments]))
        return centres, np.stack(z)


def check_nyquist(interval: float, band: tuple[float, float]) -> None:
    """Raises ValueError for a band that the sampling cannot resolve."""
    nyquist = 0.5 / interval
    if band[1] > nyquist * (1 + 1e-9):
        raise ValueError(
            f"Spectral(band=...) reaches {1e3 * band[1]:g} Hz, beyond the Nyquist frequency {1e3 * nyquist:g}"
            f" Hz of data sampled every {interval:g} ms"
        )


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
    check_nyquist(interval, band)
    grid = np.fft.rfftfreq(n, interval)
    # At the Nyquist frequency itself a coefficient is real, and no complex Gaussian.
    inside = np.flatnonzero((grid >= low) & (grid <= high) & (grid > 0) & (2 * np.arange(len(grid)) < n))
    per_band = len(inside) // bands
    if per_band < 1:
        raise ValueError(
            f"Spectral(bands={bands}): the band {1e3 * low:g}–{1e3 * high:g} Hz holds {len(inside)} Fourier"
            f" frequencies of {n} samples; use at most {len(inside)} bands"
        )
    coefficients = np.sqrt(interval / n) * np.fft.rfft(values - values.mean(axis=0), axis=0)
    chosen = inside[: per_band * bands].reshape(bands, per_band)
    return grid[chosen].mean(axis=1), coefficients[chosen]
