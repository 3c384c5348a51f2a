"""Hamiltonian Monte Carlo of many chains, which tune one length for all."""

from typing import Any, ClassVar

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from blackjax.mcmc.dynamic_hmc import halton_sequence
from blackjax.mcmc.metrics import default_metric
from jaxtyping import Array, Float, PRNGKeyArray

from .._progress import Steps
from .._run import Chains
from .._walls import at_wall
from ..devices import AbstractArrangement, Vectorised
from ..metrics import AbstractMetric, Diagonal
from ..metrics._affine import Posterior
from ..starts import AbstractStarts
from ._chains import FAILED, AbstractAlgorithm, Draw
from ._sampler import AbstractSampler, InitialChains, check_acceptance, check_sampler
from ._warmup import strong
from .stopping import AbstractStop, Never


class ChEESKernel(AbstractAlgorithm):
    """Trajectories whose lengths follow a Halton sequence, the same in all chains, so that none waits."""

    def step(self, key, state, stage, posterior):
        state, i, (step_size, metric, length) = state
        n = jnp.ceil(halton_sequence(i) * length).astype(int)
        new, info = blackjax.hmc.build_kernel()(key, state, posterior, step_size, metric, n)
        energy, end = default_metric(metric).kinetic_energy, info.proposal
        before = energy(info.momentum) - state.logdensity
        failed = at_wall(end.position, end.logdensity, energy(end.momentum) - energy(info.momentum))
        stats = {
            "diverging": info.is_divergent & ~failed,
            "energy": jnp.where(info.is_accepted, info.energy, before),
            "n_steps": n,
            "acceptance_rate": info.acceptance_rate,
            "accepted": info.is_accepted,
            "lp": new.logdensity,
            "step_size": step_size,
            FAILED: failed,
        }
        return (new, i + 1, (step_size, metric, length)), Draw(new.position, stats, end.position)


@eqx.filter_jit
def _tune(
    posterior: Posterior, key: PRNGKeyArray, positions: Float[Array, "chain latent"], sampler: "ChEES"
) -> tuple[Any, Array]:
    """States for `Lockstep`, and the gradients that tuning took."""
    chains = positions.shape[0]
    adaptation = blackjax.chees_adaptation(
        posterior,
        chains,
        target_acceptance_rate=sampler.target_acceptance,
        max_leapfrog_steps=sampler.max_steps,
        mass_matrix_estimation="diagonal",
        adaptation_info_fn=lambda state, info, adaptation: info.num_integration_steps.sum(),
    )
    run: Any = adaptation.run
    (state, found), steps = run(
        key,
        positions,
        sampler.initial_step_size,
        optax.adam(sampler.learning_rate),
        sampler.warmup,
        max_sampling_steps=sampler.draws,
    )
    (length,) = found["integration_steps_params"]
    shared = (found["step_size"], found["inverse_mass_matrix"], jnp.clip(length, 1, sampler.max_steps))
    kept = blackjax.mcmc.hmc.HMCState(state.position, state.logdensity, state.logdensity_grad)
    everyone = jax.tree.map(
        lambda x: jnp.broadcast_to(x, (chains, *jnp.shape(x))), (jnp.zeros((), int), shared)
    )
    return strong((kept, *everyone), positions.dtype), jnp.sum(steps._wrapped_info)


class ChEES(AbstractSampler):
    """HMC whose length makes many chains forget fastest (Hoffman, Radul, Sountsov 2021, AISTATS): for GPUs,
    and small models anywhere.

    All chains are one vectorised program and take the same number of steps, so that none waits for the
    longest tree. They tune step size, length and variances together in the warmup; then each is a chain of
    its own, and exact.

    Args:
        draws: of each chain: with many chains, few.
        warmup: steps of tuning.
        chains: at least 16; tuning needs them.
        target_acceptance: harmonic mean over chains that the step size aims at.
        max_steps: of a trajectory.
        learning_rate: of Adam on the logarithm of the length.
        metric: gives the coordinates, and nothing else: `Laplace()` whitens them.
        initial_step_size: where adaptation of the step size begins.
        start, stop, arrangement, dtype, chunk, predictive_draws: as in `NUTS`.
    """

    law: ClassVar[type[Chains]] = Chains

    draws: int = eqx.field(static=True, default=200)
    warmup: int = eqx.field(static=True, default=500)
    chains: int = eqx.field(static=True, default=64)
    target_acceptance: float = eqx.field(static=True, default=0.651)
    max_steps: int = eqx.field(static=True, default=500)
    learning_rate: float = eqx.field(static=True, default=0.02)
    metric: AbstractMetric = Diagonal()
    start: AbstractStarts | None = None
    stop: AbstractStop = Never()
    arrangement: AbstractArrangement | None = Vectorised()
    dtype: str = eqx.field(static=True, default="float64")
    initial_step_size: float = eqx.field(static=True, default=0.1)
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_sampler(self, max_steps=self.max_steps)
        check_acceptance(self)
        if self.chains < 16:
            raise ValueError(
                f"ChEES(chains=...) got {self.chains}, expected at least 16: chains tune the length together;"
                " for few of them use NUTS"
            )

    def algorithm(self):
        return ChEESKernel()

    def warm(self, posterior, positions, key, bars):
        bar = Steps(bars, "tuning", self.warmup)
        states, steps = jax.block_until_ready(_tune(posterior, key, positions, self))
        bar.finish()
        return InitialChains(states, 0, int(steps))

    def remarks(self, sampled, size):
        return {}
