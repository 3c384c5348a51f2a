"""Microcanonical Hamiltonian Monte Carlo with a Metropolis test."""

from typing import Any, ClassVar

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
from blackjax.mcmc import adjusted_mclmc_dynamic
from blackjax.mcmc.dynamic_hmc import DynamicHMCState
from jaxtyping import Array, PRNGKeyArray

from .._run import Chains
from .._walls import at_wall
from ..devices import AbstractArrangement
from ..metrics import AbstractMetric, Dense
from ..metrics._affine import Posterior
from ..starts import AbstractStarts
from ._chains import FAILED, AbstractAlgorithm, Draw
from ._sampler import AbstractSampler, InitialChains, check_acceptance, check_dimensions, check_sampler
from ._warmup import Windows, in_windows
from .stopping import AbstractStop, Never

# McLachlan's integrator takes two gradients a step.
GRADIENTS = 2


class AdjustedMCLMCKernel(AbstractAlgorithm):
    """Trajectories of constant speed, of random length, their ends accepted or rejected. Lengths and steps in
    units of √d.
    """

    windows: Windows
    length: float = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def step(self, key, state, stage, posterior):
        state, adaptation = state
        key_length, key_step = jax.random.split(key)
        n = jnp.ceil(2 * self.length * jax.random.uniform(key_length) / adaptation.step_size)
        n = jnp.clip(n, 1, self.max_steps).astype(int)
        new, info, end = self._trajectory(
            key_step, state, posterior, adaptation.step_size, adaptation.inverse_mass_matrix, n
        )
        failed = at_wall(end, info.proposal.logdensity)
        stats = {
            "diverging": info.is_divergent & ~failed,
            "n_steps": GRADIENTS * n,
            "acceptance_rate": info.acceptance_rate,
            "accepted": info.is_accepted,
            "lp": new.logdensity,
            "step_size": adaptation.step_size * jnp.sqrt(new.position.size),
            FAILED: failed,
        }
        adaptation = self.windows(adaptation, stage, new.position, new.logdensity_grad, info.acceptance_rate)
        return (new, adaptation), Draw(new.position, stats, end)

    def _trajectory(
        self, key: PRNGKeyArray, state: Any, posterior: Posterior, step_size: Array, metric: Any, n: Array
    ) -> tuple[Any, Any, Array]:
        """The next state, what is told of the trajectory, and where it ended."""
        kernel: Any = adjusted_mclmc_dynamic.build_kernel(
            integration_steps_fn=lambda n: n, next_random_arg_fn=lambda n: n
        )
        step_size = step_size * jnp.sqrt(state.position.size)
        if not (isinstance(metric, jax.Array) and metric.ndim == 2):
            old = DynamicHMCState(state.position, state.logdensity, state.logdensity_grad, n)
            new, info = kernel(key, old, posterior, step_size, inverse_mass_matrix=metric)
            return (
                blackjax.mcmc.hmc.HMCState(new.position, new.logdensity, new.logdensity_grad),
                info,
                info.proposal.position,
            )
        # BlackJAX's isokinetic integrator knows no dense metric; in coordinates v with u = R v the metric R
        # Rᵀ is the identity.
        root = jnp.linalg.cholesky(metric)
        v = jax.scipy.linalg.solve_triangular(root, state.position, lower=True)
        new, info = kernel(
            key,
            DynamicHMCState(v, state.logdensity, root.T @ state.logdensity_grad, n),
            lambda v: posterior(root @ v),
            step_size,
        )
        gradient = jax.scipy.linalg.solve_triangular(root.T, new.logdensity_grad, lower=False)
        return (
            blackjax.mcmc.hmc.HMCState(root @ new.position, new.logdensity, gradient),
            info,
            root @ info.proposal.position,
        )


class AdjustedMCLMC(AbstractSampler):
    """Metropolis-adjusted microcanonical sampling (Robnik, Cohn-Gordon, Seljak 2025, arXiv:2503.01707):
    exact.

    Trajectories move with constant speed on the sphere of momenta, their lengths are random with mean
    `length` √d in the metric, and their ends are accepted or rejected. Warmup and metrics as in NUTS. A step
    takes two gradients, which `n_steps` counts.

    Args:
        draws, warmup, chains: numbers of each.
        length: mean length of a trajectory, in units of √d in whitened coordinates, where π/2 is a quarter of
            a period.
        max_steps: of a trajectory.
        target_acceptance: acceptance rate that the step size aims at.
        metric, start, stop, arrangement, dtype, chunk, predictive_draws: as in `NUTS`.
        initial_step_size: where adaptation of the step size begins, in units of √d.
    """

    law: ClassVar[type[Chains]] = Chains

    draws: int = eqx.field(static=True, default=1000)
    warmup: int = eqx.field(static=True, default=1000)
    chains: int = eqx.field(static=True, default=4)
    length: float = eqx.field(static=True, default=1.5)
    max_steps: int = eqx.field(static=True, default=500)
    metric: AbstractMetric = Dense()
    start: AbstractStarts | None = None
    stop: AbstractStop = Never()
    target_acceptance: float = eqx.field(static=True, default=0.9)
    arrangement: AbstractArrangement | None = None
    dtype: str = eqx.field(static=True, default="float64")
    initial_step_size: float = eqx.field(static=True, default=0.2)
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_sampler(self, max_steps=self.max_steps)
        check_acceptance(self)
        if not self.length > 0:
            raise ValueError(
                f"AdjustedMCLMC(length=...) got {self.length}, expected a positive number, such as 1.5"
            )

    def algorithm(self):
        return AdjustedMCLMCKernel(
            Windows(self.metric, self.warmup, self.target_acceptance, self.initial_step_size),
            self.length,
            self.max_steps,
        )

    def warm(self, posterior, positions, key, bars):
        check_dimensions(self, positions)
        return InitialChains(in_windows(self.algorithm().windows, posterior, positions), self.warmup, 0)

    def remarks(self, sampled, size):
        return {}
