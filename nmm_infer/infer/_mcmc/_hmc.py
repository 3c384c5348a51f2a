"""Hamiltonian Monte Carlo with trajectories of a given number of steps, or of a given length."""

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

# Steps that a trajectory of a given length has at most, while the step size is still to be found: an hour's
# worth of them would be no better.
MOST = 256


class HMCKernel(AbstractAlgorithm):
    """Trajectories of between (1 - jitter) and (1 + jitter) times `steps` steps, or times `length`, their
    ends accepted or rejected.
    """

    windows: Windows
    steps: int = eqx.field(static=True)
    length: float | None = eqx.field(static=True)
    jitter: float = eqx.field(static=True)

    def step(self, key, state, stage, posterior):
        state, adaptation = state
        key_length, key_step = jax.random.split(key)
        n = self._steps(key_length, adaptation.step_size)
        inverse_mass_matrix = adaptation.inverse_mass_matrix
        new, info = blackjax.hmc.build_kernel()(
            key_step, state, posterior, adaptation.step_size, inverse_mass_matrix, n
        )
        # BlackJAX tells the energy of the proposal; what belongs to a draw is that of the state that was
        # kept.
        energy, end = default_metric(inverse_mass_matrix).kinetic_energy, info.proposal
        before = energy(info.momentum) - state.logdensity
        failed = at_wall(end.position, end.logdensity, energy(end.momentum) - energy(info.momentum))
        stats = {
            "diverging": info.is_divergent & ~failed,
            "energy": jnp.where(info.is_accepted, info.energy, before),
            "n_steps": n,
            "acceptance_rate": info.acceptance_rate,
            "accepted": info.is_accepted,
            "lp": new.logdensity,
            "step_size": adaptation.step_size,
            FAILED: failed,
        }
        adaptation = self.windows(adaptation, stage, new.position, new.logdensity_grad, info.acceptance_rate)
        return (new, adaptation), Draw(new.position, stats, end.position)

    def _steps(self, key: jax.Array, step_size: jax.Array) -> jax.Array:
        if self.length is None:
            low, high = (max(1, round((1 + sign * self.jitter) * self.steps)) for sign in (-1, 1))
            return jax.random.randint(key, (), low, high + 1)
        length = self.length * jax.random.uniform(key, (), minval=1 - self.jitter, maxval=1 + self.jitter)
        return jnp.clip(jnp.round(length / step_size), 1, MOST).astype(int)


class HMC(AbstractSampler):
    """Hamiltonian Monte Carlo with a given number of steps a draw (Duane et al. 1987; Neal 2011).

    Warmup and metrics as in NUTS. Every draw costs the same, so that vectorised chains never wait for the
    longest tree; but the number of steps is yours to choose, and a wrong one costs more than the waiting.
    Jittered lengths avoid trajectories that return to where they began.

    Args:
        draws, warmup, chains: numbers of each.
        steps: of a trajectory.
        length: of a trajectory, steps times step size, in place of `steps`. Where all standard deviations are
            about one (`metrics.Laplace`), one length fits models of any size: π/2 takes every unknown to a
            draw that is new, and so does 3π/2, which slow ones need.
        jitter: each trajectory has (1 - jitter) to (1 + jitter) times `steps` or `length`; 0: all are equal.
        metric, start, stop, arrangement, dtype, initial_step_size, chunk, predictive_draws: as in `NUTS`.
        target_acceptance: acceptance rate that the step size aims at.
    """

    law: ClassVar[type[Chains]] = Chains

    draws: int = eqx.field(static=True, default=1000)
    warmup: int = eqx.field(static=True, default=1000)
    chains: int = eqx.field(static=True, default=4)
    steps: int = eqx.field(static=True, default=10)
    length: float | None = eqx.field(static=True, default=None)
    jitter: float = eqx.field(static=True, default=0.5)
    metric: AbstractMetric = Dense()
    start: AbstractStarts | None = None
    stop: AbstractStop = Never()
    target_acceptance: float = eqx.field(static=True, default=0.8)
    arrangement: AbstractArrangement | None = None
    dtype: str = eqx.field(static=True, default="float64")
    initial_step_size: float = eqx.field(static=True, default=0.5)
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_sampler(self, steps=self.steps)
        check_acceptance(self)
        if self.length is not None and not self.length > 0:
            raise ValueError(
                f"HMC(length=...) got {self.length}, expected a positive number, such as math.pi / 2"
            )
        if not 0 <= self.jitter < 1:
            raise ValueError(
                f"HMC(jitter=...) got {self.jitter}, expected a number from 0 (all trajectories alike) to"
                " below 1"
            )

    def algorithm(self):
        return HMCKernel(
            Windows(self.metric, self.warmup, self.target_acceptance, self.initial_step_size),
            self.steps,
            self.length,
            self.jitter,
        )

    def warm(self, posterior, positions, key, bars):
        return InitialChains(in_windows(self.algorithm().windows, posterior, positions), self.warmup, 0)

    def remarks(self, sampled, size):
        return {}
