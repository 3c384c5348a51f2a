"""Solvers of optimistix."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array

from ._optimiser import CHUNK, AbstractOptimiser, Objective, SearchResults, in_chunks


class AbstractIterative(AbstractOptimiser):
    """A solver of optimistix, stepped from all starts at once; those that have converged wait."""

    @abc.abstractmethod
    def _solver(self) -> Any:
        """The solver."""

    @abc.abstractmethod
    def _function(self, objective: Objective) -> Callable[[Array], Array]:
        """What the solver makes small: a scalar, or residuals."""

    def search(self, objective, starts, bar):
        solver, function, none = self._solver(), self._function(objective), frozenset()
        x = jnp.asarray(starts)
        shape = jax.eval_shape(function, x[0])

        def f(y: Array, args: None) -> tuple[Array, None]:
            return function(y), None

        closed = eqx.filter_closure_convert(f, x[0], None)
        static = eqx.partition(
            eqx.filter_jit(solver.init)(closed, x[0], None, {}, shape, None, none), eqx.is_array
        )[1]

        def begin(y: Array) -> Any:
            return (
                y,
                eqx.filter(solver.init(closed, y, None, {}, shape, None, none), eqx.is_array),
                jnp.zeros((), bool),
            )

        def step(carry: Any, _: None) -> tuple[Any, None]:
            y, dynamic, done = carry
            state = eqx.combine(dynamic, static)
            new, state, _ = solver.step(closed, y, None, {}, state, none)
            ended, result = solver.terminate(closed, new, None, {}, state, none)
            fine = jnp.all(jnp.isfinite(new))
            moved = (
                new,
                eqx.filter(state, eqx.is_array),
                ended | (result != optx.RESULTS.successful) | ~fine,
            )
            stays = done | ~fine
            return (
                *jax.tree.map(lambda old, now: jnp.where(stays, old, now), (y, dynamic), moved[:2]),
                done | moved[2],
            ), None

        length = min(CHUNK, self.steps)
        chunk = jax.jit(jax.vmap(lambda carry: jax.lax.scan(step, carry, length=length)[0]))
        note = lambda carry: float(objective.heights(carry[0]).max())  # noqa: E731
        carry = jax.jit(jax.vmap(begin))(x)

        def advance(carry: Any) -> tuple[Any, bool]:
            carry = chunk(carry)
            return carry, bool(carry[2].all())

        carry, done, interrupted = in_chunks(advance, carry, self.steps, note, bar)
        return SearchResults(
            np.asarray(carry[0]), np.asarray(objective.heights(carry[0])), done * len(starts), interrupted
        )
