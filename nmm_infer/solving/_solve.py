"""`solve`: a network and a duration in, a trajectory out."""

import dataclasses
from typing import Any, overload

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import PRNGKeyArray

from .._ending import Ending
from .._networks._network import Network
from .._regional import in_order
from .._signal import Signal, Trajectory
from .._tools._keys import numbers_of, random_key
from .._tools._kinds import kind_of
from ..adjoints import AbstractAdjoint, Checkpointed, Stored
from ..noises._innovations import Innovations
from ..observe._fold import AbstractStream, lasting
from ..priors._sample import priors
from ..solvers._heun import Heun
from ._delay_lines import PLAIN, REVERSE
from ._delays import foreseeing
from ._delays import plan as plan_delays
from ._diffeqsolve import solve_by_diffrax
from ._going_on import check_going_on
from ._grid import Grid, make_grid
from ._recorders import AbstractRecorder, Everything, Stream
from ._scheme import Scheme, scheme_of
from ._stepper import Carry, Stepper

# What the gradient of a run may keep before it is checkpointed, and the numbers kept for each state and step:
# measured 7 to 28, most with free delays, noise and BOLD.
STORED_BYTES = 128e6
KEPT_PER_STATE = 28


@overload
def solve(
    network: Network,
    duration: Any,
    *,
    step: Any,
    key: PRNGKeyArray | int | Innovations | None = None,
    observe: None = None,
    sample_every: Any = None,
    transient: Any = None,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None = None,
    stepsize_controller: diffrax.AbstractStepSizeController | None = None,
    after: Ending | None = None,
) -> Trajectory: ...
@overload
def solve(
    network: Network,
    duration: Any,
    *,
    step: Any,
    key: PRNGKeyArray | int | Innovations | None = None,
    observe: AbstractStream,
    sample_every: Any = None,
    transient: Any = None,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None = None,
    stepsize_controller: diffrax.AbstractStepSizeController | None = None,
    after: Ending | None = None,
) -> Signal: ...
def solve(
    network: Network,
    duration: Any,
    *,
    step: Any,
    key: PRNGKeyArray | int | Innovations | None = None,
    observe: AbstractStream | None = None,
    sample_every: Any = None,
    transient: Any = None,
    solver: diffrax.AbstractSolver | None = None,
    adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None = None,
    stepsize_controller: diffrax.AbstractStepSizeController | None = None,
    after: Ending | None = None,
) -> Trajectory | Signal:
    """Simulate a network. Can be jitted, vmapped and differentiated with respect to everything in it.

    Args:
        network: without priors; `nmm.sample` draws them, `nmm.Problem` infers them.
        duration: what is recorded, a Quantity or ms.
        step: integration step, a Quantity or ms.
        key: random key, or a seed; needed with noise. The same key gives the same noise at every block
            length. `nmm.noises.Innovations(values)` in its place is noise that is given.
        observe: an observation that streams (`nmm.observe.Bold()`): the result is its `Signal`, and the
            full states of a long run are never kept.
        sample_every: time between the states that are kept, a whole number of steps; None: every step. Not
            with `observe`, which has a period.
        transient: simulated before time 0 and not recorded.
        solver: a Diffrax solver; None: `nmm.solvers.Heun()`.
        adjoint: how derivatives are taken: `nmm.adjoints.Stored()`, `Checkpointed()`, `Forward()` for few
            unknowns, or `Direct()` for derivatives other than a gradient. None: `Stored()` while that is a
            matter of some 100 MB, beyond it `Checkpointed()`. One of Diffrax's goes through
            `diffrax.diffeqsolve`, at steps of `step`.
        stepsize_controller: a Diffrax controller for adaptive steps; then `diffrax.diffeqsolve` does the
            work, `step` is the first step, and the network must have no delays and no noise.
        after: where another run ended, `trajectory.final` or `signal.final`: this one goes on from there,
            with its past, its noise, its observation's memory and its clock, bit for bit as if it had never
            stopped; `initial` of the network does not count. None: what the network was told,
            `Network(initial=trajectory.final)`, if anything. Another `key` gives it other noise from here on.

    Returns:
        A `Trajectory` of all states, or the `Signal` of `observe`. Where a simulation diverges, values
        are NaN or infinite; nothing is raised.
    """
    _check_kind(after, Ending, "after", "where a run ended, such as trajectory.final")
    _check(network)
    after = network.after if after is None else after
    if key is None and after is not None:
        key = after.random_key
    _check_key(network, key, after)
    network = foreseeing(network)
    _check_lengths(network)
    _check_kind(
        observe,
        AbstractStream,
        "observe",
        "an observation that streams; begin with nmm.observe.Subsample(period=...) in a Chain, or give it the"
        " trajectory",
    )
    _check_kind(solver, diffrax.AbstractSolver, "solver", "a Diffrax solver such as nmm.solvers.Heun()")
    key = key if key is None or isinstance(key, Innovations) else random_key(key, "solve(key=...)")
    if observe is not None and sample_every is not None:
        raise ValueError(
            f"solve(observe=..., sample_every=...): {type(observe).__name__} says when it looks, at every"
            " period; leave sample_every out"
        )
    if stepsize_controller is not None or isinstance(adjoint, diffrax.AbstractAdjoint):
        asked = "adjoint" if stepsize_controller is None else "stepsize_controller"
        if after is not None:
            raise ValueError(
                f"solve(after=..., {asked}=...): Diffrax's own loop keeps no past; leave {asked} out, or"
                " begin anew, nmm.Network(..., initial=trajectory)"
            )
        if observe is not None:
            raise ValueError(
                f"solve(observe=..., {asked}=...): Diffrax's own loop does not stream; leave observe out and"
                " give the observation the trajectory"
            )
        return solve_by_diffrax(
            network,
            make_grid(duration, step, sample_every or step, transient),
            solver,
            adjoint,
            stepsize_controller,
        )
    _check_kind(adjoint, AbstractAdjoint, "adjoint", "one such as nmm.adjoints.Stored(), or one of Diffrax")
    grid = make_grid(duration, step, sample_every if observe is None else _period(observe), transient)
    _check_innovations(network, key, grid, after)
    recorder = Everything() if observe is None else Stream(in_order(observe, network.connectome.labels))
    scheme = scheme_of(solver or Heun())
    result = _solve(network, key, recorder, grid, scheme, adjoint or _default_adjoint(network, grid), after)  # pyright: ignore[reportArgumentType]
    if after is None or (isinstance(result, Signal) and "time" not in result.dims):
        return result
    return dataclasses.replace(result, start=after.time + grid.dropped * grid.interval)


