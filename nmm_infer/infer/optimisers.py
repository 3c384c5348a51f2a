"""How a mode is searched: from several starts at once, uphill on a log density."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
from jaxtyping import Array, Float

from .base import check_counts
from .progress import Steps

CHUNK = 50
# Gradients computed at once for differences.
GRADIENTS = 16


class Objective(NamedTuple):
    """What is searched.

    Fields:
        log_density: of a flat vector; -inf with gradient zero where it fails.
        residuals: r with log_density = constant - ‖r‖²/2, where it has this form; None: it has not, or nobody asked.
    """

    log_density: Callable[[Array], Array]
    residuals: Callable[[Array], Array] | None = None


class Ends(NamedTuple):
    """Where the searches ended, in the order of their starts."""

    positions: Float[np.ndarray, "start latent"]
    log_density: Float[np.ndarray, " start"]
    gradients: int
    interrupted: bool


class Climb(NamedTuple):
    """One search by Adam: where it is, its memory, the best point so far, and the value there of what is made small."""

    x: Float[Array, " latent"]
    memory: Any
    best: Float[Array, " latent"]
    lowest: Float[Array, ""]


class AbstractOptimiser(eqx.Module):
    """Goes uphill from each start, `steps` at most."""

    steps: eqx.AbstractVar[int]

    @property
    def squares(self) -> bool:
        """Whether it needs the residuals of the objective."""
        return False

    @abc.abstractmethod
    def search(self, objective: Objective, starts: Float[np.ndarray, "start latent"], bar: Steps) -> Ends:
        """One search from each start, all in one batched program.

        Raises:
            KeyboardInterrupt: before the first steps are done; later, what was reached is returned.
        """


class Adam(AbstractOptimiser):
    """Adam with clipped gradients and a cosine schedule (Kingma & Ba 2015): slow, and hard to lead astray.

    Args:
        steps: of each search.
        learning_rate: at the beginning; it ends at 0.
    """

    steps: int = eqx.field(static=True, default=1000)
    learning_rate: float = eqx.field(static=True, default=0.05)

    def __check_init__(self):
        check_counts("Adam", steps=self.steps)

    def search(self, objective, starts, bar):
        value_and_grad = jax.value_and_grad(lambda x: -objective.log_density(x))

        def step(carry: Climb, _: None) -> tuple[Climb, None]:
            return self.move(carry, *value_and_grad(carry.x)), None

        chunk = jax.jit(jax.vmap(lambda carry: jax.lax.scan(step, carry, length=min(CHUNK, self.steps))[0]))
        carry = jax.vmap(self.begin)(jnp.asarray(starts))
        carry, done, interrupted = _advance(lambda carry: (chunk(carry), False), carry, self.steps, lambda c: float(-c.lowest.min()), bar)
        return Ends(np.asarray(carry.best), -np.asarray(carry.lowest), done * len(starts), interrupted)

    def _optimiser(self) -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(100.0), optax.adam(optax.cosine_decay_schedule(self.learning_rate, self.steps)))

    def begin(self, x: Float[Array, " latent"]) -> Climb:
        """Before the first step."""
        return Climb(x, self._optimiser().init(x), x, jnp.full((), jnp.inf, x.dtype))

    def move(self, carry: Climb, value: Float[Array, ""], gradient: Float[Array, " latent"]) -> Climb:
        """One step, from value and gradient of what is made small, at `carry.x`."""
        x, memory, best, lowest = carry
        # A step into a region where the model fails must not lose what was reached before.
        better = value < lowest
        best, lowest = jnp.where(better, x, best), jnp.where(better, value, lowest)
        updates, memory = self._optimiser().update(gradient, memory, x)
        # It would coast on over the edge, where no gradient tells the way back: so back to the best point, at rest.
        fine = jnp.isfinite(value)
        momentum = jnp.asarray(optax.tree_utils.tree_get(memory, "mu"))
        memory = optax.tree_utils.tree_set(memory, mu=jnp.where(fine, momentum, 0.0))
        return Climb(jnp.where(fine, x + jnp.asarray(updates), best), memory, best, lowest)


class _AbstractIterative(AbstractOptimiser):
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
        static = eqx.partition(eqx.filter_jit(solver.init)(closed, x[0], None, {}, shape, None, none), eqx.is_array)[1]

        def begin(y: Array) -> Any:
            return y, eqx.filter(solver.init(closed, y, None, {}, shape, None, none), eqx.is_array), jnp.zeros((), bool)

        def step(carry: Any, _: None) -> tuple[Any, None]:
            y, dynamic, done = carry
            state = eqx.combine(dynamic, static)
            new, state, _ = solver.step(closed, y, None, {}, state, none)
            ended, result = solver.terminate(closed, new, None, {}, state, none)
            fine = jnp.all(jnp.isfinite(new))
            moved = (new, eqx.filter(state, eqx.is_array), ended | (result != optx.RESULTS.successful) | ~fine)
            stays = done | ~fine
            return (*jax.tree.map(lambda old, now: jnp.where(stays, old, now), (y, dynamic), moved[:2]), done | moved[2]), None

        length = min(CHUNK, self.steps)
        chunk = jax.jit(jax.vmap(lambda carry: jax.lax.scan(step, carry, length=length)[0]))
        values = jax.jit(jax.vmap(objective.log_density))
        note = lambda carry: float(values(carry[0]).max())  # noqa: E731
        carry = jax.jit(jax.vmap(begin))(x)

        def advance(carry: Any) -> tuple[Any, bool]:
            carry = chunk(carry)
            return carry, bool(carry[2].all())

        carry, done, interrupted = _advance(advance, carry, self.steps, note, bar)
        return Ends(np.asarray(carry[0]), np.asarray(values(carry[0])), done * len(starts), interrupted)


class BFGS(_AbstractIterative):
    """Broyden–Fletcher–Goldfarb–Shanno with a backtracking line search (optimistix): up to a few hundred unknowns.

    Args:
        steps: at most, line search included.
        tolerance: relative and absolute, of position and log density, at which a search ends.
    """

    steps: int = eqx.field(static=True, default=1000)
    tolerance: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self):
        check_counts("BFGS", steps=self.steps)

    def _solver(self):
        return optx.BFGS(rtol=self.tolerance, atol=self.tolerance)

    def _function(self, objective):
        return lambda x: -objective.log_density(x)


class LBFGS(_AbstractIterative):
    """BFGS from the last few gradients (Liu & Nocedal 1989; optimistix): for thousands of unknowns.

    Args:
        steps: at most, line search included.
        tolerance: relative and absolute, of position and log density, at which a search ends.
        history: gradients that are remembered.
    """

    steps: int = eqx.field(static=True, default=1000)
    tolerance: float = eqx.field(static=True, default=1e-8)
    history: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        check_counts("LBFGS", steps=self.steps, history=self.history)

    def _solver(self):
        return optx.LBFGS(rtol=self.tolerance, atol=self.tolerance, history_length=self.history)

    def _function(self, objective):
        return lambda x: -objective.log_density(x)


class LevenbergMarquardt(_AbstractIterative):
    """Levenberg–Marquardt (Moré 1978; optimistix): tens of steps where others take hundreds, for sums of squares only.

    The posterior is a sum of squares if data are Gaussian around the simulation with a known scale and every
    prior is Normal or LogNormal; prior and data are then residuals alike. Anything else is refused.

    Args:
        steps: at most.
        tolerance: relative and absolute, of position and sum of squares, at which a search ends.
    """

    steps: int = eqx.field(static=True, default=200)
    tolerance: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self):
        check_counts("LevenbergMarquardt", steps=self.steps)

    @property
    def squares(self):
        return True

    def _solver(self):
        return optx.LevenbergMarquardt(rtol=self.tolerance, atol=self.tolerance)

    def _function(self, objective):
        if objective.residuals is None:
            raise ValueError("LevenbergMarquardt needs the residuals of the objective, got a log density alone; use BFGS() or Adam()")
        return objective.residuals


class Newton(AbstractOptimiser):
    """Newton's method with the Hessian from differences of gradients: the last stretch, where others creep along valleys.

    A step costs two gradients for each unknown and an eigendecomposition. It goes up along every eigenvector, also where the density curves upwards
    (|λ| in the place of λ: Dauphin et al. 2014, arXiv:1406.2572), by gradient/(|λ| + μ) with the best μ of a ladder: small where the density is a parabola,
    large where it is not. The searches are made one after the other.

    Args:
        steps: of each search, at most.
        tolerance: gain in nats of a step at which a search ends.
        best: how many of the starts are followed, the highest first; the others stay where they are. None: all.
    """

    steps: int = eqx.field(static=True, default=30)
    tolerance: float = eqx.field(static=True, default=1e-8)
    best: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts("Newton", steps=self.steps, **({} if self.best is None else {"best": self.best}))

    def search(self, objective, starts, bar):
        heights = jax.jit(lambda xs: jax.lax.map(objective.log_density, xs))
        gradients = jax.jit(lambda xs: jax.lax.map(jax.grad(objective.log_density), xs, batch_size=min(GRADIENTS, len(xs))))
        positions = np.array(starts)
        log_density = np.array(heights(jnp.asarray(starts)))
        chosen = np.argsort(-np.nan_to_num(log_density, nan=-np.inf), kind="stable")[: self.best]
        spent, interrupted = 0, False
        try:
            for k in chosen:
                for _ in range(self.steps):
                    if not np.isfinite(log_density[k]):
                        break
                    ladder = newton_ladder(gradients, positions[k])
                    spent += 2 * positions.shape[1] + 1
                    reached = np.nan_to_num(np.asarray(heights(jnp.asarray(ladder))), nan=-np.inf)
                    highest, before = int(np.argmax(reached)), log_density[k]
                    if reached[highest] > before:
                        positions[k], log_density[k] = ladder[highest], reached[highest]
                    bar.advance(1, f"log density {np.nanmax(log_density):.1f}")
                    if not log_density[k] - before > self.tolerance:
                        break
        except KeyboardInterrupt:
            interrupted = True
        bar.finish(f"log density {np.nanmax(log_density):.1f}")
        return Ends(positions, log_density, spent, interrupted)


def newton_ladder(gradients: Callable[[Array], Array], x: Float[np.ndarray, " latent"]) -> Float[np.ndarray, "rung latent"]:
    """Where steps with more and more damping lead from `x`."""
    n, h = x.size, float(jnp.finfo(x.dtype).eps) ** (1.0 / 3.0)
    found = np.asarray(gradients(jnp.asarray(np.concatenate([x[None], x - h * np.eye(n, dtype=x.dtype), x + h * np.eye(n, dtype=x.dtype)]))))
    hessian = (found[1 : n + 1] - found[n + 1 :]) / (2.0 * h)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    values, along = np.abs(values), vectors.T @ found[0]
    damping = np.concatenate([[0.0], values.max() * 10.0 ** np.arange(-12.0, 3.0)])
    # Level directions have no length of a step; one where the damping is nothing would be without end.
    return x + (along / np.maximum(values + damping[:, None], 1e-12 * values.max() + 1e-300)) @ vectors.T


class InTurn(AbstractOptimiser):
    """One optimiser after the other, each from where the one before ended: `InTurn(Adam(2000), Newton(best=4))`."""

    optimisers: tuple[AbstractOptimiser, ...]

    def __init__(self, *optimisers: AbstractOptimiser):
        self.optimisers = optimisers
        if not optimisers or not all(isinstance(each, AbstractOptimiser) for each in optimisers):
            raise TypeError(f"InTurn(...) got {optimisers!r}, expected optimisers, such as InTurn(optimisers.Adam(2000), optimisers.Newton())")

    @property
    def steps(self) -> int:
        return sum(each.steps for each in self.optimisers)

    @property
    def squares(self):
        return any(each.squares for each in self.optimisers)

    def search(self, objective, starts, bar):
        spent = 0
        for each in self.optimisers:
            ends = each.search(objective, starts, bar)
            spent, starts = spent + ends.gradients, ends.positions
            if ends.interrupted:
                break
        return ends._replace(gradients=spent)


def _advance(advance: Callable[[Any], tuple[Any, bool]], carry: Any, steps: int, value: Callable[[Any], float], bar: Steps) -> tuple[Any, int, bool]:
    """Chunks of steps until all are done, or Ctrl-C: what was reached, steps taken, whether it was interrupted."""
    length, taken = min(CHUNK, steps), 0
    try:
        while taken < steps:
            carry, finished = advance(carry)
            taken += length
            bar.advance(length, f"log density {value(carry):.1f}")
            if finished:
                break
    except KeyboardInterrupt:
        if not taken:
            raise KeyboardInterrupt("interrupted before the first steps of the search were done: nothing had been found yet") from None
        return carry, taken, True
    bar.finish(f"log density {value(carry):.1f}")
    return carry, taken, False
