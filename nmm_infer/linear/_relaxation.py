"""The way from a state to rest."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._local import Local

# Steps that follow the network in time; then steps to the nearest fixed point from where it is; then as many
# from each of other states.
FOLLOWING, NEARING, OTHERS = 100, 50, 6
MAX_STEPS = FOLLOWING + NEARING * (1 + OTHERS)
# A step in time is taken where the drift changes by no more than this part beside what the Jacobian says.
CURVED = 0.5
# A step to the nearest fixed point is taken where no state moves by more than this many times its declared
# range.
FAR = 2.0


class _Search(NamedTuple):
    """Where a search is: a state, the drift there, the rate 1/h of the next step h, and how far the last one
    went, in declared ranges.
    """

    step: Int[Array, ""]
    y: Float[Array, "state region"]
    drift: Float[Array, "state region"]
    rate: Float[Array, ""]
    moved: Float[Array, ""]


def relax(
    drift: Callable[[Array], Array],
    jacobian: Callable[[Array], Local],
    start: Float[Array, "state region"],
    low: Float[np.ndarray, " state"],
    high: Float[np.ndarray, " state"],
    following: int = FOLLOWING,
) -> Float[Array, "state region"]:
    """The state at which y' = drift(y), begun at `start`, comes to rest; NaN where no fixed point is found.

    Implicit Euler steps, (1/h - J) dy = drift, as long as the drift is nearly linear over them: where the
    network goes, at first in time, and at last, with h beyond all its time constants, by Newton's method
    (pseudo-transient continuation; Kelley & Keyes 1998, SIAM J Numer Anal 35:508). Past a fold this passes
    the place where two fixed points have just vanished, which stops methods that go downhill. A network that
    does not come to rest, but oscillates, has a fixed point, too: then h grows whatever the drift does, and
    should that fail, the same begins at states spread over the declared ranges.

    One loop, without branches: it may be mapped, sharded and compiled like any other arithmetic.

    Args:
        drift: of all regions, per ms.
        jacobian: of `drift`.
        start: the first state.
        low, high: declared range of every state, the unit in which steps are measured.
        following: steps that follow the network in time, at most; 0: begin with those to the nearest fixed
            point, stable or not.
    """
    dtype = start.dtype
    width = jnp.asarray(high - low, dtype)[:, None]
    tolerance = 1e-10 if dtype == jnp.float64 else 1e-5
    slowest = 1e-3  # of all first rates, per ms

    def begin(step: Array, y: Array) -> _Search:
        f = drift(y)
        return _Search(
            step, y, f, jnp.maximum(10.0 * jnp.max(jnp.abs(f) / width), slowest), jnp.asarray(jnp.inf, dtype)
        )

    def going(search: _Search) -> Array:
        return (search.step < MAX_STEPS) & ~((search.moved < tolerance) & (search.rate <= slowest))

    def advance(search: _Search) -> _Search:
        other = (search.step - FOLLOWING) // NEARING
        anew = (other > 0) & ((search.step - FOLLOWING) % NEARING == 0)
        from_other = begin(search.step, _spread(other, low, high) * jnp.ones_like(start))
        now = jax.tree.map(lambda a, b: jnp.where(anew, a, b), from_other, search)
        dy = jacobian(now.y).solve(now.drift, now.rate)
        y = now.y + dy
        f = drift(y)
        moved, before, after = jnp.max(jnp.abs(dy) / width), _norm(now.drift / width), _norm(f / width)
        curved = jnp.where(before > 0, _norm((f - now.rate * dy) / width) / before, 0.0)
        following, arrived = now.step < FOLLOWING, moved < tolerance
        taken = (jnp.where(following, curved < CURVED, moved < FAR) | arrived) & jnp.all(jnp.isfinite(f))
        slower = jnp.where(
            following,
            jnp.clip(4.0 * curved, 0.05, 1.5),
            0.5 * jnp.where(after < 0.5 * before, jnp.clip(after / before, 0.01, 1.0), 1.0),
        )
        # Where steps are rounding errors their curvature is, too.
        slower = jnp.where(arrived, 0.05, slower)
        return _Search(
            now.step + 1,
            jnp.where(taken, y, now.y),
            jnp.where(taken, f, now.drift),
            now.rate * jnp.where(taken, slower, 4.0),
            jnp.where(taken, moved, jnp.inf),
        )

    first = begin(jnp.asarray(FOLLOWING - following), start)
    if not following:
        first = first._replace(rate=jnp.asarray(slowest, dtype))  # Newton's steps from the first on
    end = jax.lax.while_loop(going, advance, first)
    # What is left is less than the tolerance in the fastest of directions; one step more of Newton's makes it
    # so in all.
    last = jacobian(end.y).solve(end.drift)
    small = jnp.max(jnp.abs(last) / width) < jnp.sqrt(tolerance)
    return jnp.where(end.moved < tolerance, jnp.where(small, end.y + last, end.y), jnp.nan)


def _norm(x: Array) -> Array:
    return jnp.sqrt(jnp.mean(x**2))


def _spread(
    k: Int[Array, ""], low: Float[np.ndarray, " state"], high: Float[np.ndarray, " state"]
) -> Float[Array, "state 1"]:
    """The k-th of points that fill the ranges evenly (an additive recurrence with the powers of a generalised
    golden ratio).
    """
    n, golden = len(low), 2.0
    for _ in range(30):
        golden = (1.0 + golden) ** (1.0 / (n + 1))
    part = (0.5 + k * golden ** -(1.0 + np.arange(n))) % 1.0
    return jnp.asarray(low + (high - low) * part)[:, None]
