"""Where a network rests."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._networks._network import Network
from .._tools._implicit import implicit_root
from ..couplings import Additive, Diffusive, Laplacian
from ..couplings._base import AbstractLinearCoupling
from ..models._base import AbstractLinearModel, AbstractRotatingModel
from ._local import local
from ._relaxation import FOLLOWING, relax

# Part of a state's declared range by which rounding may move a region from where the network rests.
MOVES = 1e-4


# One program: the operations of a search, one after the other, would each be compiled.
@eqx.filter_jit
def fixed_point(
    network: Network, guess: Float[Array, "state region"] | None = None
) -> Float[Array, "state region"]:
    """The state at which the noise-free network comes to rest from its initial state; or the one near
    `guess`, stable or not.

    Delays do not move it; stimuli are left out. Where several fixed points exist, it is the one that the
    network would reach in time, whatever the parameters are: to ask for another, begin nearer to it,
    `Network(initial=...)`. Where the network does not come to rest (it oscillates), it is an unstable one.
    With a guess nothing is followed in time: Newton's method goes from there. NaN where none is found.

    Its derivative is that of the implicit function, however many steps the search took; it may be mapped,
    sharded and differentiated again.
    """
    start = jnp.asarray(network.initial if guess is None else guess)
    low, high = np.array([[state.low, state.high] for state in network.model.states], dtype=np.float64).T

    def find(given: tuple[Network, Array]) -> Array:
        network, start = given
        return relax(
            lambda y: rest_drift(network, y),
            lambda y: local(network, y),
            start,
            low,
            high,
            FOLLOWING if guess is None else 0,
        )

    def residual(y: Array, given: tuple[Network, Array]) -> Array:
        return rest_drift(given[0], y)

    def solve(y: Array, given: tuple[Network, Array], b: Array) -> Array:
        return -local(given[0], y).solve(b)

    return implicit_root((network, jax.lax.stop_gradient(start)), find=find, residual=residual, solve=solve)


def rest_drift(network: Network, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
    """dy/dt of the whole network when every message has been the same for ever, and no stimulus acts."""
    return network.model.drift(jnp.asarray(0.0), y, network.undelayed(y))


def is_linear(network: Network) -> bool:
    """Whether model and couplings are linear, so that Jacobians are the same everywhere and no fixed point is
    needed.
    """
    return isinstance(network.model, AbstractLinearModel) and all(
        isinstance(c, AbstractLinearCoupling) for c in network.couplings
    )


def rotates(network: Network) -> bool:
    """Whether turning all states turns the drift with them, so that the network is stable at zero or nowhere
    (`AbstractRotatingModel`).
    """
    if not isinstance(network.model, AbstractRotatingModel):
        return False
    both = (network.model.state_names(), network.model.ports)
    return all(
        isinstance(c, Additive | Diffusive | Laplacian)
        and (network.source_of(c), network.ports_of(c)) == both
        for c in network.couplings
    )


def expansion_point(network: Network) -> Float[Array, "state region"]:
    """Where to linearise: the fixed point, or anywhere if the network is linear; zero if it is stable nowhere
    else.

    Where the network says that it rests, it is taken at its word, unless parameters were changed since then:
    NaN.
    """
    if is_linear(network) or (rotates(network) and network.rest is None):
        return jnp.zeros(jnp.shape(network.initial))
    return (
        fixed_point(network)
        if network.rest is None
        else jnp.where(_rests(network, network.rest), network.rest, jnp.nan)
    )


def _rests(network: Network, y: Float[Array, "state region"]) -> Bool[Array, ""]:
    """Whether nothing moves by more than rounding: regions alone would move by less than a small part of
    their declared ranges.
    """
    width = np.array(
        [
            state.high - state.low if np.isfinite(state.high - state.low) else 1.0
            for state in network.model.states
        ]
    )[:, None]
    rates = jnp.sum(jnp.abs(local(network, y).A) * width, axis=1)
    return jnp.all(jnp.abs(rest_drift(network, y)) <= MOVES * rates)