def _default_adjoint(network: Network, grid: Grid) -> AbstractAdjoint:
    """To keep everything is faster, while it is little."""
    steps = (grid.dropped + grid.kept) * grid.every
    kept = steps * np.size(network.initial) * jnp.result_type(float).itemsize * KEPT_PER_STATE
    return Stored() if kept <= STORED_BYTES else Checkpointed()


def _check(network: Network) -> None:
    if not isinstance(network, Network):
        raise TypeError(
            f"solve(network=...) got {kind_of(network)}, expected a Network; a bare model becomes one by"
            " nmm.Network(model)"
        )
    free = priors(network)
    if free:
        raise ValueError(
            f"solve(network=...) still has priors at {', '.join(free)}; "
            "draw them with nmm.sample(network) inside a NumPyro model, or pass the network to nmm.Problem"
        )


def _check_key(network: Network, key: Any, after: Ending | None) -> None:
    if network.noise is not None and key is None:
        known = "" if after is None else "; the run before had none that could go on"
        raise ValueError(
            f"solve(key=...) is missing: a network with noise needs a key, such as jax.random.key(0){known}"
        )


def _check_lengths(network: Network) -> None:
    edges, lengths = network.connectome.edges, network.connectome.lengths
    if network.has_delays and isinstance(lengths, Tracer) and edges.exists.any() and not edges.lengths.any():
        raise ValueError(
            "solve(network=...): its tract lengths were traced when the connectome was built, so blocks and"
            " history cannot be sized; build the connectome outside jit and grad, and put the lengths in with"
            " eqx.tree_at(lambda n: n.connectome.lengths, network, lengths)"
        )


def _check_innovations(network: Network, key: Any, grid: Grid, after: Ending | None) -> None:
    if not isinstance(key, Innovations) or network.noise is None:
        return
    steps, shape = (grid.dropped + grid.kept) * grid.every, (len(network.noisy_states), network.n_regions)
    if key.values.shape[1:] != shape or not steps <= key.total < steps + key.steps:
        raise ValueError(
            f"solve(key=Innovations(...)) has values of shape {key.values.shape} for {key.total} steps,"
            f" expected {(-(-steps // key.steps), *shape)}: one for each noisy state and region in the"
            f" {steps} steps of the run"
        )
    if network.noise.has_memory and key.start is None and (after is None or after.noise is None):
        raise ValueError(
            f"solve(key=Innovations(start=...)) is missing: {type(network.noise).__name__} has a state of its"
            f" own at the start, expected shape {shape}"
        )


