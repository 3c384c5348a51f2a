"""The loop: steps in blocks, blocks in frames."""

from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..network import Network
from ..noises.base import NoiseBlock
from ..noises.innovations import Innovations
from .delays import Delays, Plan
from .lines import REVERSE, Transport
from .term import StepTerm

# Without delays nothing limits a block; this many steps of noise are drawn at once.
NOISE_BLOCK = 64


class Carry(NamedTuple):
    """What goes from block to block. `history`, `recent` (for short edges) and `noise` are None where there are none."""

    n: Array
    y: Float[Array, "state region"]
    history: Float[Array, "message region past"] | None
    recent: Float[Array, "message region past"] | None
    noise: Float[Array, "noisy region"] | None


class Stepper:
    """Advances one network by any number of steps; exists while a program is traced."""

    def __init__(
        self,
        network: Network,
        solver: diffrax.AbstractSolver,
        step: float,
        start: float,
        plan: Plan | None,
        key: PRNGKeyArray | Innovations | None,
        transport: Transport = REVERSE,
    ):
        self.network = network
        self.solver = solver
        self.step = step
        self.start = start
        self.plan = plan
        self.key = key
        self.transport = transport
        self.weights = jnp.asarray(network.connectome.weights)
        self.strengths = network.strengths(self.weights)
        self.delays = None if plan is None else Delays(network, plan, step)
        names = network.model.state_names()
        self.gate = network.noise_gate
        self.noisy = [names.index(state) for state in network.noisy_states]

    def init(self) -> Carry:
        """The state at the start, with constant history; NaN if a delay is outside the plan."""
        y = jnp.asarray(self.network.initial)
        history = recent = noise = None
        if self.delays is not None:
            assert self.plan is not None
            y = jnp.where(self.delays.valid(), y, jnp.nan)
            sent = self.network.messages(y)
            history = self.transport.begin(self.plan.history, self.delays.way, sent)
            recent = jnp.broadcast_to(sent[..., None], (*sent.shape, self.plan.recent)) if self.plan.recent else None
        if self.network.noise is not None:
            noise = self.network.noise.start(self.key, (len(self.noisy), self.network.n_regions)).astype(y.dtype)  # pyright: ignore[reportArgumentType]
        return Carry(jnp.asarray(0, jnp.int32), y, history, recent, noise)

    def advance(self, carry: Carry, n: int) -> tuple[Carry, Float[Array, "step state region"]]:
        """`n` steps, and the state after each of them."""
        size = self.block_size(n)
        whole, rest = divmod(n, size)
        pieces = []
        if whole:
            carry, states = jax.lax.scan(lambda carry, _: self._block(carry, size), carry, length=whole)
            pieces.append(states.reshape(whole * size, *carry.y.shape))
        if rest:
            carry, states = self._block(carry, rest)
            pieces.append(states)
        return carry, pieces[0] if len(pieces) == 1 else jnp.concatenate(pieces)

    def block_size(self, n: int) -> int:
        """Steps that are prepared together."""
        if self.plan is not None:
            return min(n, self.plan.block)
        return min(n, NOISE_BLOCK) if self.network.noise is not None else n

    def _block(self, carry: Carry, n: int) -> tuple[Carry, Float[Array, "step state region"]]:
        arrived, history = None, carry.history
        if self.delays is not None:
            assert history is not None
            arrived, history = self.transport.receive(n, self.delays.way, history)
        noise, drawn = carry.noise, NoiseBlock(None, None)
        if self.network.noise is not None:
            assert carry.noise is not None
            noise, drawn = self.network.noise.block(self.key, carry.noise, carry.n, n, self.step)  # pyright: ignore[reportArgumentType]
        xs = {
            "n": carry.n + jnp.arange(n),
            "arrived": None if arrived is None else (arrived[:-1], arrived[1:]),
            "increment": None if drawn.increments is None else self._spread(drawn.increments),
            "forcing": None if drawn.forcing is None else (self._spread(drawn.forcing[:-1]), self._spread(drawn.forcing[1:])),
        }
        (y, recent), states = jax.lax.scan(self._step, (carry.y, carry.recent), xs)
        if self.delays is not None:
            assert history is not None
            sent = jnp.transpose(jax.vmap(self.network.messages)(states), (1, 2, 0))
            history = self.transport.send(n, self.delays.way, history, sent)
        return Carry(carry.n + n, y, history, recent, noise), states

    def _spread(self, values: Float[Array, "step noisy region"]) -> Float[Array, "step state region"]:
        """Noise on all states, zero where none acts."""
        values = values if self.gate is None else values * self.gate
        if self.noisy == list(range(len(self.network.model.states))):
            return values
        zeros = jnp.zeros((values.shape[0], len(self.network.model.states), values.shape[2]), values.dtype)
        return zeros.at[:, jnp.asarray(self.noisy)].set(values)

    def _step(self, carry: tuple[Any, Any], xs: dict[str, Any]) -> tuple[tuple[Any, Any], Float[Array, "state region"]]:
        y, recent = carry

        def drift(t: float, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
            c = self._coupling(t / self.step, y, xs["arrived"], recent)
            change = self.network.driven_drift(self.start + xs["n"] * self.step + t, y, c)
            return change if xs["forcing"] is None else change + _between(xs["forcing"], t / self.step)

        term = StepTerm(drift, xs["increment"])
        memory = self.solver.init(term, 0.0, self.step, y, None)
        y, _, _, _, _ = self.solver.step(term, 0.0, self.step, y, None, memory, False)
        if recent is not None:
            recent = jnp.concatenate([recent[..., 1:], self.network.messages(y)[..., None]], axis=-1)
        return (y, recent), y

    def _coupling(self, theta: float, y: Float[Array, "state region"], arrived: Any, recent: Any) -> Float[Array, "port region"]:
        network = self.network
        if arrived is None:
            total = jnp.einsum("ij,mj->mi", self.weights, network.messages(y))
        else:
            total = _between(arrived, theta)
            if recent is not None:
                assert self.delays is not None
                total = total + self.delays.stage(recent, network.messages(y), theta)
        return network.inputs(total, y, self.strengths)


def _between(ends: tuple[Array, Array], theta: Any) -> Array:
    """Linear interpolation; the ends of a step, where Heun's stages are, cost nothing."""
    if isinstance(theta, float) and theta == 0.0:
        return ends[0]
    if isinstance(theta, float) and theta == 1.0:
        return ends[1]
    return ends[0] + theta * (ends[1] - ends[0])
