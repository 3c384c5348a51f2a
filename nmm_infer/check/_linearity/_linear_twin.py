"""Recordings of a network with all its nonlinearities, and of its linear twin under the same noise."""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ..._networks._network import Network
from ...likelihoods import Covariance, Spectral
from ...likelihoods._linearised._linearised_observation import see
from ...linear import fixed_point, linearise
from ...noises import OrnsteinUhlenbeck
from ...noises._base import AbstractNoise
from ...observe import Bold, HemodynamicResponse, LeadField
from ...observe._base import AbstractLinear
from ...observe._fold import AbstractStream
from ...observe._streaming import streaming
from ...problems._sites import at
from ...solving import solve

# The twin's noise relative to the network's. What is left of second-order terms is as small, and in double
# precision nothing is lost to rounding.
QUIET = 1e-4
# Heun's steps times the fastest rate: variances are then off by a quarter of its square, 0.25 %.
STEP = 0.1
# The transient times the slowest rate: what is missing of a variance then is exp(-10).
TRANSIENT = 5.0
# Until blood flow rests: some ten time constants of the Balloon–Windkessel model.
HAEMODYNAMICS = 30_000.0
# A network whose last tenth lies, in the median, so many standard deviations of its linear twin from the
# fixed point has left it.
LEFT = 6.0
# Frequencies at which the power of a global signal is computed; it is interpolated between them.
FREQUENCIES = 512


class Times(NamedTuple):
    """The grid of a simulation in ms, and the number of samples."""

    interval: float
    step: float
    transient: float
    samples: int


class Pair(NamedTuple):
    """Recordings of a network, and whether it left its fixed point.

    Fields:
        full: of the network itself.
        twin: of the network made linear at its fixed point, in the same noise.
        left: whether the network was elsewhere at the end.
    """

    full: Float[Array, "time channel"]
    twin: Float[Array, "time channel"]
    left: Bool[Array, ""]


class Quiet(AbstractNoise):
    """`noise`, times a factor."""

    noise: AbstractNoise
    factor: Float[Array, ""]
    states: tuple[str, ...] | None = eqx.field(static=True)

    def __init__(self, noise: AbstractNoise, factor: Float[Array, ""]):
        self.noise, self.factor, self.states = noise, factor, noise.states

    @property
    def has_memory(self):
        """As that of `noise`."""
        return self.noise.has_memory

    def start(self, key, shape):
        """As that of `noise`: the factor acts on what leaves it."""
        return self.noise.start(key, shape)

    def block(self, key, carry, first, n, step):
        """The same numbers, times the factor."""
        carry, drawn = self.noise.block(key, carry, first, n, step)
        return carry, self.factor * drawn

    def spectrum(self, omega, shape):
        """The same, times its square."""
        return self.factor**2 * self.noise.spectrum(omega, shape)


def rates(problem: Any, sites: dict[str, Array]) -> Float[Array, "2"]:
    """The fastest rate of a linearised network, region by region and as a whole, and the slowest at which
    anything decays (per ms), as if without delays.
    """
    with at(sites):
        network, _, _ = problem.draw()
    linear = linearise(network)
    local = jnp.linalg.eigvals(jnp.moveaxis(linear.A, -1, 0))
    whole = jnp.linalg.eigvals(linear.jacobian())
    fastest = jnp.maximum(jnp.abs(local).max(), jnp.abs(whole).max())
    if isinstance(network.noise, OrnsteinUhlenbeck):
        fastest = jnp.maximum(fastest, jnp.max(1.0 / jnp.asarray(network.noise.tau)))
    return jnp.stack([fastest, jnp.min(-whole.real)])


