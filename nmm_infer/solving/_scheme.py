"""What makes a step, and what it keeps of the last one."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from ._term import StepTerm

# Bytes of numbers that need no help: an hour of steps of 0.1 ms loses eight of their sixteen digits at the
# most.
DOUBLE = 8

type State = Float[Array, "state region"]
type Lost = State | None


class Scheme(eqx.Module):
    """A Diffrax solver at fixed steps, each of which stands for itself. Times are in ms since the beginning
    of a step.

    In single precision a state that changes by a ten-millionth of itself does not change at all, and one that
    changes by ten times that much changes by a wrong amount, again and again the same. So the solver computes
    the change alone, and what is lost as it is added is kept and added to the next one (compensated
    summation: Kahan 1965, Commun ACM 8:40; for Runge–Kutta methods Hairer, Lubich & Wanner 2006, Geometric
    Numerical Integration, VIII.5).
    """

    solver: diffrax.AbstractSolver

    def begin(self, y: State) -> Lost:
        """What is lost at the start, and wherever the state was set from outside; None in double
        precision.
        """
        return jnp.zeros_like(y) if y.dtype.itemsize < DOUBLE else None

    def step(self, term: StepTerm, step: float, y: State, lost: Lost) -> tuple[State, Lost]:
        """The state after a step."""
        if lost is None:
            return self._advance(term, step, y), None
        change = (
            self._advance(
                StepTerm(lambda t, d: term.drift(t, y + d), term.increment), step, jnp.zeros_like(y)
            )
            + lost
        )
        after = y + change
        # But for rounding nothing is lost, so nothing has to be differentiated.
        return after, jax.lax.stop_gradient(change - (after - y))

    def _advance(self, term: StepTerm, step: float, y: State) -> State:
        if not isinstance(self.solver, diffrax.AbstractImplicitSolver):
            return self._solve(term, 0.0, step, y)[0]
        # Iterations are compiled for times that are arrays, and they alone can fail.
        y, result = self._solve(term, jnp.zeros((), y.dtype), jnp.asarray(step, y.dtype), y)
        return jnp.where(result == diffrax.RESULTS.successful, y, jnp.nan)

    def _solve(self, term: StepTerm, t0: float | Array, t1: float | Array, y: State) -> tuple[State, Any]:
        # What Runge–Kutta methods could hand on is the drift at the end of a step, and they can compute it
        # again.
        y, _, _, _, result = self.solver.step(
            term, t0, t1, y, None, self.solver.init(term, t0, t1, y, None), False
        )
        return y, result


def scheme_of(solver: diffrax.AbstractSolver) -> Scheme:
    """How `solver` makes the steps of a network.

    Raises:
        TypeError: it takes its equations in parts that a network does not have, or does not stand for itself
            at every step.
        ValueError: an implicit solver without tolerances.
    """
    name = type(solver).__name__
    expected = (
        "expected a Runge–Kutta method of one term, such as nmm.solvers.Heun() or diffrax.Tsit5(), or a"
        " solver whose init(...) returns None"
    )
    if solver.term_structure is not diffrax.AbstractTerm:
        raise TypeError(
            f"solve(solver=...) got {name}, which takes its equations in several parts; at fixed steps"
            f" {expected}. nmm.terms(network) are the parts of a network without delays, for"
            " diffrax.diffeqsolve"
        )
    if isinstance(solver, diffrax.AbstractImplicitSolver) and not _has_tolerances(solver.root_finder):
        raise ValueError(
            f"solve(solver={name}()) has a root finder without tolerances, and no stepsize_controller to take"
            f" them from; expected diffrax.{name}(root_finder=diffrax.VeryChord(rtol=1e-6, atol=1e-9))"
        )
    # Multistep methods of Diffrax (ReversibleHeun, LeapfrogMidpoint) are stable on the imaginary axis alone:
    # where activity decays, they diverge.
    if not isinstance(solver, diffrax.AbstractRungeKutta) and not _keeps_nothing(solver):
        raise TypeError(
            f"solve(solver=...) got {name}, which goes on from what it knew at the last step; for networks,"
            f" whose activity decays, such methods of Diffrax are unstable at every step; {expected}"
        )
    return Scheme(solver)


def _keeps_nothing(solver: diffrax.AbstractSolver) -> bool:
    y = jnp.zeros((1, 1))
    return not jax.tree.leaves(
        eqx.filter_eval_shape(lambda: solver.init(StepTerm(lambda t, y: y, None), 0.0, 1.0, y, None))
    )


def _has_tolerances(root_finder: optx.AbstractRootFinder) -> bool:
    """Diffrax puts an object of its own where a controller's tolerances are to come."""
    return all(
        isinstance(getattr(root_finder, name, 0.0), float | int | jax.Array) for name in ("rtol", "atol")
    )
