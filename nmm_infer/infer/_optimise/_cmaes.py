"""The mode of a rough landscape, without gradients."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._engine import AbstractEngine, check_counts
from .._progress import Steps
from ._multistart import objective, point, prepare
from .optimisers import SearchResults

# Draws of the prior from which the first spread of a population is taken.
SPREAD_DRAWS = 1000


class CMAES(AbstractEngine):
    """The highest point of the posterior density by covariance matrix adaptation (Hansen & Ostermeier 2001;
    package `cmaes`).

    For densities whose gradients mislead: chaos, bistability, spikes, features with steps. A population is
    drawn from a Gaussian, which moves and deforms towards its better half; the first has the prior's spread.
    It is a search for a point, no sampler: its final spread is no uncertainty. The result is that of `MAP`;
    free scales of hierarchies are held as there.

    Args:
        generations: of each search, at most.
        population: points in each generation, computed at once; None: 4 + 3 log(unknowns), at least 16.
        starts: number of searches, from the prior, one after the other.
        spread: of the first generation, in standard deviations of the prior.
        dtype: "float64" (default) or "float32".
        predictive_draws: replications of the data at the mode; 0: none.
    """

    generations: int = eqx.field(static=True, default=500)
    population: int | None = eqx.field(static=True, default=None)
    starts: int = eqx.field(static=True, default=4)
    spread: float = eqx.field(static=True, default=0.5)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_counts("CMAES", generations=self.generations, starts=self.starts)
        if self.population is not None and self.population < 4:
            raise ValueError(f"CMAES(population=...) got {self.population}, expected at least 4, or None")
        if not self.spread > 0.0:
            raise ValueError(
                f"CMAES(spread=...) got {self.spread}, expected a positive number of prior standard"
                " deviations"
            )

    def title(self):
        return (
            f"CMAES(generations={self.generations}, starts={self.starts}, spread={self.spread},"
            f" dtype={self.dtype})"
        )

    def run(self, target, key, bars):
        key_start, key_spread, key_search = jax.random.split(key, 3)
        section, starts = prepare(target, key_start, self.starts)
        prior = np.asarray(target.prior_draws(key_spread, SPREAD_DRAWS), dtype=np.float64)[:, section.free]
        seed = int(jax.random.randint(key_search, (), 0, 2**31 - 1))
        bar = Steps(bars, "CMA-ES", self.starts * self.generations)
        ends = search(objective(target, section).log_density, starts, prior.std(axis=0), self, seed, bar)
        return point(target, section, ends, starts[: len(ends.log_density)])


def search(
    log_density: Callable[[Array], Array],
    starts: Float[np.ndarray, "start latent"],
    sd: Float[np.ndarray, " latent"],
    settings: CMAES,
    seed: int,
    bar: Steps,
) -> SearchResults:
    """One search from each start; the highest point that each has seen.

    Raises:
        KeyboardInterrupt: before the first generation is done; later, what was reached is returned.
    """
    from cmaes import CMA

    dtype = jnp.asarray(starts).dtype
    evaluate = jax.jit(jax.vmap(log_density))
    size = settings.population or max(16, 4 + int(3 * np.log(starts.shape[1])))
    best, heights, evaluations, interrupted = [], [], 0, False
    try:
        for number, start in enumerate(np.asarray(starts, dtype=np.float64)):
            optimiser = CMA(
                start, settings.spread, seed=seed + number, population_size=size, cov=np.diag(sd**2)
            )
            best.append(start)
            heights.append(-np.inf)
            for generation in range(settings.generations):
                points = np.stack([optimiser.ask() for _ in range(size)])
                values = np.asarray(evaluate(jnp.asarray(points, dtype)), dtype=np.float64)
                evaluations += size
                top = int(np.argmax(values))
                if values[top] > heights[-1]:
                    best[-1], heights[-1] = points[top], values[top]
                optimiser.tell(list(zip(points, -values, strict=True)))
                bar.advance(1, f"log density {max(heights):.1f}")
                if optimiser.should_stop():
                    bar.advance(settings.generations - generation - 1, f"log density {max(heights):.1f}")
                    break
    except KeyboardInterrupt:
        if not evaluations:
            raise KeyboardInterrupt(
                "interrupted before the first generation was done: nothing had been found yet"
            ) from None
        interrupted = True
    bar.finish(f"log density {max(heights):.1f}")
    return SearchResults(np.stack(best), np.array(heights), evaluations, interrupted)
