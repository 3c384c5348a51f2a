"""The no-U-turn sampler."""

from typing import ClassVar

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
from blackjax.mcmc.metrics import default_metric

from .._run import Chains
from .._walls import at_wall
from ..devices import AbstractArrangement
from ..metrics import AbstractMetric, Dense
from ..starts import AbstractStarts
from ._chains import FAILED, AbstractAlgorithm, Draw
from ._sampler import AbstractSampler, InitialChains, check_acceptance, check_sampler
from ._warmup import Windows, in_windows
from .stopping import AbstractStop, Never


class NUTSKernel(AbstractAlgorithm):
    """Trajectories that end at a U-turn."""

    windows: Windows
    max_depth: int = eqx.field(static=True)

    def step(self, key, state, stage, posterior):
        state, adaptation = state
        kernel = blackjax.nuts.build_kernel()
        state, info = kernel(
            key,
            state,
            posterior,
            adaptation.step_size,
            adaptation.inverse_mass_matrix,
            max_num_doublings=self.max_depth,
        )
        # A tree ends where the density is zero, so that such a point is at one of its ends.
        left, right = info.trajectory_leftmost_state, info.trajectory_rightmost_state
        end = jax.tree.map(lambda a, b: jnp.where(jnp.isfinite(left.logdensity), b, a), left, right)
        energy = default_metric(adaptation.inverse_mass_matrix).kinetic_energy
        failed = at_wall(end.position, end.logdensity, energy(end.momentum) - energy(info.momentum))
        stats = {
            "diverging": info.is_divergent & ~failed,
            "energy": info.energy,
            "tree_depth": info.num_trajectory_expansions,
            "reached_max_treedepth": info.num_trajectory_expansions >= self.max_depth,
            "n_steps": info.num_integration_steps,
            "acceptance_rate": info.acceptance_rate,
            "lp": state.logdensity,
            "step_size": adaptation.step_size,
            FAILED: failed,
        }
        adaptation = self.windows(
            adaptation, stage, state.position, state.logdensity_grad, info.acceptance_rate
        )
        return (state, adaptation), Draw(state.position, stats, end.position)


class NUTS(AbstractSampler):
    """The no-U-turn sampler of BlackJAX (Hoffman & Gelman 2014; multinomial, Betancourt 2017).

    Warmup adapts step size and metric in Stan's windows; warmup and draws are one compiled program, run
    in chunks, so that progress shows and Ctrl-C keeps what was drawn.

    Args:
        draws, warmup, chains: numbers of each.
        metric: `metrics.Dense()` (default), `Diagonal()`, `LowRank()`, `Laplace()` or `MeanCurvature(pilot)`.
            Diagonal metrics, the default elsewhere, take tens of times more steps in neural-mass models.
        start: where chains start: `starts.FromPrior()`, `FromModes()` or `FromPathfinder()`; None: from the
            prior, or where the metric is.
        stop: when draws are enough: `stopping.UntilESS(400)`; all of them by default.
        target_acceptance: acceptance rate that the step size aims at.
        max_tree_depth: at most 2^depth - 1 steps a draw.
        arrangement: `devices.Parallel()` or `devices.Vectorised()`; None: parallel on CPU devices
            (`use_cores`), else vectorised.
        dtype: "float64" (default) or "float32", which is twice as fast where it is enough.
        initial_step_size: where adaptation of the step size begins.
        chunk: steps between two looks at the clock.
        predictive_draws: posterior predictive draws per chain; 0: none. None: of every draw where the
            observations themselves are predicted (`az.loo_pit` needs that) and that is no more than 25
            million numbers; else 200 in all.
    """

    law: ClassVar[type[Chains]] = Chains

    draws: int = eqx.field(static=True, default=1000)
    warmup: int = eqx.field(static=True, default=1000)
    chains: int = eqx.field(static=True, default=4)
    metric: AbstractMetric = Dense()
    start: AbstractStarts | None = None
    stop: AbstractStop = Never()
    target_acceptance: float = eqx.field(static=True, default=0.8)
    max_tree_depth: int = eqx.field(static=True, default=10)
    arrangement: AbstractArrangement | None = None
    dtype: str = eqx.field(static=True, default="float64")
    initial_step_size: float = eqx.field(static=True, default=0.5)
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_sampler(self, max_tree_depth=self.max_tree_depth)
        check_acceptance(self)

    def algorithm(self):
        return NUTSKernel(
            Windows(self.metric, self.warmup, self.target_acceptance, self.initial_step_size),
            self.max_tree_depth,
        )

    def warm(self, posterior, positions, key, bars):
        return InitialChains(in_windows(self.algorithm().windows, posterior, positions), self.warmup, 0)

    def remarks(self, sampled, size):
        return {}