def times(
    observe: AbstractLinear,
    interval: float,
    samples: int,
    found: Float[np.ndarray, "draw 2"],
    step: float | None,
    transient: float | None,
) -> Times:
    """A step that divides the time between samples, and a transient no longer than the recording, unless they
    are given.
    """
    longest = STEP / found[:, 0].max() if step is None else step
    if step is None and isinstance(observe, Bold | HemodynamicResponse):
        longest = min(longest, observe.resolution)
    if transient is None:
        transient = min(TRANSIENT / max(float(found[:, 1].min()), 1e-12), samples * interval)
        if isinstance(observe, Bold):
            transient += HAEMODYNAMICS
        if isinstance(observe, HemodynamicResponse):
            transient += observe.kernel.duration
    return Times(interval, interval / int(np.ceil(interval / longest - 1e-9)), float(transient), samples)


def pair(
    problem: Any,
    sites: dict[str, Array],
    key: PRNGKeyArray,
    times: Times,
    directions: Float[np.ndarray, "channel rank"] | None,
) -> Pair:
    """One recording of each kind at `sites`, with the measurement noise and the global signal of the
    likelihood.

    The twin is the same simulation in a ten-thousandth of the noise, magnified by as much: the solver's
    error, the observation and the random numbers are the same, so that whatever is different about it is the
    nonlinearity.
    """
    key_network, key_noise, key_global = jax.random.split(key, 3)
    with at(sites):
        network, observe, likelihood = problem.draw()
    network = network.beginning(fixed_point(network))
    sampled = streaming(_sampled(observe, times.interval), times.interval)
    assert sampled is not None

    def run(factor: Array) -> Array:
        quiet = eqx.tree_at(lambda network: network.noise, network, Quiet(network.noise, factor))
        return solve(
            quiet,
            times.samples * times.interval,
            step=times.step,
            transient=times.transient,
            key=key_network,
            observe=sampled,
        ).values

    full, small = jax.vmap(run)(jnp.asarray([1.0, QUIET]))
    level = small.mean(axis=0)
    twin = level + (small - level) / QUIET
    end = jnp.median(full[-max(1, times.samples // 10) :], axis=0)
    left = jnp.any(jnp.abs(end - level) > LEFT * twin.std(axis=0))
    added = _measurement(
        likelihood, observe, network, full.shape, times, directions, problem, key_noise, key_global
    )
    return Pair(full + added, twin + added, left)


def _sampled(observe: AbstractLinear, interval: float) -> AbstractLinear:
    """The observation with the data's time between samples."""
    return dataclasses.replace(observe, period=interval) if isinstance(observe, AbstractStream) else observe


def _measurement(
    likelihood: Spectral | Covariance,
    observe: AbstractLinear,
    network: Network,
    shape: tuple[int, ...],
    times: Times,
    directions: Float[np.ndarray, "channel rank"] | None,
    problem: Any,
    key_noise: PRNGKeyArray,
    key_global: PRNGKeyArray,
) -> Float[Array, "time channel"]:
    """What the likelihood adds to what is observed of a network: noise of the sensors, and a signal that all
    of them share.
    """
    noise = jnp.asarray(likelihood.noise) * jax.random.normal(key_noise, shape)
    if isinstance(observe, LeadField):
        noise = noise @ observe.reference().T
    if isinstance(problem.likelihood.global_signal, int | float) and problem.likelihood.global_signal == 0.0:
        return noise
    nyquist = 0.5 / times.interval
    frequencies = nyquist * (np.arange(FREQUENCIES) + 0.5) / FREQUENCIES
    seen = see(network, observe)

    def power(frequency: Array) -> Array:
        response = seen.respond(2.0 * jnp.pi * frequency[None])[0]
        response = response if directions is None else jnp.asarray(directions).T @ response
        return jnp.sum(response.real**2 + response.imag**2) / response.shape[0]

    at_all = jnp.interp(
        np.fft.rfftfreq(shape[0], times.interval), frequencies, jax.lax.map(power, jnp.asarray(frequencies))
    )
    # White noise of unit variance has the two-sided density `interval`.
    white = jnp.fft.rfft(jax.random.normal(key_global, (shape[0],)))
    shared = jnp.fft.irfft(
        white * jnp.sqrt(jnp.asarray(likelihood.global_signal) * at_all / times.interval), shape[0]
    )
    return noise + shared[:, None]
