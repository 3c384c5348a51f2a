"""Covariances, at any lag, of what is seen of a linearised network."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ...linear._lyapunov_equation import lyapunov
from ...noises._additive import Additive
from ...observe._lead_field import LeadField
from ...observe._subsample import Subsample
from ._linearised_observation import LinearisedObservation

# The spectrum is integrated from 10⁻⁶ to 10² rad/ms: periods from 0.06 ms to almost two hours.
SLOWEST, FASTEST = 1e-6, 1e2


def covariances(
    seen: LinearisedObservation,
    lags: tuple[float, ...],
    band: tuple[float, float] | None,
    points: int,
    directions: Float[np.ndarray, "channel rank"] | None,
) -> Float[Array, "lag channel channel"]:
    """E[x_i(t + lag) x_j(t)] of the measured fluctuations x, for lags in ms; inside `band` (kHz), if there is
    one.

    White noise without delays, seen directly or through a lead field: the Lyapunov equation, and the
    exponential of the Jacobian for lags. All else: the integral of the spectrum.
    """
    direct = isinstance(seen.observe, Subsample | LeadField) and isinstance(seen.noise, Additive)
    if direct and seen.linear.delays is None and band is None:
        return _from_lyapunov(seen, lags, directions)
    return _from_spectrum(seen, lags, band, points, directions)


def _from_lyapunov(
    seen: LinearisedObservation, lags: tuple[float, ...], directions: Float[np.ndarray, "channel rank"] | None
) -> Float[Array, "lag channel channel"]:
    linear = seen.linear
    shape = (linear.n_states, linear.n_regions)
    density = seen.noise.spectrum(jnp.zeros(1), (len(linear.noisy), linear.n_regions))[0]
    density = density if linear.gate is None else density * linear.gate**2
    Q = jnp.zeros(shape).at[jnp.asarray(linear.noisy)].set(density)
    J = linear.jacobian()
    # Where the network is unstable the equation has a solution that means nothing, and the density is zero
    # anyway.
    J = jnp.where(seen.stable, J, -jnp.eye(J.shape[0]))
    X = lyapunov(J, jnp.diag(Q.ravel()))
    local = jnp.einsum("sr,rq->rsq", linear.m, jnp.eye(linear.n_regions))
    arriving = jnp.einsum("mr,rq,msq->rsq", linear.d, linear.weights, linear.C)
    measure = (local + arriving).reshape(linear.n_regions, -1)
    measure = seen.observe.respond(jnp.zeros(1), measure[None] + 0j)[0].real
    measure = measure if directions is None else directions.T @ measure
    return jnp.stack(
        [measure @ (X if lag == 0 else jax.scipy.linalg.expm(J * lag) @ X) @ measure.T for lag in lags]
    )


def _from_spectrum(
    seen: LinearisedObservation,
    lags: tuple[float, ...],
    band: tuple[float, float] | None,
    points: int,
    directions: Float[np.ndarray, "channel rank"] | None,
) -> Float[Array, "lag channel channel"]:
    omega, complex_weights = quadrature(lags, band, points)
    weights = jnp.asarray(complex_weights)
    H = seen.respond(jnp.asarray(omega))
    H = H if directions is None else jnp.einsum("cr,fck->frk", directions, H)
    S: Complex[Array, "frequency channel channel"] = H @ jnp.swapaxes(H.conj(), -1, -2)
    # ∫ S e^{iω lag} dω / 2π over both signs of ω.
    return jnp.einsum("lf,fij->lij", weights.real, S.real) - jnp.einsum("lf,fij->lij", weights.imag, S.imag)


def quadrature(
    lags: tuple[float, ...], band: tuple[float, float] | None, points: int
) -> tuple[Float[np.ndarray, " frequency"], Complex[np.ndarray, "lag frequency"]]:
    """Frequencies (rad/ms) and weights with ∫ S(ω) e^{iω lag} dω / π ≈ Σ weights S(ω), over positive ω.

    In a band, Gauss–Legendre. Over all frequencies the grid is equidistant in log ω. For lag 0 the
    trapezoidal rule in log ω, which converges exponentially for smooth spectra; beyond both ends S is taken
    as constant and as falling with ω⁻². For other lags e^{iω lag} is not resolved at high ω, so S is
    interpolated linearly and its product with the wave integrated exactly (Filon 1928).
    """
    if band is not None:
        low, high = (2.0 * np.pi * edge for edge in band)
        nodes, w = np.polynomial.legendre.leggauss(points)
        omega = 0.5 * (high - low) * nodes + 0.5 * (high + low)
        return omega, 0.5 * (high - low) * w * np.exp(1j * np.outer(lags, omega)) / np.pi
    omega = np.geomspace(SLOWEST, FASTEST, points)
    rows: list[Any] = []
    for lag in lags:
        if lag == 0:
            w = np.log(omega[1] / omega[0]) * omega + 0j
            w[[0, -1]] *= 0.5
            w[-1] += omega[-1]
        else:
            w = _filon(omega, lag)
        w[0] += omega[0]
        rows.append(w)
    return omega, np.stack(rows) / np.pi


def _filon(omega: Float[np.ndarray, " frequency"], lag: float) -> Complex[np.ndarray, " frequency"]:
    """Weights of the integral of a piecewise linear function times e^{iω lag}."""
    a, b = omega[:-1], omega[1:]
    x = (b - a) * lag
    wave = np.exp(1j * a * lag)
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, x)
    # ∫_0^1 e^{ixt} dt, and ∫_0^1 t e^{ixt} dt; their series for small x.
    whole = np.where(small, 1.0 + 0.5j * x - x**2 / 6.0, (np.exp(1j * safe) - 1.0) / (1j * safe))
    rising = np.where(
        small, 0.5 + 1j * x / 3.0 - x**2 / 8.0, (np.exp(1j * safe) * (1.0 - 1j * safe) - 1.0) / safe**2
    )
    w = np.zeros(len(omega), complex)
    w[:-1] += (b - a) * wave * (whole - rising)
    w[1:] += (b - a) * wave * rising
    return w
