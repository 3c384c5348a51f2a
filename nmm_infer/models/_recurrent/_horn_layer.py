"""Layer of a harmonic oscillator recurrent network."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..._tools._kinds import kind_of
from ...parameters import check_regions
from ...priors._sample import priors
from ...units import milliseconds
from .._horn import HORN


class HORNLayer(eqx.Module):
    r"""Recurrently connected `HORN` nodes that read a sequence, one sample at each step.

    u_i(n) = Σ_k W_in,ik s_k(n) + b_i + (1/√N) Σ_j W_ij v_j(n - d_ij)
    v(n+1) = v(n) + h [α tanh(u + κ x(n)) - ω² x(n) - 2 γ v(n)]
    x(n+1) = x(n) + h v(n+1)

    This is symplectic Euler: the velocity first, then the position with the new velocity, which keeps the
    energy of an undamped node bounded for ever, at the published step of h = 1 too. What a layer shows to
    others is its positions x. Map over a batch with `jax.vmap`.

    Args:
        inputs: channels of the sequence.
        units: number N of nodes.
        node: the nodes; each of its parameters is a number or has one value for each unit.
        delays: `["to from"]`, whole steps that a velocity needs from unit to unit; None: none. Before the
            start, velocities were the initial ones. Each distinct value costs one product with a matrix.
        step: h, a Quantity or ms.
        chunk: steps between the states that a backward pass keeps; what is between them is computed again.
            None: √(steps of the sequence), so that memory grows with that root. 1 keeps every state, for the
            fastest gradient while memory lasts.
        key: for the weights, uniform within ±1/√inputs and ±1/√units.

    Raises:
        ValueError: sizes, delays or parameters that do not fit.
    """

    input: eqx.nn.Linear
    recurrent: Float[Array, "to from"]
    node: HORN
    arrives: Bool[np.ndarray, "lag to from"]
    lags: tuple[int, ...] = eqx.field(static=True)
    step: float = eqx.field(static=True)
    chunk: int | None = eqx.field(static=True)

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        node: HORN | None = None,
        delays: Int[np.ndarray, "to from"] | None = None,
        step: Any = 1.0,
        chunk: int | None = None,
        key: PRNGKeyArray,
    ):
        for name, value in (("inputs", inputs), ("units", units), ("chunk", 1 if chunk is None else chunk)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"HORNLayer({name}={value!r}): expected a whole number, 1 or more")
        if node is not None and not isinstance(node, HORN):
            raise TypeError(
                f"HORNLayer(node=...) got {kind_of(node)}, expected the nodes' parameters:"
                " nmm.models.HORN(omega=0.2)"
            )
        in_key, recurrent_key = jax.random.split(key)
        self.input = eqx.nn.Linear(inputs, units, key=in_key)
        self.recurrent = jax.random.uniform(
            recurrent_key, (units, units), minval=-1.0, maxval=1.0
        ) / math.sqrt(units)
        self.node = HORN() if node is None else node
        check_regions(self.node, units)
        delays = _delays(delays, units)
        self.lags = tuple(int(lag) for lag in np.unique(delays))
        self.arrives = delays == np.array(self.lags)[:, None, None]
        self.step = milliseconds(step, "HORNLayer(step=...)")
        self.chunk = chunk

    @property
    def inputs(self) -> int:
        """Channels of the sequence."""
        return self.input.weight.shape[1]

    @property
    def units(self) -> int:
        """Number of nodes."""
        return len(self.recurrent)

    @property
    def delays(self) -> Int[np.ndarray, "to from"]:
        """Whole steps that a velocity needs between units."""
        return np.tensordot(np.array(self.lags), self.arrives, axes=1)

    def __call__(
        self, sequence: Float[Array, "time input"], initial: Float[Array, "state unit"] | None = None
    ) -> Float[Array, "time state unit"]:
        """Positions and velocities after each sample; `initial` is before the first, None: all zero."""
        return self._scan(sequence, initial)[1]

    def last(
        self, sequence: Float[Array, "time input"], initial: Float[Array, "state unit"] | None = None
    ) -> Float[Array, "state unit"]:
        """Positions and velocities after the last sample; the others are not stored."""
        return self._scan(sequence, initial)[0]

    def _scan(
        self, sequence: Any, initial: Any
    ) -> tuple[Float[Array, "state unit"], Float[Array, "time state unit"]]:
        self._check(sequence, initial)
        dtype = jnp.result_type(self.recurrent)
        node = jax.tree.map(lambda slot: jnp.asarray(slot, dtype), self.node)
        # For each lag a matrix of the connections that have it, side by side: one product, which a batch
        # makes a product of matrices.
        weights = jnp.concatenate(list(jnp.where(self.arrives, self.recurrent, 0.0)), axis=1) / math.sqrt(
            self.units
        )
        rows = np.array(self.lags)

        def advance(carry, drive):
            x, past = carry  # velocities now, one step ago, …
            arrived = weights @ past[rows].ravel()
            push = node.drift(jnp.zeros((), dtype), jnp.stack([x, past[0]]), (drive + arrived)[None])[1]
            v = past[0] + self.step * push
            x = x + self.step * v
            return (x, jnp.concatenate([v[None], past[:-1]])), jnp.stack([x, v])

        def advance_chunk(carry, samples):
            return jax.lax.scan(advance, carry, jax.vmap(self.input)(samples))

        x, v = jnp.zeros((2, self.units), dtype) if initial is None else jnp.asarray(initial, dtype)
        carry = (x, jnp.tile(v, (self.lags[-1] + 1, 1)))
        (x, past), states = _in_chunks(advance_chunk, carry, jnp.asarray(sequence, dtype), self.chunk)
        return jnp.stack([x, past[0]]), states

    def _check(self, sequence: Any, initial: Any) -> None:
        free = priors(self)
        if free:
            raise ValueError(
                f"HORNLayer still has priors at {', '.join(free)}; draw them with nmm.sample(layer) inside a"
                " NumPyro model"
            )
        if np.ndim(sequence) != 2 or np.shape(sequence)[1] != self.inputs or len(sequence) == 0:
            raise ValueError(
                f"HORNLayer: the sequence has shape {np.shape(sequence)}, expected (steps, {self.inputs}),"
                " time by input; map over a batch with jax.vmap(layer)"
            )
        if initial is not None and np.shape(initial) != (2, self.units):
            raise ValueError(
                f"HORNLayer: initial has shape {np.shape(initial)}, expected (2, {self.units}), positions and"
                " velocities by unit"
            )


def _delays(delays: Any, units: int) -> Int[np.ndarray, "to from"]:
    if delays is None:
        return np.zeros((units, units), dtype=int)
    array = np.asarray(delays)
    if array.shape != (units, units):
        raise ValueError(
            f"HORNLayer(delays=...) has shape {array.shape}, expected ({units}, {units}): to unit by from"
            " unit"
        )
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
        raise ValueError(
            f"HORNLayer(delays=...) got {array.dtype} from {array.min()} to {array.max()}, expected whole"
            " steps, 0 or more"
        )
    return array


def _in_chunks(
    advance: Any, carry: Any, samples: Float[Array, "time input"], chunk: int | None
) -> tuple[Any, Float[Array, "time state unit"]]:
    """A scan that keeps its carry between chunks only; what fills no chunk at the end is one of its own."""
    steps = len(samples)
    chunk = math.isqrt(steps) if chunk is None else min(chunk, steps)
    advance = jax.checkpoint(advance, prevent_cse=False)
    full = steps // chunk * chunk
    carry, states = jax.lax.scan(advance, carry, samples[:full].reshape(-1, chunk, samples.shape[1]))
    states = states.reshape(full, *states.shape[2:])
    if full == steps:
        return carry, states
    carry, rest = advance(carry, samples[full:])
    return carry, jnp.concatenate([states, rest])
