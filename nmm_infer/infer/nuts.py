"""The no-U-turn sampler."""

import time
from typing import Any, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import MetricCore
from blackjax.adaptation.step_size import dual_averaging_adaptation
from blackjax.adaptation.window_adaptation import build_schedule
from jaxtyping import Array, Float

from .base import AbstractEngine, check_counts, check_problem, precision
from .devices import AbstractArrangement, default_arrangement
from .metrics import AbstractMetric, Dense, Frame
from .progress import Steps, progress_bar
from .results import Run, build_tree
from .target import Target

# Stages of a step: what is adapted in it.
STEP_SIZE, STEP_SIZE_AND_METRIC, NOTHING = 0, 1, 2


class Stage(NamedTuple):
    """Of each step: what adapts, whether a window of the metric ends, whether warmup ends."""

    kind: Array
    window_ends: Array
    warmup_ends: Array


class Adaptation(NamedTuple):
    """Step size and metric, with the memories of their adaptation."""

    averaging: Any
    core: Any
    step_size: Array


class Chain(NamedTuple):
    """Everything one chain carries from step to step."""

    key: Array
    state: Any
    adaptation: Adaptation


class NUTS(AbstractEngine):
    """The no-U-turn sampler of BlackJAX (Hoffman & Gelman 2014; multinomial, Betancourt 2017).

    Warmup adapts step size and metric in Stan's windows; warmup and draws are one compiled program, run
    in chunks, so that progress shows and Ctrl-C keeps what was drawn.

    Args:
        draws, warmup, chains: numbers of each.
        metric: `metrics.Dense()` (default), `Diagonal()`, `LowRank()` or `Laplace()`. Diagonal metrics, the
            default elsewhere, take tens of times more steps in neural-mass models.
        target_acceptance: acceptance rate that the step size aims at.
        max_tree_depth: at most 2^depth - 1 steps a draw.
        arrangement: `devices.Parallel()` or `devices.Vectorised()`; None: parallel on CPU devices (`use_cores`),
            else vectorised.
        dtype: "float64" (default) or "float32", which is twice as fast where it is enough.
        initial_step_size: where adaptation of the step size begins.
        chunk: steps between two looks at the clock.
        predictive_draws: posterior predictive draws per chain; 0: none.
    """

    draws: int = eqx.field(static=True, default=1000)
    warmup: int = eqx.field(static=True, default=1000)
    chains: int = eqx.field(static=True, default=4)
    metric: AbstractMetric = Dense()
    target_acceptance: float = eqx.field(static=True, default=0.8)
    max_tree_depth: int = eqx.field(static=True, default=10)
    arrangement: AbstractArrangement | None = None
    dtype: str = eqx.field(static=True, default="float64")
    initial_step_size: float = eqx.field(static=True, default=0.5)
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int = eqx.field(static=True, default=50)

    def __check_init__(self):
        check_counts("NUTS", draws=self.draws, warmup=self.warmup, chains=self.chains, max_tree_depth=self.max_tree_depth, chunk=self.chunk)
        if not 0 < self.target_acceptance < 1:
            raise ValueError(f"NUTS(target_acceptance=...) got {self.target_acceptance}, expected a number between 0 and 1")

    def __call__(self, problem, data, *, key, progress=True):
        check_problem(problem)
        observed = problem.bind(data)
        began = time.perf_counter()
        arrangement = self.arrangement or default_arrangement(self.chains)
        with precision(self.dtype), arrangement.threads(), progress_bar(progress) as bars:
            target = Target(problem, observed)
            key_frame, key_chains, key_tree = jax.random.split(key, 3)
            frame = self.metric.frame(target, key_frame, self.chains, bars)
            positions, stats, interrupted = self._run(target, frame, arrangement, key_chains, bars)
            latent = _to_latent(frame, positions)
            run = Run(
                engine=f"NUTS({type(self.metric).__name__}, draws={self.draws}, warmup={self.warmup}, chains={self.chains}, dtype={self.dtype})",
                latent=latent[:, self.warmup :],
                stats={name: values[:, self.warmup :] for name, values in stats.items()},
                gradients=frame.gradients + int(stats["n_steps"].sum()),
                failed=int((~np.isfinite(stats["energy"])).sum()),
                interrupted=interrupted,
                began=began,
                predictive_draws=self.predictive_draws,
            )
            return build_tree(target, run, key_tree, key)

    def _run(self, target: Target, frame: Frame, arrangement: AbstractArrangement, key: Array, bars: Any) -> tuple[np.ndarray, dict[str, np.ndarray], bool]:
        kernel = blackjax.nuts.build_kernel()
        core = self.metric.core(self.warmup)
        averaging = dual_averaging_adaptation(self.target_acceptance)

        def log_density(u: Float[Array, " latent"]) -> Float[Array, ""]:
            return target.log_density(frame.to_latent(u))

        def start(key: Array, u: Float[Array, " latent"]) -> Chain:
            memory = averaging[0](self.initial_step_size)
            chain = Chain(key, blackjax.nuts.init(u, log_density), Adaptation(memory, core.init(u.size), jnp.exp(memory.log_step_size)))
            # Weakly typed numbers among them would turn strong after the first chunk, and the program be compiled twice.
            return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x, u.dtype if isinstance(x, float) else None).dtype), chain)

        def step(chain: Chain, stage: Stage) -> tuple[Chain, tuple[Array, dict[str, Array]]]:
            key, key_step = jax.random.split(chain.key)
            adaptation = chain.adaptation
            state, info = kernel(
                key_step, chain.state, log_density, adaptation.step_size, adaptation.core.inverse_mass_matrix, max_num_doublings=self.max_tree_depth
            )
            stats = {
                "diverging": info.is_divergent,
                "energy": info.energy,
                "tree_depth": info.num_trajectory_expansions,
                "reached_max_treedepth": info.num_trajectory_expansions >= self.max_tree_depth,
                "n_steps": info.num_integration_steps,
                "acceptance_rate": info.acceptance_rate,
                "lp": state.logdensity,
                "step_size": adaptation.step_size,
            }
            adaptation = _adapt(adaptation, core, averaging, stage, state, info.acceptance_rate)
            return Chain(key, state, adaptation), (state.position, stats)

        program = arrangement.program(lambda chain, stages: jax.lax.scan(step, chain, stages), self.chains)
        begin = arrangement.program(start, self.chains)
        chain = begin(*arrangement.place((jax.random.split(key, self.chains), jnp.asarray(frame.starts)), self.chains))

        stages = _stages(self.warmup, self.draws, self.chunk)
        pieces: list[tuple[Any, dict[str, Any]]] = []
        warm, draw = Steps(bars, "warmup", self.warmup), Steps(bars, "draws", self.draws)
        interrupted = False
        done = 0
        try:
            while done < self.warmup + self.draws:
                now = jax.tree.map(lambda x: jnp.broadcast_to(x[done : done + self.chunk], (self.chains, self.chunk)), stages)  # noqa: B023
                chain, piece = program(chain, arrangement.place(now, self.chains))
                pieces.append(jax.tree.map(np.asarray, piece))
                in_warmup = min(self.chunk, max(0, self.warmup - done))
                note = _note(pieces[-1][1])
                warm.advance(in_warmup, note)
                draw.advance(min(self.chunk, self.warmup + self.draws - done) - in_warmup, note if in_warmup < self.chunk else "")
                done += self.chunk
        except KeyboardInterrupt:
            interrupted = True
            if done <= self.warmup:
                raise KeyboardInterrupt("interrupted during warmup: nothing had been drawn yet") from None
        total = min(done, self.warmup + self.draws)
        positions = np.concatenate([piece[0] for piece in pieces], axis=1)[:, :total]
        stats = {name: np.concatenate([piece[1][name] for piece in pieces], axis=1)[:, :total] for name in pieces[0][1]}
        return positions, stats, interrupted


