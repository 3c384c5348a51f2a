"""Stationary covariance of a linearised network."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from ._linearisation import linearise
from ._spectrum import source_response


def covariance(
    network: Network, variable: str | None = None, *, points: int = 512
) -> Float[Array, "region region_2"]:
    """Covariance of the fluctuations of `variable` around the fixed point, delays included.

    The integral of the cross-spectra over all frequencies. With ω = s tan θ the integrand is smooth and
    periodic in θ, so that the midpoint rule converges exponentially: without delays 512 points agree
    with the Lyapunov equation to 1e-8. Meaningful only where the network is stable.

    Args:
        network: with noise and without priors.
        variable: None: the model's observable.
        points: of the quadrature over positive frequencies.
    """
    if network.noise is None:
        raise ValueError(
            "covariance(network) needs a network with noise, such as nmm.Network(...,"
            " noise=nmm.noises.Additive(sigma=0.01))"
        )
    lin = linearise(network, variable)
    theta = 0.5 * np.pi * (np.arange(points) + 0.5) / points
    scale = jnp.sqrt(jnp.mean(jnp.diagonal(lin.A) ** 2)) + 1e-12  # a typical rate of the network
    omega = scale * jnp.tan(theta)
    response = source_response(lin, omega)
    density = network.noise.spectrum(omega, (len(lin.noisy), network.n_regions))
    S = jnp.einsum("fiqk,fqk,fjqk->fij", response, density, response.conj()).real
    weight = scale / jnp.cos(theta) ** 2 * (0.5 * np.pi / points) / np.pi
    return jnp.einsum("f,fij->ij", weight, S)