def _check_kind(value: Any, kind: type, name: str, expected: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"solve({name}=...) got {kind_of(value)}, expected {expected}")


def _period(observe: AbstractStream) -> float:
    if observe.period is None:
        name = type(observe).__name__
        raise ValueError(
            f"{name}(period=...) is missing: a simulation needs the time between samples, such as"
            f" {name}(period=720 * u.ms)"
        )
    return observe.period


@eqx.filter_jit
def _solve(
    network: Network,
    key: PRNGKeyArray | Innovations | None,
    recorder: AbstractRecorder,
    grid: Grid,
    scheme: Scheme,
    adjoint: AbstractAdjoint,
    after: Ending | None,
) -> Trajectory | Signal:
    plan = plan_delays(network, grid.step) if network.has_delays else None
    if after is not None:
        check_going_on(network, after, plan, recorder, grid)
    start = grid.start if after is None else after.start
    per_frame = _outputs_per_frame(grid, adjoint, 1 if plan is None else plan.block)

    # Everything that a derivative may be taken with respect to is an argument of it.
    def run(
        network: Network,
        key: PRNGKeyArray | Innovations | None,
        recorder: AbstractRecorder,
        after: Ending | None,
    ) -> Any:
        transport = REVERSE if adjoint.reverse_only else PLAIN
        stepper = Stepper(
            network,
            scheme,
            grid.step,
            start,
            plan,
            key,
            transport,
            recorder.needs_inputs(network),
            after,
            history=True,
        )

        def frame(carry: Any, outputs: int) -> tuple[Any, Any]:
            state, memory = carry
            state, steps = stepper.advance(state, outputs * grid.every)
            with jax.named_scope("record"):
                memory, recorded = recorder.record(memory, network, steps, grid)
            return (state, memory), recorded

        carry = (stepper.init(), recorder.init(network, grid, None if after is None else after.memory))
        (state, memory), _ = _frames(frame, carry, grid.dropped, per_frame, adjoint, keep=False)
        (state, memory), outputs = _frames(
            frame, (state, recorder.begin(memory, network, grid)), grid.kept, per_frame, adjoint, keep=True
        )
        # What counts (steps) is no part of what is differentiated.
        return outputs, memory, state._replace(n=None, pasts=(), recent=None)

    outputs, memory, last = adjoint.differentiate(run)(network, key, recorder, after)
    result = recorder.finish(memory, outputs, network, grid)
    return dataclasses.replace(result, final=_ending(network, key, grid, start, after, last, lasting(memory)))


def _ending(
    network: Network, key: Any, grid: Grid, start: float, after: Ending | None, last: Carry, memory: Any
) -> Ending:
    numbers, kind = (None, None) if network.noise is None or isinstance(key, Innovations) else numbers_of(key)
    return Ending(
        state=last.y,
        lost=last.lost,
        history=last.history,
        noise=last.noise if network.noise is not None and network.noise.has_memory else None,
        key=numbers,
        memory=memory,
        n=jnp.asarray((0 if after is None else after.n) + (grid.dropped + grid.kept) * grid.every, jnp.int32),
        step=grid.step,
        start=start,
        states=network.model.state_names(),
        regions=network.connectome.labels,
        key_kind=kind,
    )


def _outputs_per_frame(grid: Grid, adjoint: AbstractAdjoint, block: int) -> int:
    """Whole blocks, if one output is a step: the rest of a block costs almost as much as a block."""
    return max(1, min(grid.kept, round(max(1, adjoint.frame_steps // block) * block / grid.every)))


def _frames(
    frame: Any, carry: Any, outputs: int, per_frame: int, adjoint: AbstractAdjoint, keep: bool
) -> tuple[Any, Any]:
    """Run `outputs` outputs in frames, the last of which may be shorter."""
    whole, rest = divmod(outputs, per_frame)
    pieces = []

    def run(carry: Any, n: int) -> tuple[Any, Any]:
        carry, recorded = adjoint.wrap(lambda carry: frame(carry, n))(carry)
        return carry, recorded if keep else None

    if whole:
        carry, recorded = jax.lax.scan(lambda carry, _: run(carry, per_frame), carry, length=whole)
        pieces.append(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), recorded))
    if rest:
        carry, recorded = run(carry, rest)
        pieces.append(recorded)
    if not keep:
        return carry, None
    return carry, pieces[0] if len(pieces) == 1 else jax.tree.map(lambda *x: jnp.concatenate(x), *pieces)
