"""Gaussians along the way to the mode."""

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.vi.multipathfinder import MultipathfinderState
from jaxtyping import Float, PRNGKeyArray
from rich.progress import Progress

from .._engine import AbstractEngine, check_counts
from .._importance import importance
from .._progress import Steps
from .._run import Approximation
from .._target import Target


class Pathfinder(AbstractEngine):
    """Multi-path Pathfinder of BlackJAX (Zhang, Carpenter, Gelman, Vehtari 2022, JMLR 23:306).

    From each start L-BFGS climbs, and of the Gaussians that its memory implies along the way that with the
    highest ELBO is kept; draws of all paths are resampled by their importance weights. Quick, and in
    sloppy models much too narrow: look at the Pareto k in the result's attrs (below 0.7: usable). Group
    `optimization` has the ELBO of each path and its share of the draws.

    Args:
        paths: number of starts, from the prior.
        draws: in the result.
        pool: draws for each path, from which those of the result are resampled.
        steps: of L-BFGS, at most.
        history: gradients that L-BFGS remembers.
        dtype: "float64" (default) or "float32".
        predictive_draws: posterior predictive draws; 0: none; None: as in `NUTS`.
    """

    paths: int = eqx.field(static=True, default=8)
    draws: int = eqx.field(static=True, default=1000)
    pool: int = eqx.field(static=True, default=500)
    steps: int = eqx.field(static=True, default=100)
    history: int = eqx.field(static=True, default=10)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts(
            "Pathfinder",
            paths=self.paths,
            draws=self.draws,
            pool=self.pool,
            steps=self.steps,
            history=self.history,
        )

    def title(self):
        return (
            f"Pathfinder(paths={self.paths}, draws={self.draws}, pool={self.pool}, steps={self.steps},"
            f" dtype={self.dtype})"
        )

    def run(self, target, key, bars):
        import xarray as xr

        key_start, key_path, key_draw = jax.random.split(key, 3)
        state = climb(
            target, target.starts(key_start, self.paths), key_path, self.pool, self.steps, self.history, bars
        )
        ratios = np.asarray(state.logp - state.logq)
        weights = importance(ratios.ravel())
        pool = np.asarray(state.samples, dtype=np.float64).reshape(-1, target.size)
        chosen = np.asarray(
            jax.random.choice(
                key_draw, pool.shape[0], (self.draws,), p=jnp.exp(jnp.asarray(weights.log_weights))
            )
        )
        shares = np.bincount(chosen // self.pool, minlength=self.paths) / self.draws
        return Approximation(
            latent=pool[chosen][None],
            stats={"lp": np.asarray(state.logp).ravel()[chosen][None]},
            gradients=self.paths * self.steps,
            failed=pool[~np.isfinite(np.asarray(state.logp)).ravel()],
            groups={
                "optimization": xr.Dataset(
                    {"elbo": (("path",), np.asarray(state.path_states.elbo)), "share": (("path",), shares)}
                )
            },
            attrs={"pareto_k": weights.pareto_k},
        )


def climb(
    target: Target,
    starts: Float[np.ndarray, "path latent"],
    key: PRNGKeyArray,
    pool: int,
    steps: int,
    history: int,
    bars: Progress,
) -> MultipathfinderState:
    """All paths in one program, with `pool` draws of each; see `Pathfinder` for the numbers."""
    bar = Steps(bars, "paths", len(starts))
    algorithm = blackjax.multipathfinder(target.log_density)
    settings = {"num_samples": pool, "maxiter": steps, "maxcor": history}
    state, _ = jax.jit(lambda key, starts: algorithm.init(key, starts, **settings))(key, jnp.asarray(starts))
    jax.block_until_ready(state.logp)
    bar.finish()
    return state
