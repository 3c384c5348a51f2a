"""Where a network rests."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from ..couplings.base import AbstractLinearCoupling
from ..models.base import AbstractLinearModel
from ..network import Network

MAX_STEPS = 256


# One program: the operations of a search, one after the other, would each be compiled.
@eqx.filter_jit
def fixed_point(network: Network, guess: Float[Array, "state region"] | None = None) -> Float[Array, "state region"]:
    """The state at which nothing changes, found from `guess` (None: the network's initial state).

    Delays do not move it; noise and stimuli are left out. Its gradient is that of the implicit function, however
    many iterations the search took. NaN where the search fails.

    Where a model is multistable, the guess decides which of its fixed points is found.
    """
    start = jnp.asarray(network.initial if guess is None else guess)
    dtype = jnp.result_type(start)
    tolerance = 1e-10 if dtype == jnp.float64 else 1e-5

    def search(solver: Any, start: Array) -> tuple[Array, Array]:
        solution = optx.root_find(lambda y, network: rest_drift(network, y), solver, start, args=network, max_steps=MAX_STEPS, throw=False)
        return solution.value, solution.result == optx.RESULTS.successful

    # Dogleg steps go downhill, and are caught where two fixed points have just vanished: in a Jansen–Rit column at the default input,
    # for one. Newton's steps, which go anywhere, then find the fixed point that is left.
    value, found = search(optx.Dogleg(rtol=tolerance, atol=tolerance), start)
    again = jax.lax.stop_gradient(jnp.where(found, value, start))
    value, found = jax.lax.cond(found, lambda: (value, found), lambda: search(optx.Newton(rtol=tolerance, atol=tolerance), again))
    return jnp.where(found, value, jnp.nan)


def rest_drift(network: Network, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
    """dy/dt of the whole network when every message has been the same for ever, and no stimulus acts."""
    return network.model.drift(jnp.asarray(0.0), y, network.undelayed(y))


def is_linear(network: Network) -> bool:
    """Whether model and couplings are linear, so that Jacobians are the same everywhere and no fixed point is needed."""
    return isinstance(network.model, AbstractLinearModel) and all(isinstance(c, AbstractLinearCoupling) for c in network.couplings)


def expansion_point(network: Network) -> Float[Array, "state region"]:
    """Where to linearise: the fixed point, or anywhere if the network is linear."""
    return jnp.zeros(jnp.shape(network.initial)) if is_linear(network) else fixed_point(network, jax.lax.stop_gradient(jnp.asarray(network.initial)))
