"""How finely a spectrum must be predicted: peaks may be narrower than bands."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..._networks._network import Network
from ...linear._fixed_point import is_linear
from .._base import Expected
from ._linearised_observation import see
from ._measured_spectra import CURVED, curve, measured, noise_power

# Networks that are looked at, and how many of them must be resolved.
DRAWS, MOST = 8, 0.75
# Frequencies in each band at which their spectra are looked at, and numbers of nodes that are tried.
FINE, TRIED = 48, (1, 2, 3, 4, 6, 8, 12, 16, 24)
# The power of a part of a band may be wrong by so many of its own standard errors, and the amplitude of the
# whole by so many of its own: errors of the parts add up for what all parts and channels share.
WRONG, SHARED = 0.5, 0.25
# Frequencies that are looked at beyond either end of the band: half a band and one, for the neighbours of the
# first part and the last.
BEYOND = FINE // 2 + 1


def nodes_needed(
    expected: Expected,
    band: tuple[float, float],
    bands: int,
    interval: float,
    samples: int,
    trials: int = 1,
    directions: Float[np.ndarray, "channel rank"] | None = None,
) -> int:
    """Parts into which each band must be cut, so that each is predicted as well as the data know it.

    In each part the mean power of what is observed differs by less than half of its standard error from what
    is predicted. Over all parts and channels, an amplitude that all share is off by less than a quarter of
    its own. Judged by networks drawn from the prior; most of those that are stable must be resolved. Linear
    regions of one state without delays have no peaks. Inside of a transformation of JAX the prior cannot be
    looked at: each band is one part then, with a warning.

    Args:
        expected: what the model knows of its data.
        band: (lowest, highest) in kHz.
        bands: their number.
        interval: between samples, in ms.
        samples: of a trial, which must have a coefficient for every part.
        trials: their number.
        directions: in which the data are compared; None: the channels.
    """
    from numpyro import handlers

    def drawn_network() -> Network:
        with handlers.block(), handlers.seed(rng_seed=0):
            return expected.draw()[0]

    # Its kind alone, without numbers.
    network = eqx.filter_eval_shape(drawn_network)
    if is_linear(network) and len(network.model.states) == 1 and not network.has_delays:
        return 1
    width = (band[1] - band[0]) / bands
    fine = band[0] + width * (np.arange(-BEYOND, bands * FINE + BEYOND) + 0.5) / FINE
    centres = band[0] + width * (np.arange(bands) + 0.5)

    def look(
        key: Array,
    ) -> tuple[Float[Array, " fine"], Float[Array, " fine"], Float[Array, " band"], Float[Array, ""]]:
        """Mean power of the channels without measurement noise and with it, how many independent channels of
        signal there are in each band, and `curved`.
        """
        with handlers.block(), handlers.seed(rng_seed=key):
            network, observe, likelihood = expected.draw()
        seen = see(network, observe)
        response = seen.respond(2.0 * jnp.pi * jnp.asarray(fine))
        white = jnp.broadcast_to(jnp.asarray(likelihood.noise) ** 2 * interval, response.shape[1:2])
        signal = jnp.sum(response.real**2 + response.imag**2, axis=2)
        # Of all channels alike, whatever their units.
        level = jnp.mean(signal + white, axis=0)
        H = measured(seen, jnp.asarray(centres), interval, 0.0, 0.0, directions)
        P = jnp.linalg.solve(H + noise_power(interval, likelihood.noise, response.shape[1], directions), H)
        channels = jnp.einsum("bij,bji->b", P, P).real
        mean, total = (jnp.mean(power / level, axis=1) for power in (signal, signal + white))
        failed = seen.failure != 0
        # Where the spectrum is never formed the centre of a part stands for its mean.
        curved = jnp.asarray(0.0 if directions is None and seen.factored else CURVED)
        return jnp.where(failed, jnp.nan, mean), jnp.where(failed, jnp.nan, total), channels, curved

    looked = jax.jit(lambda keys: jax.lax.map(look, keys))(jax.random.split(jax.random.key(0), DRAWS))
    if isinstance(looked[0], Tracer):
        warnings.warn(
            f"Spectral(bands={bands}): bound inside of a transformation of JAX, where peaks cannot be looked"
            " for; say nodes=...",
            stacklevel=5,
        )
        return 1
    signal, total, channels, (curved, *_) = (np.asarray(one) for one in looked)
    kept = np.isfinite(total).all(axis=1)
    if not kept.any():
        return 1
    signal, total, channels = signal[kept], total[kept], channels[kept]
    of_trial = width * samples * interval
    coefficients = of_trial * trials
    for nodes in TRIED:
        if nodes > max(1.0, of_trial):
            return max(1, int(of_trial))
        weight = coefficients / nodes
        part = np.abs(_missed(total, nodes, curved)) * np.sqrt(weight)
        # The score of a common amplitude beside its standard deviation.
        each = weight * np.repeat(channels, nodes, axis=1)
        shared = np.abs((each * _missed(signal, nodes, curved)).sum(axis=1)) / np.sqrt(each.sum(axis=1))
        if np.mean((part.max(axis=1) < WRONG) & (shared < SHARED)) >= MOST:
            return nodes
    warnings.warn(
        f"Spectral(bands={bands}): many networks of the prior have peaks narrower than"
        f" {1e3 * width / TRIED[-1]:.3g} Hz, a {TRIED[-1]}th of a band; each band is predicted at {TRIED[-1]}"
        " frequencies: use more bands, or let the prior keep away from the edge of stability",
        stacklevel=5,
    )
    return TRIED[-1]


def _missed(
    power: Float[np.ndarray, "draw fine"], nodes: int, curved: float
) -> Float[np.ndarray, "draw part"]:
    """What a prediction from the centres of the parts misses of their mean power, relative to it."""
    inside = power[:, BEYOND:-BEYOND]
    width = FINE // nodes
    mean = inside.reshape(len(power), -1, width).mean(axis=2)
    # The parts from one before the first to one behind the last, between the two points in their middle.
    first = BEYOND - width + (width - 1) // 2
    at = first + width * np.arange(mean.shape[1] + 2)
    centre = 0.5 * (power[:, at] + power[:, at + 1 - width % 2])
    return 1.0 - curve(centre.T, curved).T / mean
