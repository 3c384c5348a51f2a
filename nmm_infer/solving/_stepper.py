"""The loop: steps in blocks, in one another where delays differ, and blocks in stretches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._ending import Ending
from .._networks._network import Network
from .._tools._loops import scan
from ..noises._innovations import Innovations
from ._clock import Clock
from ._delay_lines import REVERSE, Block, Transport
from ._delays import Delays, Plan
from ._scheme import Scheme
from ._term import StepTerm

# Without delays nothing limits a block; this many steps of noise are drawn at once.
NOISE_BLOCK = 64


class Carry(NamedTuple):
    """What goes from stretch to stretch.

    `lost` is what rounding took from the state, None in double precision. `pasts` (one for each level of
    edges) is empty without delays; `recent` (for short edges) and `noise` are None where there are none, and
    `history` (the messages of the longest past, to go on from) where nobody asked for it.
    """

    n: Array
    y: Float[Array, "state region"]
    lost: Float[Array, "state region"] | None
    pasts: tuple[Float[Array, "message region past"], ...]
    recent: Float[Array, "message region past"] | None
    noise: Float[Array, "noisy region"] | None
    history: Float[Array, "message region past"] | None


class Moment(NamedTuple):
    """What goes from block to block inside a stretch: `k` steps of it are done, `lines` are the messages
    under way.
    """

    k: Array
    y: Float[Array, "state region"]
    lost: Float[Array, "state region"] | None
    lines: tuple[Float[Array, "message region past+stretch"], ...]
    recent: Float[Array, "message region past"] | None
    noise: Float[Array, "noisy region"] | None


class Steps(NamedTuple):
    """What is known of steps once they are made.

    Fields:
        states: after each of them.
        inputs: coupling input and stimuli at the same times; None if nobody asked for them.
    """

    states: Float[Array, "step state region"]
    inputs: Float[Array, "step port region"] | None


class Ahead(NamedTuple):
    """What is known of coming steps before they are made, each with the step as its first axis; None: nothing
    of the kind.

    Fields:
        n: number of the step.
        arrived: delayed input at the start and at the end.
        increment: of the noise.
    """

    n: Array
    arrived: tuple[Float[Array, "step message region"], Float[Array, "step message region"]] | None
    increment: Float[Array, "step state region"] | None


class Stepper:
    """Advances one network by any number of steps; exists while a program is traced."""

    def __init__(
        self,
        network: Network,
        scheme: Scheme,
        step: float,
        start: float,
        plan: Plan | None,
        key: PRNGKeyArray | Innovations | None,
        transport: Transport = REVERSE,
        inputs: bool = False,
        after: Ending | None = None,
        history: bool = False,
    ):
        self.network = network
        self.scheme = scheme
        self.step = step
        self.start = start
        self.plan = plan
        self.key = key
        self.transport = transport
        self.keeps_inputs = inputs
        self.after = after
        self.keeps_history = history and plan is not None
        # Noise that is given is that of the steps of this run.
        self.first = after.n if after is not None and isinstance(key, Innovations) else 0
        self.delays = None if plan is None else Delays(network, plan, step)
        self.weights = jnp.asarray(network.connectome.weights) if self.delays is None else self.delays.weights
        self.strengths = network.strengths(self.weights)
        self.clock = Clock(network, start, step)
        self.periods = network.periods
        self.gate = network.noise_gate
        self.noisy = network.noisy_rows

    def init(self) -> Carry:
        """The state at the start, with a constant past; or where the run before ended. NaN if a delay is
        outside the plan.
        """
        after = self.after
        y = (
            self.network.wrapped(jnp.asarray(self.network.initial))
            if after is None
            else jnp.asarray(after.state)
        )
        pasts, recent, noise, history = (), None, None, None
        if self.plan is not None and self.delays is not None:
            y = jnp.where(self.delays.valid(), y, jnp.nan)
            if after is None:
                begin, known = self.transport.begin, self.network.messages(y)
                history = jnp.broadcast_to(known[..., None], (*known.shape, self.plan.history))
            else:
                begin, known = self.transport.resume, jnp.asarray(after.history, y.dtype)
                history = known[..., known.shape[-1] - self.plan.history :]
            pasts = tuple(
                begin(level.past, way.back, self.delays.pace, known)
                for level, way in zip(self.plan.levels, self.delays.ways, strict=True)
            )
            recent = history[..., self.plan.history - self.plan.recent :] if self.plan.recent else None
        if self.network.noise is not None:
            noise = None if after is None else after.noise
            if noise is None:
                noise = self.network.noise.start(self.key, (len(self.noisy), self.network.n_regions))  # pyright: ignore[reportArgumentType]
            noise = jnp.asarray(noise, y.dtype)
        n = jnp.asarray(0 if after is None else after.n, jnp.int32)
        lost = self.scheme.begin(y)
        if lost is not None and after is not None and after.lost is not None:
            lost = jnp.asarray(after.lost, y.dtype)
        return Carry(n, y, lost, pasts, recent, noise, history if self.keeps_history else None)

    def advance(self, carry: Carry, n: int) -> tuple[Carry, Steps]:
        """A stretch of `n` steps."""
        lines = tuple(self.transport.extend(n, past) for past in carry.pasts)
        moment = Moment(jnp.asarray(0, jnp.int32), carry.y, carry.lost, lines, carry.recent, carry.noise)
        moment, (steps, sent) = _in_blocks(
            lambda moment, size, _: self._block(carry.n, moment, size), moment, n, self.block_size(n), None
        )
        pasts = tuple(self.transport.close(n, line) for line in moment.lines)
        history = carry.history
        if history is not None:
            kept = history.shape[-1]
            history = jnp.concatenate(
                [history[..., min(n, kept) :], jnp.transpose(sent[max(0, n - kept) :], (1, 2, 0))], axis=-1
            )
        return Carry(carry.n + n, moment.y, moment.lost, pasts, moment.recent, moment.noise, history), steps

    def block_size(self, n: int) -> int:
        """Steps that are prepared together."""
        if self.plan is not None:
            return min(n, self.plan.block)
        return min(n, NOISE_BLOCK) if self.network.noise is not None else n

    def _block(self, before: Array, moment: Moment, n: int) -> tuple[Moment, tuple[Steps, Any]]:
        """`n` steps, with their noise, and messages where their history is kept; `before` the stretch there
        were others.
        """
        first = before + moment.k
        noise, increment = moment.noise, None
        if self.network.noise is not None:
            assert noise is not None
            with jax.named_scope("noise"):
                noise, drawn = self.network.noise.block(self.key, noise, first - self.first, n, self.step)  # pyright: ignore[reportArgumentType]
                increment = self._spread(drawn)
        ahead = Ahead(n=first + jnp.arange(n), arrived=None, increment=increment)
        moment, (steps, sent) = self._level(0, moment._replace(noise=noise), n, ahead)
        return moment, (steps, sent if self.keeps_history else None)

    def _level(self, level: int, moment: Moment, n: int, ahead: Ahead) -> tuple[Moment, tuple[Steps, Any]]:
        """`n` steps, at most a block of this level, of whose longer edges all is known, and messages where
        there are delays.
        """
        if self.plan is None or level == len(self.plan.levels):
            return self._steps(moment, n, ahead)
        assert self.delays is not None
        block, way, k = Block(n, self.plan.levels[level].past), self.delays.ways[level], moment.k
        arrived, line = self.transport.receive(block, way.there, self.delays.pace, moment.lines[level], k)
        ends = arrived[:-1], arrived[1:]
        ahead = ahead._replace(
            arrived=(
                ends if ahead.arrived is None else (ahead.arrived[0] + ends[0], ahead.arrived[1] + ends[1])
            )
        )
        size = self.plan.levels[level + 1].block if level + 1 < len(self.plan.levels) else n
        moment, (steps, sent) = _in_blocks(
            lambda moment, size, ahead: self._level(level + 1, moment, size, ahead),
            moment._replace(lines=_put(moment.lines, level, line)),
            n,
            size,
            ahead,
        )
        with jax.named_scope("lines"):
            line = self.transport.send(
                block, way.back, self.delays.pace, moment.lines[level], jnp.transpose(sent, (1, 2, 0)), k
            )
        return moment._replace(lines=_put(moment.lines, level, line)), (steps, sent)

    def _steps(self, moment: Moment, n: int, ahead: Ahead) -> tuple[Moment, tuple[Steps, Any]]:
        """Step by step."""
        with jax.named_scope("steps"):
            (y, lost, recent), steps = scan(self._step, (moment.y, moment.lost, moment.recent), ahead)
        sent = None if self.plan is None else jax.vmap(self.network.messages)(steps.states)
        return moment._replace(k=moment.k + n, y=y, lost=lost, recent=recent), (steps, sent)

    def _spread(self, values: Float[Array, "step noisy region"]) -> Float[Array, "step state region"]:
        """Noise on all states, zero where none acts."""
        values = values if self.gate is None else values * self.gate
        if self.noisy == tuple(range(len(self.network.model.states))):
            return values
        zeros = jnp.zeros((values.shape[0], len(self.network.model.states), values.shape[2]), values.dtype)
        return zeros.at[:, jnp.asarray(self.noisy)].set(values)

    def _step(self, carry: tuple[Any, Any, Any], ahead: Any) -> tuple[tuple[Any, Any, Any], Steps]:
        y, lost, recent = carry

        def drift(t: float, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
            c = self._coupling(t / self.step, y, ahead.arrived, recent)
            time = self.clock.time(ahead.n, t)
            return self.network.model.drift(time.astype(y.dtype), y, self.clock.driven(self.network, time, c))

        y, lost = self.scheme.step(StepTerm(drift, ahead.increment), self.step, y, lost)
        if self.periods is not None:
            # Whole turns would use up the digits of a phase. 2π is no number of the states' precision: the
            # rest of it is lost as well.
            near, turns = self.periods.astype(y.dtype), self.network.turns(y)
            y, lost = (
                y - turns * near,
                (None if lost is None else lost - turns * (self.periods - near).astype(y.dtype)),
            )
        inputs = None
        if self.keeps_inputs:
            inputs = self.clock.driven(
                self.network,
                self.clock.time(ahead.n, self.step),
                self._coupling(1.0, y, ahead.arrived, recent),
            )
        if recent is not None:
            recent = jnp.concatenate([recent[..., 1:], self.network.messages(y)[..., None]], axis=-1)
        return (y, lost, recent), Steps(y, inputs)

    def _coupling(
        self, theta: float, y: Float[Array, "state region"], arrived: Any, recent: Any
    ) -> Float[Array, "port region"]:
        network = self.network
        if arrived is None:
            total = jnp.einsum("ij,mj->mi", self.weights, network.messages(y))
        else:
            total = _between(arrived, theta)
            if recent is not None:
                assert self.delays is not None
                total = total + self.delays.stage(recent, network.messages(y), theta)
        return network.inputs(total, y, self.strengths)


def _in_blocks(
    run: Callable[[Moment, int, Any], tuple[Moment, Any]], moment: Moment, n: int, size: int, ahead: Any
) -> tuple[Moment, Any]:
    """`n` steps in blocks of `size`, the last of which may be shorter; `run(moment, steps, ahead)`
    makes one.
    """
    if n <= size:
        return run(moment, n, ahead)
    whole, rest = divmod(n, size)
    blocks = jax.tree.map(lambda x: x[: whole * size].reshape(whole, size, *x.shape[1:]), ahead)
    moment, outputs = jax.lax.scan(
        lambda moment, ahead: run(moment, size, ahead), moment, blocks, length=whole
    )
    outputs = jax.tree.map(lambda x: x.reshape(whole * size, *x.shape[2:]), outputs)
    if rest:
        moment, last = run(moment, rest, jax.tree.map(lambda x: x[whole * size :], ahead))
        outputs = jax.tree.map(lambda *x: jnp.concatenate(x), outputs, last)
    return moment, outputs


def _put(lines: tuple[Any, ...], level: int, line: Any) -> tuple[Any, ...]:
    return (*lines[:level], line, *lines[level + 1 :])


def _between(ends: tuple[Array, Array], theta: Any) -> Array:
    """Linear interpolation; the ends of a step, where Heun's stages are, cost nothing."""
    if isinstance(theta, float) and theta == 0.0:
        return ends[0]
    if isinstance(theta, float) and theta == 1.0:
        return ends[1]
    return ends[0] + theta * (ends[1] - ends[0])
