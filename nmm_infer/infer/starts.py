"""Where chains start."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from rich.progress import Progress

from ._engine import check_counts
from ._optimise.optimisers import AbstractOptimiser, Adam
from ._progress import Steps
from ._target import Target

# Draws from each path of Pathfinder.
POOL = 200
# Gradients that its L-BFGS remembers.
HISTORY = 10


class Starts(NamedTuple):
    """Points, and the evaluations of the gradient that they cost."""

    points: Float[np.ndarray, "chain latent"]
    gradients: int


class AbstractStarts(eqx.Module):
    """Gives each chain its first point."""

    @abc.abstractmethod
    def __call__(self, target: Target, key: PRNGKeyArray, chains: int, bars: Progress) -> Starts:
        """Points of finite density, unconstrained.

        Raises:
            ValueError: there are none.
        """


class FromPrior(AbstractStarts):
    """Medians of some draws from the prior: central, and apart from each other."""

    def __call__(self, target, key, chains, bars):
        return Starts(target.starts(key, chains), 0)


class FromModes(AbstractStarts):
    """Ends of several searches for the mode, for posteriors in which some starts lead astray.

    Of all ends, those within `margin` nats of the best density are kept, and chains start from them in turn,
    so that a mode that more searches found gets more chains. Shared scales of hierarchies are held at their
    prior's median in the search, and spread by a draw of the prior afterwards. Starts that are the same point
    cannot show by R-hat that chains have not left it: all other unknowns are spread, too, by `spread` of
    their prior's scale.

    Args:
        runs: number of searches, from the prior.
        optimiser: of each.
        margin: nats.
        spread: of the starts around their mode, in standard deviations of the prior.
    """

    runs: int = eqx.field(static=True, default=16)
    optimiser: AbstractOptimiser = Adam(400)
    margin: float = eqx.field(static=True, default=20.0)
    spread: float = eqx.field(static=True, default=0.01)

    def __check_init__(self):
        check_counts("FromModes", runs=self.runs)

    def __call__(self, target, key, chains, bars):
        from ._optimise._multistart import spread_search

        key_search, key_spread = jax.random.split(key)
        section, ends = spread_search(
            target, self.optimiser, key_search, self.runs, Steps(bars, "modes", self.optimiser.steps)
        )
        density = ends.log_density
        if not np.isfinite(density).any():
            raise ValueError(
                f"FromModes: all {self.runs} searches ended where the density is zero; narrow the priors, or"
                " start from the prior"
            )
        kept = np.flatnonzero(density >= density.max() - self.margin)
        modes = np.asarray(section.embed(jnp.asarray(ends.positions[kept[np.arange(chains) % len(kept)]])))
        prior = np.asarray(target.prior_draws(key_spread, 1000))
        moved = modes + self.spread * (prior[:chains] - prior.mean(axis=0))
        moved[:, ~section.free] = prior[:chains][:, ~section.free]
        fine = np.isfinite(np.asarray(target.densities(jnp.asarray(moved))))
        return Starts(np.where(fine[:, None], moved, modes), ends.gradients)


class FromPathfinder(AbstractStarts):
    """Draws of multi-path Pathfinder, resampled by their importance (Zhang, Carpenter, Gelman, Vehtari 2022,
    JMLR 23:306).

    Args:
        paths: number of starts of Pathfinder, from the prior.
        steps: of L-BFGS on each, at most.
    """

    paths: int = eqx.field(static=True, default=8)
    steps: int = eqx.field(static=True, default=100)

    def __check_init__(self):
        check_counts("FromPathfinder", paths=self.paths, steps=self.steps)

    def __call__(self, target, key, chains, bars):
        from ._variational._pathfinder import climb

        key_start, key_fit, key_draw = jax.random.split(key, 3)
        state = climb(
            target,
            target.starts(key_start, self.paths, spread=True),
            key_fit,
            POOL,
            self.steps,
            HISTORY,
            bars,
        )
        weights = jnp.nan_to_num(state.logp - state.logq, nan=-jnp.inf).ravel()
        if int(jnp.isfinite(weights).sum()) < chains:
            raise ValueError(
                "FromPathfinder: its Gaussians do not meet the posterior; use FromModes() or FromPrior()"
            )
        # The largest of weights with Gumbel noise are draws without repetition: chains that start at one
        # point would agree without having mixed.
        _, chosen = jax.lax.top_k(weights + jax.random.gumbel(key_draw, weights.shape), chains)
        return Starts(
            np.asarray(state.samples).reshape(-1, target.size)[np.asarray(chosen)], self.paths * self.steps
        )
