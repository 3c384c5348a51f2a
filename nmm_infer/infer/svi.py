"""Stochastic variational inference."""

import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpyro import infer as numpyro_infer
from numpyro.infer import autoguide
from numpyro.infer.importance import psis_diagnostic

from .base import AbstractEngine, check_counts, check_problem, precision
from .progress import Steps, progress_bar
from .results import Run, build_tree
from .target import Target

CHUNK = 50
# Draws for the Pareto k of the importance ratios; the estimate is stable from a few hundred on.
PARETO_DRAWS = 1000


class SVI(AbstractEngine):
    """Stochastic variational inference with NumPyro's guides (Kingma & Welling 2014; Kucukelbir et al. 2017).

    Fast, and too narrow: a mean-field posterior of a neural mass can have a fiftieth of the right standard
    deviation. The Pareto k in the result's attrs says how far the guide is from the posterior (below 0.7:
    usable; Vehtari et al. 2024), and NUTS says it best.

    Args:
        guide: an autoguide class of `numpyro.infer.autoguide`, such as `AutoLowRankMultivariateNormal`.
        steps: of the optimiser.
        draws: from the fitted guide.
        optimiser: an optax transformation; None: Adam with clipped gradients and a cosine schedule from `learning_rate`.
        learning_rate: of the default optimiser.
        particles: draws for one estimate of the gradient.
        dtype: "float64" (default) or "float32".
        predictive_draws: posterior predictive draws; 0: none.
    """

    guide: Any = eqx.field(static=True, default=autoguide.AutoLowRankMultivariateNormal)
    steps: int = eqx.field(static=True, default=5000)
    draws: int = eqx.field(static=True, default=1000)
    optimiser: Any = eqx.field(static=True, default=None)
    learning_rate: float = eqx.field(static=True, default=0.01)
    particles: int = eqx.field(static=True, default=1)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int = eqx.field(static=True, default=200)

    def __check_init__(self):
        check_counts("SVI", steps=self.steps, draws=self.draws, particles=self.particles)

    def __call__(self, problem, data, *, key, progress=True):
        check_problem(problem)
        observed = problem.bind(data)
        began = time.perf_counter()
        with precision(self.dtype), progress_bar(progress) as bars:
            target = Target(problem, observed)
            key_start, key_fit, key_draw, key_pareto, key_tree = jax.random.split(key, 5)
            start = target.constrain(jnp.asarray(target.starts(key_start, 1)[0]))
            guide = self.guide(target.problem.model, init_loc_fn=numpyro_infer.init_to_value(values={name: start[name] for name in target.names}))
            optimiser = self.optimiser or optax.chain(
                optax.clip_by_global_norm(100.0), optax.adam(optax.cosine_decay_schedule(self.learning_rate, self.steps, alpha=0.01))
            )
            svi = numpyro_infer.SVI(target.problem.model, guide, optimiser, numpyro_infer.Trace_ELBO(num_particles=self.particles))
            params, losses, interrupted = self._fit(svi, key_fit, target, Steps(bars, "SVI", self.steps))
            latent = self._draw(guide, params, key_draw, target)
            density = jax.jit(lambda x: jax.lax.map(target.log_density, x))(latent)
            run = Run(
                engine=f"SVI({self.guide.__name__}, steps={len(losses)}, draws={self.draws}, dtype={self.dtype})",
                latent=np.asarray(latent)[None],
                stats={"lp": np.asarray(density)[None]},
                gradients=len(losses) * self.particles,
                failed=int((~np.isfinite(losses)).sum()),
                interrupted=interrupted,
                began=began,
                predictive_draws=self.predictive_draws,
                extra={"optimization": {"loss": (("step",), losses)}},
            )
            tree = build_tree(target, run, key_tree, key)
            tree.attrs["pareto_k"] = _pareto_k(key_pareto, params, target, guide)
            return tree

    def _fit(self, svi: Any, key: Any, target: Target, bar: Steps) -> tuple[Any, np.ndarray, bool]:
        chunk = min(CHUNK, self.steps)

        @jax.jit
        def advance(state: Any) -> tuple[Any, Any]:
            # A step into a region where the model fails is not taken.
            return jax.lax.scan(lambda state, _: svi.stable_update(state, target.observed), state, length=chunk)

        state = svi.init(key, target.observed)
        losses: list[np.ndarray] = []
        interrupted = False
        try:
            for _ in range(-(-self.steps // chunk)):
                state, loss = advance(state)
                losses.append(np.asarray(loss))
                bar.advance(chunk, f"ELBO {-float(np.nanmean(losses[-1])):.1f}")
        except KeyboardInterrupt:
            interrupted = True
            if not losses:
                raise
        return svi.get_params(state), np.concatenate(losses), interrupted

    def _draw(self, guide: Any, params: Any, key: Any, target: Target) -> Any:
        sites = guide.sample_posterior(key, params, sample_shape=(self.draws,))
        latent = {name: sites[name] for name in target.names}
        return jax.vmap(target.flatten)(latent)


def _pareto_k(key: Any, params: Any, target: Target, guide: Any) -> float:
    """Pareto k of the importance ratios of posterior to guide; infinite if it cannot be estimated."""
    k = float(psis_diagnostic(key, params, target.problem.model, guide, target.observed, num_particles=PARETO_DRAWS))
    return k if np.isfinite(k) else float("inf")
