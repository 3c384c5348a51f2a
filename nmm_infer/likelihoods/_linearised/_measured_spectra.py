"""Cross-spectra of what is recorded."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..._distributions._complex_normal import gram
from ._linearised_observation import LinearisedObservation


def measured(
    seen: LinearisedObservation,
    frequencies: Float[Array, " frequency"],
    interval: float,
    noise: Any,
    global_signal: Any,
    directions: Float[np.ndarray, "channel rank"] | None,
) -> Complex[Array, "frequency channel channel"]:
    """Cross-spectral density with white measurement noise and a global signal, in the given directions."""
    response = seen.respond(2.0 * jnp.pi * jnp.asarray(frequencies))
    channels = response.shape[1]
    common = jnp.ones(channels)
    if directions is not None:
        response = jnp.einsum("cr,fck->frk", directions, response)
        common = directions.sum(axis=0)
    S = gram(response)
    mean_power = jnp.trace(S, axis1=-2, axis2=-1).real / S.shape[-1]
    of_noise = noise_power(interval, noise, channels, directions)
    return S + (global_signal * mean_power)[:, None, None] * common[:, None] * common[None, :] + of_noise


def noise_power(
    interval: float, noise: Any, channels: int, directions: Float[np.ndarray, "channel rank"] | None
) -> Float[Array, "channel channel"]:
    """Density of white measurement noise of standard deviation `noise`, in the given directions."""
    white = jnp.broadcast_to(jnp.asarray(noise) ** 2 * interval, (channels,))
    # Noise at the sensors before referencing; in an orthonormal basis of what referencing leaves, equal noise
    # stays white.
    return jnp.diag(white) if directions is None else jnp.einsum("cr,c,cs->rs", directions, white, directions)


# Of the second difference of neighbours, what the mean over a part has more than its centre.
CURVED = 1.0 / 24.0


def curve(S: Any, curved: float) -> Any:
    """Means over the parts of a band from values at their centres, `["1+part+1 ..."]`: right to the fourth
    order of a part's width.

    Weights are positive, so that means of cross-spectra stay positive definite.
    """
    return (1.0 - 2.0 * curved) * S[1:-1] + curved * (S[:-2] + S[2:])
