"""Messages under way: read in slices, forward and backward.

Forward, what arrives in a block is a sum of slices of the messages' past. Left to itself, the backward
pass would add slices of the inputs' cotangents into that past, edge by edge, which no processor does
quickly. But a message's cotangent is a sum over its edges of the cotangents of the inputs it caused,
d later: slices of the inputs' future, read in the same way. So what goes backward in the place of the
history is not the history's cotangent but the record of the inputs' cotangents, of the same shape,
which becomes the cotangent of messages when these are sent. Only `begin`, `receive` and `send` may
touch a history, in this order; each says what it does to both.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Lines(NamedTuple):
    """Edges as rows, one for each region at their end; the message left `whole` + part steps ago.

    Fields:
        source: the region at the beginning of each edge.
        whole: whole steps of the delay.
        newer, older: weights of the samples `whole` and `whole` + 1 back; 0 where there is no edge.
    """

    source: Int[Array, "region slot"]
    whole: Int[Array, "region slot"]
    newer: Float[Array, "region slot"]
    older: Float[Array, "region slot"]


class Way(NamedTuple):
    """The same edges, rows of senders for each receiver, and rows of receivers for each sender."""

    there: Lines
    back: Lines


type Line = Float[Array, "message region past"]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def begin(past: int, way: Way, sent: Float[Array, "message region"]) -> Line:
    """A constant history. Backward: all inputs that it caused, a cumulative sum up to the delay."""
    return jnp.broadcast_to(sent[..., None], (*sent.shape, past))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def receive(n: int, way: Way, line: Line) -> tuple[Float[Array, "step+1 message region"], Line]:
    """What arrives at the start of `n` steps and after each. Backward: the inputs' cotangents go on record."""
    return _read(_outgoing(n, way, line), way.there.older, way.there.newer), line


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def send(n: int, way: Way, line: Line, sent: Float[Array, "message region step"]) -> Line:
    """The history `n` steps later. Backward: the cotangents of messages, read from the record of the inputs'."""
    return jnp.concatenate([line, sent], axis=-1)[..., n:]


# The forward rules use the plain functions: a second derivative differentiates the pair of passes, and there a history is only a history.


def _begin_backward(past, way, record):
    total = jnp.cumsum(record, axis=-1)
    first, second = (total[:, way.back.source, way.back.whole + i] for i in (0, 1))
    sent = jnp.einsum("rs,mrs->mr", way.back.newer, first) + jnp.einsum("rs,mrs->mr", way.back.older, second)
    return _no_cotangent(way), sent


def _receive_backward(n, kept, cotangents):
    (way, line), (arrived, record) = kept, cotangents
    window = _outgoing(n, way, line)
    arrived = jnp.transpose(arrived, (1, 2, 0))
    # Of the two samples that an input mixes, the older is one further back: shifting the input is cheaper than slicing the window.
    shifted = jnp.stack([jnp.pad(arrived, ((0, 0), (0, 0), edge)) for edge in ((0, 1), (1, 0))])
    older, newer = jnp.einsum("cmrk,rsmk->crs", shifted, window)
    # The end of these steps is the start of the next ones, which is on record already.
    record = jnp.concatenate([arrived[..., :-1], arrived[..., -1:] + record[..., :1], record[..., 1 : line.shape[-1] - n]], axis=-1)
    return _no_cotangent(way)._replace(there=_cotangent(newer, older)), record


def _send_backward(n, way, record):
    caused = _read(_window(way.back, record, way.back.whole - n + 1, n + 1), way.back.newer, way.back.older)
    return _no_cotangent(way), record, jnp.transpose(caused, (1, 2, 0))


class Transport(NamedTuple):
    """`begin`, `receive` and `send`, with or without a backward pass of their own."""

    begin: Callable[[int, Way, Array], Line]
    receive: Callable[[int, Way, Line], tuple[Array, Line]]
    send: Callable[[int, Way, Line, Array], Line]


# For reverse mode; and for every derivative that JAX can take, forward and higher ones too.
REVERSE = Transport(begin, receive, send)
PLAIN = Transport(begin.__wrapped__, receive.__wrapped__, send.__wrapped__)

begin.defvjp(lambda past, way, sent: (begin.__wrapped__(past, way, sent), way), _begin_backward)
receive.defvjp(lambda n, way, line: (receive.__wrapped__(n, way, line), (way, line)), _receive_backward)
send.defvjp(lambda n, way, line, sent: (send.__wrapped__(n, way, line, sent), way), _send_backward)


def _cotangent(newer: Array, older: Array) -> Lines:
    return Lines(None, None, newer, older)  # pyright: ignore[reportArgumentType] (whole numbers have none)


def _no_cotangent(way: Way) -> Way:
    """The weights' gradient is complete with `receive`."""
    return Way(*(_cotangent(jnp.zeros_like(lines.newer), jnp.zeros_like(lines.older)) for lines in way))


def _outgoing(n: int, way: Way, line: Line) -> Float[Array, "region slot message step+2"]:
    return _window(way.there, line, line.shape[-1] - 2 - way.there.whole, n + 2)


def _window(lines: Lines, line: Line, first: Int[Array, "region slot"], n: int) -> Float[Array, "region slot message sample"]:
    """`n` samples of every edge's source, as contiguous slices."""

    def fetch(source: Array, start: Array) -> Float[Array, "message sample"]:
        return jax.lax.dynamic_slice(line, (jnp.zeros_like(start), source, start), (line.shape[0], 1, n))[:, 0]

    return jax.vmap(jax.vmap(fetch))(lines.source, first)


def _read(window: Float[Array, "region slot message sample"], left: Array, right: Array) -> Float[Array, "step message region"]:
    """Neighbouring samples mixed by the weights `left` and `right`, and summed over the edges of a region."""
    n_regions, slots, n_messages, n = window.shape
    mixed = jnp.einsum("rcs,rsk->rck", jnp.stack([left, right], axis=1), window.reshape(n_regions, slots, n_messages * n))
    left, right = jnp.moveaxis(mixed.reshape(n_regions, 2, n_messages, n), 1, 0)
    return jnp.transpose(left[..., :-1] + right[..., 1:], (2, 1, 0))
