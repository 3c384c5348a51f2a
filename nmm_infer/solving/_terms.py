"""A network as Diffrax's terms, for those who call Diffrax themselves."""

import diffrax
import jax.numpy as jnp
import lineax as lx

from .._networks._network import Network
from ..noises._additive import Additive
from ..priors._sample import priors


def terms(network: Network, path: diffrax.AbstractBrownianPath | None = None) -> diffrax.AbstractTerm:
    """The drift of a network, and its white noise along `path`, for `diffrax.diffeqsolve(nmm.terms(network),
    solver, ..., y0=network.initial)`.

    All that Diffrax can do is then at hand: other solvers, adaptive steps with noise, events. States are
    `["state region"]` and times ms; phases are not wrapped.

    Args:
        network: without priors and delays.
        path: such as `diffrax.VirtualBrownianTree(t0, t1, tol, shape=network.initial.shape, key=key)`, for
            noise.

    Returns:
        `diffrax.ODETerm`, or with noise `diffrax.MultiTerm` of it and a `diffrax.ControlTerm`.

    Raises:
        ValueError: priors are left, delays, noise that is not white, or noise and no path.
    """
    free = priors(network)
    if free:
        raise ValueError(
            f"terms(network) still has priors at {', '.join(free)}; draw them with nmm.sample(network) inside"
            " a NumPyro model"
        )
    if network.has_delays:
        raise ValueError(
            "terms(network) got conduction delays (speed), for which Diffrax has no term; use nmm.solve, or"
            " leave the speed out"
        )
    drift = diffrax.ODETerm(lambda t, y, args: network.drift(t, y))
    if network.noise is None:
        return drift
    if not isinstance(network.noise, Additive):
        raise ValueError(
            f"terms(network) got the noise {type(network.noise).__name__}, expected white noise,"
            " nmm.noises.Additive; use nmm.solve"
        )
    shape = jnp.shape(network.initial)
    if path is None:
        raise ValueError(
            "terms(path=...) is missing for a network with noise, expected a Brownian motion of shape"
            f" {shape}, such as diffrax.VirtualBrownianTree(t0, t1, tol=0.1, shape={shape},"
            " key=jax.random.key(0))"
        )
    gate = 1.0 if network.noise_gate is None else network.noise_gate
    sigma = jnp.zeros(shape).at[jnp.asarray(network.noisy_rows)].set(jnp.asarray(network.noise.sigma) * gate)
    return diffrax.MultiTerm(
        drift, diffrax.ControlTerm(lambda t, y, args: lx.DiagonalLinearOperator(sigma), path)
    )
