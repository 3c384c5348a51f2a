"""Messages under way: read in slices, forward and backward.

A line holds the messages of a stretch of steps, and of a past before it that is as long as the longest
delay. Forward, what arrives in a block is a sum of slices of the line. Left to itself, the backward
pass would add slices of the inputs' cotangents into it, edge by edge, which no processor does quickly.
But a message's cotangent is a sum over its edges of the cotangents of the inputs it caused, d later:
slices of the inputs' future, read in the same way. So what goes backward in the place of a line is not
the line's cotangent but the record of the inputs' cotangents, of the same shape, which becomes the
cotangent of messages when these are sent. Only the functions of `Transport` may touch a line, in the
order in which they stand there; each says what it does to both.

A sample stays where it was written, so that lines are changed in place. Sample `past - 1 + k` of a line
was sent at the end of step k of the stretch; number k of a record belongs to the same time, the past
of the line being the future of the record.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int


class Lines(NamedTuple):
    """Edges as rows, one for each region at their end; the message left `whole` + part steps ago.

    Fields:
        source: the region at the beginning of each edge.
        whole: whole steps of the delay.
        newer, older: weights of the samples `whole` and `whole` + 1 back; 0 where there is no edge.
        moving: weight that goes from the one to the other as all delays stretch, for each unit of `pace`.
    """

    source: Int[Array, "region slot"]
    whole: Int[Array, "region slot"]
    newer: Float[Array, "region slot"]
    older: Float[Array, "region slot"]
    moving: Float[Array, "region slot"]

    def at(self, pace: "Pace") -> tuple[Float[Array, "region slot"], Float[Array, "region slot"]]:
        """Weights of the newer and of the older sample."""
        moved = (pace - 1.0) * self.moving
        return self.newer - moved, self.older + moved


class Way(NamedTuple):
    """The same edges, rows of senders for each receiver, and rows of receivers for each sender (without
    derivatives).
    """

    there: Lines
    back: Lines


class Block(NamedTuple):
    """`n` steps on lines whose past is `past` samples."""

    n: int
    past: int


# Always 1. Its derivative is that of all delays together, which for a conduction speed saves the derivatives
# of the single edges.
type Pace = Float[Array, ""]
type Past = Float[Array, "message region past"]
type Line = Float[Array, "message region past+stretch"]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def begin(past: int, back: Lines, pace: Pace, sent: Float[Array, "message region"]) -> Past:
    """A constant past. Backward: all inputs that it caused, a cumulative sum up to the delay."""
    return jnp.broadcast_to(sent[..., None], (*sent.shape, past))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def resume(past: int, back: Lines, pace: Pace, history: Float[Array, "message region history"]) -> Past:
    """The last of a past that is known. Backward: the inputs that each of its samples caused."""
    return history[..., history.shape[-1] - past :]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def extend(stretch: int, past: Past) -> Line:
    """A line with room for the messages of `stretch` steps. Backward: the record when the stretch began."""
    return jnp.pad(past, ((0, 0), (0, 0), (0, stretch)))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def receive(
    block: Block, there: Lines, pace: Pace, line: Line, k: Int[Array, ""]
) -> tuple[Float[Array, "step+1 message region"], Line]:
    """What arrives at the end of step `k` and of each of the `n` that follow. Backward: the inputs'
    cotangents go on record.
    """
    newer, older = there.at(pace)
    return _read(_outgoing(block, there, line, k), older, newer), line


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def send(
    block: Block,
    back: Lines,
    pace: Pace,
    line: Line,
    sent: Float[Array, "message region step"],
    k: Int[Array, ""],
) -> Line:
    """The line with what was sent in the `n` steps after `k`. Backward: the cotangents of messages, read from
    the record of the inputs'.
    """
    return jax.lax.dynamic_update_slice_in_dim(line, sent, block.past + k, axis=-1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def close(stretch: int, line: Line) -> Past:
    """The past of the next stretch. Backward: the record of what comes after, with room for the stretch."""
    return line[..., stretch:]


# The forward rules use the plain functions: a second derivative differentiates the pair of passes, and there
# a line is only a line.


def _begin_backward(past, kept, record):
    back, pace = kept
    total = jnp.cumsum(record, axis=-1)
    newer, older = back.at(pace)
    first, second = (total[:, back.source, back.whole + i] for i in (0, 1))
    return None, None, jnp.einsum("rs,mrs->mr", newer, first) + jnp.einsum("rs,mrs->mr", older, second)


def _resume_backward(past, kept, record):
    back, pace, samples = kept
    # Sample m left past - 1 - m steps before the record begins.
    record = jnp.pad(record, ((0, 0), (0, 0), (past, 0)))
    caused = _read(_window(back, record, 1 + back.whole, past + 1), *back.at(pace))
    return None, None, jnp.pad(jnp.transpose(caused, (1, 2, 0)), ((0, 0), (0, 0), (samples - past, 0)))


def _receive_forward(block, there, pace, line, k):
    stretches = pace.perturbed
    there, pace, line, k = jax.tree.map(lambda x: x.value, (there, pace, line, k))
    arrived, _ = receive.__wrapped__(block, there, pace, line, k)
    slope = _read(_outgoing(block, there, line, k), there.moving, -there.moving) if stretches else None
    # Kept is what the weights' gradient reads again, where it is asked for: a copy, for the line itself goes
    # on changing.
    recent = jax.lax.dynamic_slice_in_dim(line, k, block.past, axis=-1)
    return (arrived, line), (there, recent, k, slope)


def _receive_backward(block, kept, cotangents):
    there, recent, k, slope = kept
    arrived, record = (
        jnp.zeros(c.shape, recent.dtype) if isinstance(c, SymbolicZero) else c for c in cotangents
    )
    pace = None if slope is None else jnp.vdot(slope, arrived)
    window = _outgoing(block, there, recent, jnp.zeros_like(k))
    arrived = jnp.transpose(arrived, (1, 2, 0))
    # Of the two samples that an input mixes, the older is one further back: shifting the input is cheaper
    # than slicing the window.
    shifted = jnp.stack([jnp.pad(arrived, ((0, 0), (0, 0), edge)) for edge in ((0, 1), (1, 0))])
    older, newer = jnp.einsum("cmrk,rsmk->crs", shifted, window)
    # The end of these steps is the start of the next ones, which is on record already.
    following = jax.lax.dynamic_slice_in_dim(record, k + block.n, 1, axis=-1)
    record = jax.lax.dynamic_update_slice_in_dim(record, arrived.at[..., -1:].add(following), k, axis=-1)
    none: Any = None  # whole numbers have no cotangent
    return Lines(none, none, newer, older, none), pace, record, None


def _send_backward(block, kept, record):
    back, pace, k = kept
    caused = _read(_window(back, record, k + 1 + back.whole, block.n + 1), *back.at(pace))
    return None, None, record, jnp.transpose(caused, (1, 2, 0)), None


class Transport(NamedTuple):
    """The life of a line, with or without a backward pass of its own."""

    begin: Callable[[int, Lines, Pace, Array], Past]
    resume: Callable[[int, Lines, Pace, Array], Past]
    extend: Callable[[int, Past], Line]
    receive: Callable[[Block, Lines, Pace, Line, Array], tuple[Array, Line]]
    send: Callable[[Block, Lines, Pace, Line, Array, Array], Line]
    close: Callable[[int, Line], Past]


# For reverse mode; and for every derivative that JAX can take, forward and higher ones too.
REVERSE = Transport(begin, resume, extend, receive, send, close)
PLAIN = Transport(*(function.__wrapped__ for function in REVERSE))

begin.defvjp(
    lambda past, back, pace, sent: (begin.__wrapped__(past, back, pace, sent), (back, pace)), _begin_backward
)
resume.defvjp(
    lambda past, back, pace, history: (
        resume.__wrapped__(past, back, pace, history),
        (back, pace, history.shape[-1]),
    ),
    _resume_backward,
)
extend.defvjp(
    lambda stretch, past: (extend.__wrapped__(stretch, past), past.shape),
    lambda stretch, shape, record: (record[..., : shape[-1]],),
)
receive.defvjp(_receive_forward, _receive_backward, symbolic_zeros=True)
send.defvjp(
    lambda block, back, pace, line, sent, k: (
        send.__wrapped__(block, back, pace, line, sent, k),
        (back, pace, k),
    ),
    _send_backward,
)
close.defvjp(
    lambda stretch, line: (close.__wrapped__(stretch, line), None),
    lambda stretch, _, record: (jnp.pad(record, ((0, 0), (0, 0), (stretch, 0))),),
)


def _outgoing(block: Block, there: Lines, line: Line, k: Array) -> Float[Array, "region slot message step+2"]:
    return _window(there, line, k + block.past - 2 - there.whole, block.n + 2)


@jax.named_scope("fetch")
def _window(
    lines: Lines, line: Line, first: Int[Array, "region slot"], n: int
) -> Float[Array, "region slot message sample"]:
    """`n` samples of every edge's source, as contiguous slices."""
    dimensions = jax.lax.GatherDimensionNumbers(
        offset_dims=(2, 3), collapsed_slice_dims=(1,), start_index_map=(1, 2)
    )
    # Delays outside the plan are cut to it (and the run is NaN then), so no slice leaves the line, and none
    # needs to be checked.
    return jax.lax.gather(
        line,
        jnp.stack([lines.source, first], axis=-1),
        dimensions,
        (line.shape[0], 1, n),
        mode=jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )


@jax.named_scope("weigh")
def _read(
    window: Float[Array, "region slot message sample"], left: Array, right: Array
) -> Float[Array, "step message region"]:
    """Neighbouring samples mixed by the weights `left` and `right`, and summed over the edges of a region."""
    n_regions, slots, n_messages, n = window.shape
    mixed = jnp.einsum(
        "rcs,rsk->rck", jnp.stack([left, right], axis=1), window.reshape(n_regions, slots, n_messages * n)
    )
    left, right = jnp.moveaxis(mixed.reshape(n_regions, 2, n_messages, n), 1, 0)
    return jnp.transpose(left[..., :-1] + right[..., 1:], (2, 1, 0))
