"""How regions act on each other, delays left aside."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..parameters import AbstractPart


class AbstractCoupling(AbstractPart):
    """c_i = post(Σ_j w_ij pre(x_j), x_i): what is sent, its weighted sum, what the sum does.

    Every coupling of the field has this form (a sine of phase differences too, by its addition
    theorem). Splitting it there means that a message is computed once for each sender rather than
    once for each edge, that delays act on messages, and that the linearisation is two derivatives.

    Fields of every coupling:
        source: variables of the model that are sent; None: what the model declares.
        port: ports of the model that are fed; None: the model's first ports.
    """

    source: eqx.AbstractVar[tuple[str, ...] | None]
    port: eqx.AbstractVar[tuple[str, ...] | None]

    @abc.abstractmethod
    def pre(self, source: Float[Array, "sent *sender"]) -> Float[Array, "message *sender"]:
        """The message of a sender; it must work on any trailing shape.

        Its rows are one for each variable, or all variables several times (their sines, then their cosines).
        """

    @abc.abstractmethod
    def post(
        self,
        total: Float[Array, "message region"],
        target: Float[Array, "sent region"],
        strength: Float[Array, "*sent region"],
    ) -> Float[Array, "port region"]:
        """The input of a region from its summed messages, its own variables and its summed weights.

        Where regions differ in what they have, the weights are summed for each variable, over those that send
        it.
        """

    def __call__(
        self,
        source: Float[Array, "sent to from"],
        target: Float[Array, "sent region"],
        weights: Float[Array, "to from"],
    ) -> Float[Array, "port region"]:
        """The input of every region; `source` is what each `to` sees of each `from`, delayed already."""
        total = jnp.einsum("ij,mij->mi", weights, self.pre(source))
        return self.post(total, target, weights.sum(axis=1))


class AbstractPhaseCoupling(AbstractCoupling):
    """A coupling that is periodic in what is sent and in the target's own variables: whole turns of a phase
    are nothing to it.
    """


class AbstractLinearCoupling(AbstractCoupling):
    """A coupling that is linear in what is sent: its Jacobian is the same everywhere."""
