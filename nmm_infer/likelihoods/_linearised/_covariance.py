"""Covariances of a linearised stochastic network."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...parameters import Slot, param
from ...units import milliseconds, to_canonical
from .._base import AbstractLinearising, AbstractObserved
from .._failure import Failure, because, first_of
from .._matrix import CovarianceMatrix, read_matrix
from .._recording import AbstractRecording, read_recording
from .._time_series._effective_sample_size import effective_samples
from ._covariance_forms import AbstractForm, AsCovariance
from ._cross_covariance import covariances
from ._estimators import check_nyquist
from ._linearised_observation import LinearisedObservation, LinearRecording, bind_linear, check_linear, see
from ._spectral import band_of

# Points of the quadrature over frequency: in a band, and over all frequencies.
IN_BAND, OVER_ALL = 32, 128


class ObservedCovariance(AbstractObserved):
    """The sample covariance of the data, or its correlation.

    Fields:
        values: of all lags: block (a, b) compares the data `lags[a]` and `lags[b]` ago.
        dof: effective degrees of freedom.
        lags: in ms.
        directions: orthonormal `["channel rank"]` in which it is given; None: the channels.
    """

    values: Float[Array, "entry entry"]
    recording: AbstractRecording
    dof: float
    directions: Float[np.ndarray, "channel rank"] | None
    lags: tuple[float, ...] = eqx.field(static=True)
    interval: float = eqx.field(static=True)
    channels: tuple[str, ...] = eqx.field(static=True)
    dim: str = eqx.field(static=True)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        from ..._distributions._correlation_matrix import correlation_of

        n = values.shape[0] // len(self.lags)
        blocks = values.reshape(len(self.lags), n, len(self.lags), n)[0].transpose(1, 0, 2)
        blocks = (
            blocks
            if self.directions is None
            else jnp.einsum("cr,lrs,ds->lcd", self.directions, blocks, self.directions)
        )
        both = (self.dim, f"{self.dim}_2")
        found = {"covariance": (("lag", *both), blocks) if len(self.lags) > 1 else (both, blocks[0])}
        return {**found, "fc": (both, correlation_of(blocks[0]))}

    def coords(self) -> dict[str, Any]:
        return {
            self.dim: list(self.channels),
            f"{self.dim}_2": list(self.channels),
            "lag": ("lag", np.asarray(self.lags), {"units": "ms"}),
        }

    def batch_dims(self) -> tuple[str, ...]:
        return ()


class Covariance(AbstractLinearising):
    r"""Likelihood of the covariance of the data, or of their functional connectivity, under the linearised
    network.

    ν C ~ Wishart(ν, Σ)

    Σ is the covariance that the linearised network predicts: the solution of the Lyapunov equation, or with
    delays, coloured noise or a haemodynamic response the integral of its cross-spectra; nothing is simulated.
    ν is not the number of samples but what they are worth: successive samples repeat each other, and a
    Wishart with ν = T would be too narrow by the root of how often (`effective_samples`; Bartlett 1946). That
    replaces the whole dependence in time by one number. It is right where all regions have similar spectra,
    and an approximation otherwise; `Spectral` needs no such number and sees spectra too, so prefer it if you
    have the time courses.

    Data are time courses, or a covariance or correlation matrix where no more is at hand (an array, or what
    `FunctionalConnectivity` gives): then `dof` says what it is worth, and `band` what its time courses were
    filtered to.

    Lags make a covariance of the data with themselves some time ago, which tells directions and time
    constants (Gilson et al. 2016, PLoS Comput Biol 12:e1004762). The blocks of m lags overlap, so each counts
    as ν/m: right for what all blocks hold, too little for what only one lag holds.

    Args:
        lags: time shifts, Quantities or ms, each a whole number of samples; 0 comes first.
        form: `AsCovariance()` (default), or `AsCorrelation()` for functional connectivity whatever the
            variances are.
        band: (lowest, highest) frequency that counts, Quantities or kHz: the data are filtered to it, and the
            spectrum integrated over it. What preprocessing removed must be left out. None: everything.
        dof: effective degrees of freedom ν; None: from the autocorrelation of the data.
        noise, global_signal, repetition_time, modes: as in `Spectral`.
        points: of the quadrature over frequency; None: 32 in a band, 128 over all frequencies. Sharp
            resonances need more.

    Raises:
        ValueError: (with data) fewer effective degrees of freedom than dimensions.
    """

    noise: Slot = param(
        0.0, doc="standard deviation of white measurement noise, in the unit of the data", low=0.0, high=1e6
    )
    global_signal: Slot = param(
        0.0, doc="power of a signal shared by all channels, relative to their mean power", low=0.0, high=10.0
    )
    lags: tuple[float, ...] = eqx.field(static=True, default=(0.0,), kw_only=True)
    form: AbstractForm = eqx.field(default=AsCovariance(), kw_only=True)
    band: tuple[float, float] | None = eqx.field(static=True, default=None, kw_only=True)
    dof: float | None = eqx.field(static=True, default=None, kw_only=True)
    repetition_time: float | None = eqx.field(static=True, default=None, kw_only=True)
    modes: int | None = eqx.field(static=True, default=None, kw_only=True)
    points: int | None = eqx.field(static=True, default=None, kw_only=True)

    def __init__(
        self,
        lags: Any = (0.0,),
        form: AbstractForm | None = None,
        *,
        band: Any = None,
        dof: float | None = None,
        noise: Any = 0.0,
        global_signal: Any = 0.0,
        repetition_time: Any = None,
        modes: int | None = None,
        points: int | None = None,
    ):
        shifts = tuple(float(np.asarray(to_canonical(lag, "ms", "Covariance(lags=...)"))) for lag in lags)
        if not shifts or shifts[0] != 0 or np.any(np.diff(shifts) <= 0):
            raise ValueError(
                f"Covariance(lags=...) got {shifts} ms, expected increasing times that begin with 0, such as"
                " (0, 720) * u.ms"
            )
        if form is not None and not isinstance(form, AbstractForm):
            raise TypeError(
                f"Covariance(form=...) got {form!r}, expected nmm.likelihoods.AsCovariance() or"
                " AsCorrelation()"
            )
        if dof is not None and not dof > 0:
            raise ValueError(f"Covariance(dof=...) got {dof}, expected a positive number")
        self.noise = noise
        self.global_signal = global_signal
        self.lags = shifts
        self.form = AsCovariance() if form is None else form
        self.band = None if band is None else band_of(band, "Covariance")
        self.dof = None if dof is None else float(dof)
        self.repetition_time = (
            None
            if repetition_time is None
            else milliseconds(repetition_time, "Covariance(repetition_time=...)")
        )
        self.modes = modes
        self.points = points

    def check_network(self, network):
        check_linear(self, network)

    def read(self, data):
        matrix = read_matrix(data)
        return read_recording(data) if matrix is None else matrix

    def bind(self, recording, observe, expected):
        needs_interval = self.band is not None or len(self.lags) > 1
        # Without lags and band the sampling does not matter.
        bound = bind_linear(
            self,
            recording,
            observe,
            expected,
            self.repetition_time,
            self.modes,
            None if needs_interval else 1.0,
        )
        if bound.directions is not None and not isinstance(self.form, AsCovariance):
            raise ValueError(
                f"Covariance(form={type(self.form).__name__}()): correlations of directions mean nothing, and"
                " data against an average reference, or modes=, are compared in directions; use"
                " AsCovariance() with a free amplitude"
            )
        steps = [round(lag / bound.interval) for lag in self.lags]
        if any(
            abs(step * bound.interval - lag) > 1e-3 * bound.interval
            for step, lag in zip(steps, self.lags, strict=True)
        ):
            raise ValueError(
                f"Covariance(lags=...) got {self.lags} ms, expected whole numbers of samples, which are"
                f" {bound.interval:g} ms apart"
            )
        C, nu = (
            self._of_matrix(bound)
            if isinstance(bound.recording, CovarianceMatrix)
            else self._of_courses(bound, steps)
        )
        self._check_dof(nu, len(C))
        observed: Any = np.asarray(self.form.of(jnp.asarray(C)))
        return ObservedCovariance(
            observed,
            bound.recording,
            nu,
            bound.directions,
            self.lags,
            bound.interval,
            bound.labels,
            bound.dim,
        )

    def _of_matrix(self, bound: LinearRecording) -> tuple[Float[np.ndarray, "entry entry"], float]:
        """Covariance and degrees of freedom of data that are a matrix."""
        matrix, name = bound.recording, "Covariance"
        if self.dof is None:
            raise ValueError(
                "data is a matrix, which does not say how many independent samples it is worth; give"
                f" {name}(dof=...), or the time courses"
            )
        if len(self.lags) > 1:
            raise ValueError(
                f"{name}(lags=...): data is a matrix, which holds no lags; expected time courses, or"
                " lags=(0,)"
            )
        if matrix.is_correlation and isinstance(self.form, AsCovariance):
            raise ValueError(
                "data is a matrix with ones on its diagonal, a correlation; use"
                f" {name}(form=nmm.likelihoods.AsCorrelation(), dof=...)"
            )
        return (
            matrix.values
            if bound.directions is None
            else bound.directions.T @ matrix.values @ bound.directions
        ), self.dof

    def _of_courses(
        self, bound: LinearRecording, steps: list[int]
    ) -> tuple[Float[np.ndarray, "entry entry"], float]:
        """Covariance and degrees of freedom of time courses, whose lags are `steps` samples."""
        values = bound.recording.values
        C, dof = [], []
        for trial in values if values.ndim == 3 else values[None]:
            x = trial - trial.mean(axis=0)
            if self.band is not None:
                check_nyquist(bound.interval, self.band)
                x = _filtered(x, bound.interval, self.band)
            x = x if bound.directions is None else x @ bound.directions
            T = len(x) - steps[-1]
            if T < 3:
                raise ValueError(
                    f"Covariance(lags=...): {len(x)} samples are too few for a lag of {steps[-1]} samples"
                )
            shifted = np.concatenate([x[steps[-1] - step : len(x) - step] for step in steps], axis=1)
            C.append(shifted.T @ shifted / T)
            dof.append(effective_samples(x) / len(steps))
        return np.mean(C, axis=0), sum(dof) if self.dof is None else self.dof

    def _check_dof(self, nu: float, n: int) -> None:
        if nu <= n - 1:
            which = "the data are worth" if self.dof is None else "Covariance(dof=...) says"
            modes = (
                f"Covariance(modes={max(1, int(nu) // (2 * len(self.lags)))}) to compare fewer directions, "
                if isinstance(self.form, AsCovariance)
                else ""
            )
            raise ValueError(
                f"{which} {nu:.1f} independent samples, expected more than {n - 1} for a covariance of {n}"
                f" dimensions; use {modes}a longer recording or fewer lags, or nmm.likelihoods.Spectral,"
                " which has no such limit"
            )

    def distribution(self, network, observe: Any, simulate, observed: Any):
        seen = see(network, observe)
        Sigma = self._predicted(seen, observed.interval, observed.directions)
        failure = first_of(seen.failure, because((~jnp.all(jnp.isfinite(Sigma)), Failure.NOT_FINITE)))
        Sigma = jnp.where(failure == 0, Sigma, jnp.eye(Sigma.shape[0], dtype=Sigma.dtype))
        return self.form.distribution(Sigma, jnp.asarray(observed.dof)), failure

    def covariance(
        self,
        network: Any,
        observe: Any,
        interval: float,
        directions: Float[np.ndarray, "channel rank"] | None = None,
    ) -> tuple[Float[Array, "entry entry"], Array]:
        """Predicted covariance with measurement noise, and whether the network is stable; with lags one block
        for each pair of them.
        """
        check_linear(self, network)
        seen = see(network, observe)
        return self._predicted(seen, interval, directions), seen.stable

    def _predicted(
        self,
        seen: LinearisedObservation,
        interval: float,
        directions: Float[np.ndarray, "channel rank"] | None,
    ) -> Float[Array, "entry entry"]:
        # Block (a, b) is E[x(t - lag_a) x(t - lag_b)ᵀ], the covariance at lag_b - lag_a.
        shifts = sorted({round(b - a, 9) for a in self.lags for b in self.lags if b >= a})
        points = self.points or (OVER_ALL if self.band is None else IN_BAND)
        found = covariances(seen, tuple(shifts), self.band, points, directions)
        n = found.shape[-1]
        common = jnp.ones(n) if directions is None else directions.sum(axis=0)
        power = jnp.trace(found, axis1=-2, axis2=-1) / n
        found = found + self.global_signal * power[:, None, None] * common[:, None] * common
        found = found + jnp.stack([jnp.asarray(_white(shift, interval, self.band)) for shift in shifts])[
            :, None, None
        ] * self._spread(n, directions)
        at = {shift: found[i] for i, shift in enumerate(shifts)}
        rows = [
            [at[round(b - a, 9)] if b >= a else at[round(a - b, 9)].T for b in self.lags] for a in self.lags
        ]
        return jnp.block(rows)

    def _spread(self, n: int, directions: Float[np.ndarray, "channel rank"] | None) -> Float[Array, "n n"]:
        """Covariance of the measurement noise."""
        channels = n if directions is None else directions.shape[0]
        variance = jnp.broadcast_to(jnp.asarray(self.noise) ** 2, (channels,))
        return (
            jnp.diag(variance)
            if directions is None
            else jnp.einsum("cr,c,cs->rs", directions, variance, directions)
        )


def _white(shift: float, interval: float, band: tuple[float, float] | None) -> float:
    """Autocovariance of white noise of unit variance, in the band."""
    if band is None:
        return float(shift == 0)
    low, high = band
    return 2.0 * interval * (high * np.sinc(2.0 * high * shift) - low * np.sinc(2.0 * low * shift))


def _filtered(
    x: Float[np.ndarray, "time channel"], interval: float, band: tuple[float, float]
) -> Float[np.ndarray, "time channel"]:
    """Only the Fourier frequencies inside the band."""
    f = np.fft.rfftfreq(len(x), interval)
    inside = (f >= band[0]) & (f <= band[1])
    if inside.sum() < 2:
        raise ValueError(
            f"Covariance(band=...): the band {1e3 * band[0]:g}–{1e3 * band[1]:g} Hz holds {int(inside.sum())}"
            f" Fourier frequencies of {len(x)} samples"
        )
    return np.fft.irfft(np.where(inside[:, None], np.fft.rfft(x, axis=0), 0.0), len(x), axis=0)
