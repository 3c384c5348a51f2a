"""Microcanonical Langevin Monte Carlo, without a Metropolis test."""

from typing import Any, ClassVar

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.mcmc.integrators import isokinetic_mclachlan, with_isokinetic_maruyama
from blackjax.mcmc.mclmc import MCLMCInfo, handle_nans
from jaxtyping import Array, Float, PRNGKeyArray

from .._progress import Steps
from .._run import InexactChains
from .._walls import at_wall
from ..devices import AbstractArrangement, arranged
from ..metrics import AbstractMetric, Diagonal
from ..metrics._affine import Posterior
from ..starts import AbstractStarts
from ._adjusted_mclmc import GRADIENTS
from ._chains import FAILED, AbstractAlgorithm, Draw
from ._sampler import AbstractSampler, InitialChains, check_dimensions, check_sampler
from ._warmup import strong
from .stopping import AbstractStop, Never

# Of the steps of the warmup: burn-in with the step size, then variances, the step size once more (a third of
# the second), then the autocorrelation.
FRACTION = 0.3


class Langevin(AbstractAlgorithm):
    """Some steps of the dynamics, of which the last is kept."""

    steps: int = eqx.field(static=True)

    def step(self, key, state, stage, posterior):
        state, parameters = state
        move: Any = with_isokinetic_maruyama(isokinetic_mclachlan(posterior, parameters.inverse_mass_matrix))

        # BlackJAX's kernel, which does not say where a step would have ended that it does not take.
        def one(
            carry: tuple[Any, Array], key: PRNGKeyArray
        ) -> tuple[tuple[Any, Array], tuple[Array, Array, Array]]:
            old, wall = carry
            key_move, _, key_turn = jax.random.split(key, 3)
            end, gained = move(old, parameters.step_size, parameters.L, key_move)
            told = MCLMCInfo(
                logdensity=end.logdensity,
                energy_change=gained - end.logdensity + old.logdensity,
                kinetic_change=gained,
                nonans=True,
            )
            state, info = handle_nans(old, end, told, key_turn)
            failed = at_wall(end.position, end.logdensity)
            return (state, jnp.where(failed, end.position, wall)), (info.energy_change, info.nonans, failed)

        (state, wall), (error, fine, failed) = jax.lax.scan(
            one, (state, state.position), jax.random.split(key, self.steps)
        )
        stats = {
            "diverging": ~jnp.all(fine | failed),
            "energy_error": jnp.mean(error**2) / state.position.size,
            "n_steps": jnp.asarray(GRADIENTS * self.steps),
            "lp": state.logdensity,
            "step_size": parameters.step_size,
            FAILED: jnp.any(failed),
        }
        return (state, parameters), Draw(state.position, stats, wall)


@eqx.filter_jit
def _tune(
    arrangement: AbstractArrangement,
    posterior: Posterior,
    keys: PRNGKeyArray,
    positions: Float[Array, "chain latent"],
    steps: int,
    energy_error: Array,
) -> Any:
    def chain(posterior: Posterior, own: tuple[Array, Array]) -> Any:
        key, u = own
        key_momentum, key_tune = jax.random.split(key)
        state, parameters, _ = blackjax.mclmc_find_L_and_step_size(
            mclmc_kernel=blackjax.mcmc.mclmc.build_kernel(),
            num_steps=steps,
            state=blackjax.mcmc.mclmc.init(u, posterior, key_momentum),
            rng_key=key_tune,
            logdensity_fn=posterior,
            frac_tune1=FRACTION,
            frac_tune2=FRACTION,
            frac_tune3=FRACTION,
            desired_energy_var=energy_error,  # pyright: ignore[reportArgumentType]
        )
        return strong((state, parameters), u.dtype)

    return arrangement.program(chain)(posterior, (keys, positions))


class MCLMC(AbstractSampler):
    """Microcanonical Langevin Monte Carlo (Robnik, De Luca, Silverstein, Seljak 2022, arXiv:2212.08549),
    unadjusted: not exact.

    There is no Metropolis test, so that the step size leaves a bias, which more draws do not lower. It is
    controlled by the variance of the energy error of a step per unknown: `attrs["energy_error"]` is what it
    came to, and `energy_error` what the tuning aimed at; halve it, and look whether the posterior moves. What
    it gives is many unknowns for few gradients, where every other sampler is too slow. Its tuning shortens
    the step whenever one ends where the density is zero, and does not lengthen it again: where the posterior
    reaches an edge, use NUTS.

    Args:
        draws: kept ones, of each chain.
        warmup: steps that tune the step size, the variances and the length L over which the momentum is
            forgotten, by BlackJAX.
        chains: number of chains.
        steps: from one kept draw to the next. A step takes two gradients.
        energy_error: wanted variance of a step's energy error, per unknown.
        metric: gives the coordinates, and nothing else: `Laplace()` whitens them.
        start, stop, arrangement, dtype, chunk, predictive_draws: as in `NUTS`.
    """

    law: ClassVar[type[InexactChains]] = InexactChains

    draws: int = eqx.field(static=True, default=1000)
    warmup: int = eqx.field(static=True, default=5000)
    chains: int = eqx.field(static=True, default=4)
    steps: int = eqx.field(static=True, default=10)
    energy_error: float = eqx.field(static=True, default=5e-4)
    metric: AbstractMetric = Diagonal()
    start: AbstractStarts | None = None
    stop: AbstractStop = Never()
    arrangement: AbstractArrangement | None = None
    dtype: str = eqx.field(static=True, default="float64")
    chunk: int = eqx.field(static=True, default=25)
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_sampler(self, steps=self.steps)
        if self.warmup < 100:
            raise ValueError(
                f"MCLMC(warmup=...) got {self.warmup} steps, expected at least 100 (some thousands): each"
                " costs two gradients, not a trajectory"
            )
        if not self.energy_error > 0:
            raise ValueError(
                f"MCLMC(energy_error=...) got {self.energy_error}, expected a positive number, such as 5e-4"
            )

    def algorithm(self):
        return Langevin(self.steps)

    def warm(self, posterior, positions, key, bars):
        check_dimensions(self, positions)
        arrangement = arranged(self.arrangement, self.chains, posterior.target.problem)
        bar = Steps(bars, "tuning", self.warmup)
        keys, positions = arrangement.place((jax.random.split(key, self.chains), positions), self.chains)
        states = jax.block_until_ready(
            _tune(arrangement, posterior, keys, positions, self.warmup, jnp.asarray(self.energy_error))
        )
        bar.finish()
        return InitialChains(states, 0, GRADIENTS * self.warmup * self.chains)

    def remarks(self, sampled, size):
        return {
            "exact": 0,
            "energy_error": float(np.mean(sampled.stats["energy_error"])),
            "energy_error_wanted": self.energy_error,
        }