def _adapt(adaptation: Adaptation, core: MetricCore, averaging: Any, stage: Stage, state: Any, acceptance: Array) -> Adaptation:
    """One step of adaptation, as the stage says (Stan's windows)."""
    init, update, final = averaging

    def none(adaptation: Adaptation) -> Adaptation:
        return adaptation

    def size(adaptation: Adaptation) -> Adaptation:
        memory = update(adaptation.averaging, acceptance)
        return Adaptation(memory, adaptation.core, jnp.exp(memory.log_step_size))

    def both(adaptation: Adaptation) -> Adaptation:
        return size(adaptation)._replace(core=core.update(adaptation.core, state.position, state.logdensity_grad))

    def close_window(adaptation: Adaptation) -> Adaptation:
        memory = init(final(adaptation.averaging))
        return Adaptation(memory, core.final(adaptation.core), jnp.exp(memory.log_step_size))

    def close_warmup(adaptation: Adaptation) -> Adaptation:
        return adaptation._replace(step_size=final(adaptation.averaging))

    adaptation = jax.lax.switch(stage.kind, (size, both, none), adaptation)
    adaptation = jax.lax.cond(stage.window_ends, close_window, none, adaptation)
    return jax.lax.cond(stage.warmup_ends, close_warmup, none, adaptation)


def _stages(warmup: int, draws: int, chunk: int) -> Stage:
    """Stan's schedule of warmup, then draws, padded to whole chunks."""
    schedule = np.asarray(build_schedule(warmup))
    n = -(-(warmup + draws) // chunk) * chunk
    kind = np.full(n, NOTHING)
    kind[:warmup] = schedule[:, 0]
    window_ends = np.zeros(n, bool)
    window_ends[:warmup] = schedule[:, 1].astype(bool)
    warmup_ends = np.arange(n) == warmup - 1
    return Stage(jnp.asarray(kind), jnp.asarray(window_ends), jnp.asarray(warmup_ends))


def _note(stats: dict[str, np.ndarray]) -> str:
    divergences = int(stats["diverging"].sum())
    return f"{stats['n_steps'].mean():.0f} steps a draw" + (f", {divergences} divergences" if divergences else "")


def _to_latent(frame: Frame, positions: np.ndarray) -> np.ndarray:
    u = np.asarray(positions, dtype=np.float64)
    return u if frame.scale is None else frame.centre + u @ np.asarray(frame.scale, dtype=np.float64).T
