"""Local Jacobians of a network at a point."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from ..couplings._base import AbstractLinearCoupling
from ._fixed_point import expansion_point, rotates
from ._local import columns, local


class Linearisation(NamedTuple):
    """A network to first order: y' = A y + B u, messages = C y, observed = m y + d u, u = Σ_j K_ij
    messages_j.

    Everything is local to a region but the weights; derivatives are per ms.

    Fields:
        A: state by state, with what a coupling adds through the region's own state (diffusion).
        B: state by arriving message.
        C: message by state.
        m: derivative of the observed variable by state.
        d: derivative of the observed variable by arriving message; zero but for variables that depend on the
            input.
        weights, delays: of the messages, delays in ms; None: no delays.
        noisy: indices of the states that noise drives.
        gate: 1 where it drives them, 0 where not; None: everywhere.
        sees_message: whether what is observed is, in every region, a function of the only message that it
            sends, or the other way round.
        rotates: whether each of A, B and C is a complex number, [[re, -im], [im, re]], for the two states of
            a region are one (`AbstractRotatingModel`).
    """

    A: Float[Array, "state state region"]
    B: Float[Array, "state message region"]
    C: Float[Array, "message state region"]
    m: Float[Array, "state region"]
    d: Float[Array, "message region"]
    weights: Float[Array, "to from"]
    delays: Float[Array, "to from"] | None
    noisy: tuple[int, ...]
    gate: Float[np.ndarray, "noisy region"] | None = None
    sees_message: bool = False
    rotates: bool = False

    @property
    def n_states(self) -> int:
        """States of one region."""
        return self.A.shape[0]

    @property
    def n_messages(self) -> int:
        """Messages that one region sends."""
        return self.B.shape[1]

    @property
    def n_regions(self) -> int:
        """Regions of the network."""
        return self.A.shape[-1]

    def jacobian(self) -> Float[Array, "system system"]:
        """The Jacobian of the whole network as if there were no delays, states varying slowest."""
        n = self.n_states * self.n_regions
        local = jnp.einsum("str,rq->srtq", self.A, jnp.eye(self.n_regions))
        coupled = jnp.einsum("smr,rq,mtq->srtq", self.B, self.weights, self.C)
        return (local + coupled).reshape(n, n)


def linearise(
    network: Network, variable: str | None = None, point: Float[Array, "state region"] | None = None
) -> Linearisation:
    """Jacobians of `network` for the observed `variable` (None: the model's observable).

    Args:
        network: without priors.
        variable: what is observed.
        point: where to linearise; None: `expansion_point`, where the network rests.
    """
    y = expansion_point(network) if point is None else point
    A, B, C, weights = local(network, y)
    name = variable or network.model.observable
    m, d = _observed(network, name, y, weights)
    of_state = name not in network.model.driven_variables()
    # A coupling that saturates may send nothing at all.
    linear = len(network.couplings) == 1 and isinstance(network.couplings[0], AbstractLinearCoupling)
    sees_message = C.shape[0] == 1 and linear and of_state and (y.shape[0] == 1 or _sends(network, name))
    at_zero = point is None and network.rest is None
    as_one = at_zero and linear and of_state and rotates(network)
    return Linearisation(
        A, B, C, m, d, weights, network.delays, network.noisy_rows, network.noise_gate, sees_message, as_one
    )


def _observed(
    network: Network, name: str, y: Float[Array, "state region"], weights: Float[Array, "to from"]
) -> tuple[Float[Array, "state region"], Float[Array, "message region"]]:
    """Derivatives of the variable `name` by the states of its region, and by the messages that arrive there;
    zero in regions that do not have it.
    """
    if name not in network.model.driven_variables():
        return columns(lambda y: network.model.sent((name,), y), y)[0], jnp.zeros(
            (network.n_messages(), network.n_regions), y.dtype
        )
    total, strengths = jnp.einsum("ij,mj->mi", weights, network.messages(y)), network.strengths(weights)

    def seen(y: Array, total: Array) -> Array:
        value = network.model.variable(name, y, network.inputs(total, y, strengths))
        return jnp.where(has, value, 0.0)[None]

    has = (
        jnp.asarray(True)
        if (senders := network.model.senders((name,))) is None
        else jnp.asarray(senders[0] > 0)
    )
    m = columns(lambda y: seen(y, total), y)[0]
    return m, columns(lambda total: seen(y, total), total)[0] if network.couplings else total


def _sends(network: Network, name: str) -> bool:
    """Whether every region sends the variable `name`, and nothing else."""
    (coupling,) = network.couplings
    return network.source_of(coupling) == (name,) and network.model.senders((name,)) is None
