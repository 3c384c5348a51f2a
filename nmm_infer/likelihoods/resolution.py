"""How finely a spectrum must be predicted: peaks may be narrower than bands."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..linear.fixed_point import is_linear
from ..network import Network
from .base import Expected
from .linear_sight import see

# Networks that are looked at, and how many of them must be resolved.
DRAWS, MOST = 8, 0.75
# Frequencies in each band at which their spectra are looked at, and numbers of nodes that are tried.
FINE, TRIED = 48, (1, 2, 3, 4, 6, 8, 12, 16, 24)
# The power of a part of a band may be wrong by so many of its own standard errors.
WRONG = 0.5


def nodes_needed(expected: Expected, band: tuple[float, float], bands: int, interval: float, samples: int, trials: int = 1) -> int:
    """Parts into which each band must be cut, so that in each the spectrum is nearly the one at its centre.

    Nearly: the mean power of what is observed differs by less than half of the standard error with which the data know it. Judged by networks drawn from the
    prior; most of those that are stable must be resolved. Linear regions of one state without delays have no peaks. Inside of a transformation of JAX the prior
    cannot be looked at: each band is one part then, with a warning.

    Args:
        expected: what the model knows of its data.
        band: (lowest, highest) in kHz.
        bands: their number.
        interval: between samples, in ms.
        samples: of a trial, which must have a coefficient for every part.
        trials: their number.
    """
    from numpyro import handlers

    def drawn_network() -> Network:
        with handlers.block(), handlers.seed(rng_seed=0):
            return expected.draw()[0]

    # Its kind alone, without numbers.
    network = eqx.filter_eval_shape(drawn_network)
    if is_linear(network) and len(network.model.states) == 1 and not network.has_delays:
        return 1
    fine = band[0] + (band[1] - band[0]) * (np.arange(bands * FINE) + 0.5) / (bands * FINE)

    def power(key: Array) -> Float[Array, "band fine"]:
        with handlers.block(), handlers.seed(rng_seed=key):
            network, observe, likelihood = expected.draw()
        seen = see(network, observe)
        response = seen.respond(2.0 * jnp.pi * jnp.asarray(fine))
        white = jnp.broadcast_to(jnp.asarray(likelihood.noise) ** 2 * interval, response.shape[1:2])
        channels = jnp.sum(response.real**2 + response.imag**2, axis=2) + white
        # Of all channels alike, whatever their units.
        mean = jnp.mean(channels / jnp.mean(channels, axis=0), axis=1)
        return jnp.where(seen.failure == 0, mean, jnp.nan).reshape(bands, FINE)

    powers = jax.jit(lambda keys: jax.lax.map(power, keys))(jax.random.split(jax.random.key(0), DRAWS))
    if isinstance(powers, Tracer):
        warnings.warn(f"Spectral(bands={bands}): bound inside of a transformation of JAX, where peaks cannot be looked for; say nodes=...", stacklevel=5)
        return 1
    drawn = np.asarray(powers)
    drawn = drawn[np.isfinite(drawn).all(axis=(1, 2))]
    if not len(drawn):
        return 1
    of_trial = (band[1] - band[0]) / bands * samples * interval
    coefficients = of_trial * trials
    for nodes in TRIED:
        if nodes > max(1.0, of_trial):
            return max(1, int(of_trial))
        parts = drawn.reshape(len(drawn), bands * nodes, FINE // nodes)
        mean, centre = parts.mean(axis=2), 0.5 * (parts[:, :, (FINE // nodes - 1) // 2] + parts[:, :, FINE // nodes // 2])
        off = np.abs(centre / mean - 1.0).max(axis=1) * np.sqrt(coefficients / nodes)
        if np.mean(off < WRONG) >= MOST:
            return nodes
    warnings.warn(
        f"Spectral(bands={bands}): many networks of the prior have peaks narrower than {1e3 * (band[1] - band[0]) / bands / TRIED[-1]:.3g} Hz, a "
        f"{TRIED[-1]}th of a band; each band is predicted at {TRIED[-1]} frequencies: use more bands, or let the prior keep away from the edge of stability",
        stacklevel=5,
    )
    return TRIED[-1]
