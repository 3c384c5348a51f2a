"""Warmup in Stan's windows: what is adapted, when, and how."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import MetricCore
from blackjax.adaptation.step_size import dual_averaging_adaptation
from blackjax.adaptation.window_adaptation import build_schedule
from blackjax.mcmc.hmc import HMCState
from jaxtyping import Array, Float

from ..metrics import AbstractMetric
from ..metrics._affine import Posterior

# Shares of a short warmup: steps before the metric adapts, and after it, when the step size does so alone.
BEFORE, AFTER = 0.15, 0.5
# Stan's: of 150 steps and more.
LONG, STAN_AFTER = 150, 50
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

    @property
    def inverse_mass_matrix(self) -> Any:
        """The metric now."""
        return self.core.inverse_mass_matrix


class Windows(eqx.Module):
    """Step size by dual averaging, metric at the ends of growing windows (Hoffman & Gelman 2014; Stan's
    schedule).

    Args:
        metric: gives the adaptation of the mass matrix.
        warmup: number of steps.
        target_acceptance: acceptance rate that the step size aims at.
        initial_step_size: where its adaptation begins.
    """

    metric: AbstractMetric
    warmup: int = eqx.field(static=True)
    target_acceptance: float = eqx.field(static=True)
    initial_step_size: float = eqx.field(static=True)

    def _core(self) -> MetricCore:
        return self.metric.core(self.warmup)

    def init(self, size: int) -> Adaptation:
        """Before the first step."""
        memory = dual_averaging_adaptation(self.target_acceptance)[0](self.initial_step_size)
        return Adaptation(memory, self._core().init(size), jnp.exp(memory.log_step_size))

    def __call__(
        self, adaptation: Adaptation, stage: Stage, position: Array, gradient: Array, acceptance: Array
    ) -> Adaptation:
        """One step of adaptation, as the stage says.

        Args:
            adaptation: so far.
            stage: of this step.
            position, gradient: where the chain is, and the gradient of the log density there.
            acceptance: rate of this step.
        """
        init, update, final = dual_averaging_adaptation(self.target_acceptance)
        core = self._core()

        def none(adaptation: Adaptation) -> Adaptation:
            return adaptation

        def size(adaptation: Adaptation) -> Adaptation:
            memory = update(adaptation.averaging, acceptance)
            return Adaptation(memory, adaptation.core, jnp.exp(memory.log_step_size))

        def both(adaptation: Adaptation) -> Adaptation:
            return size(adaptation)._replace(core=core.update(adaptation.core, position, gradient))

        def close_window(adaptation: Adaptation) -> Adaptation:
            memory = init(final(adaptation.averaging))
            return Adaptation(memory, core.final(adaptation.core), jnp.exp(memory.log_step_size))

        def close_warmup(adaptation: Adaptation) -> Adaptation:
            return adaptation._replace(step_size=final(adaptation.averaging))

        adaptation = jax.lax.switch(stage.kind, (size, both, none), adaptation)
        adaptation = jax.lax.cond(stage.window_ends, close_window, none, adaptation)
        return jax.lax.cond(stage.warmup_ends, close_warmup, none, adaptation)


def in_windows(windows: Windows, posterior: Posterior, positions: Float[Array, "chain latent"]) -> Any:
    """States of chains at `positions`: BlackJAX's, and the adaptation before its first step."""
    # The gradient of single points is compiled already; to vectorise it for a first step would cost seconds.
    values, gradients = zip(*(posterior.value_and_gradient(u) for u in positions), strict=True)
    return _states(windows, positions, jnp.stack(values), jnp.stack(gradients))


@eqx.filter_jit
def _states(
    windows: Windows,
    positions: Float[Array, "chain latent"],
    values: Float[Array, " chain"],
    gradients: Float[Array, "chain latent"],
) -> Any:
    def start(u: Array, value: Array, gradient: Array) -> tuple[HMCState, Adaptation]:
        return strong((HMCState(u, value, gradient), windows.init(u.size)), u.dtype)  # pyright: ignore[reportArgumentType]

    return jax.vmap(start)(positions, values, gradients)


def strong(tree: Any, dtype: Any) -> Any:
    """Weakly typed numbers would turn strong after the first chunk, and the program be compiled twice."""
    return jax.tree.map(
        lambda x: jax.lax.convert_element_type(
            x, jnp.asarray(x, dtype if isinstance(x, float) else None).dtype
        ),
        tree,
    )


def stages(warmup: int, draws: int, chunk: int) -> Stage:
    """Stan's schedule of warmup, then draws, padded to whole chunks.

    Of warmups below 150 steps Stan leaves a tenth to the step size after the metric is found. Ten steps do
    not find it: it came out up to four times too small, and trees as much too long. Here it has half of a
    short warmup, and at most the 50 of a longer one.
    """
    n = -(-(warmup + draws) // chunk) * chunk
    kind, window_ends = np.full(n, NOTHING), np.zeros(n, bool)
    if warmup:
        schedule = np.asarray(_short(warmup) if warmup < LONG else build_schedule(warmup))
        kind[:warmup] = schedule[:, 0]
        window_ends[:warmup] = schedule[:, 1].astype(bool)
    warmup_ends = np.arange(n) == warmup - 1
    return Stage(jnp.asarray(kind), jnp.asarray(window_ends), jnp.asarray(warmup_ends))


def _short(warmup: int) -> list[tuple[int, bool]]:
    before, after = int(BEFORE * warmup), min(int(AFTER * warmup), STAN_AFTER)
    return build_schedule(warmup, before, after, warmup - before - after)
