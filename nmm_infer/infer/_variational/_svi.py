"""Stochastic variational inference."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpyro import infer as numpyro_infer
from numpyro.infer import autoguide
from numpyro.infer.importance import psis_diagnostic

from ..._tools._kinds import kind_of
from ...problems import AbstractConditioned
from .._engine import AbstractEngine, check_counts
from .._importance import importance
from .._optimise._mode import curvature
from .._progress import Steps
from .._run import Approximation
from .._target import Target
from ..starts import AbstractStarts, FromPrior
from ._early_stopping import Stalled

CHUNK = 50
# Draws for the Pareto k of the importance ratios; the estimate is stable from a few hundred on.
PARETO_DRAWS = 1000
# Of the learning rate, at the end of the schedule.
LAST = 0.01


class SVI(AbstractEngine):
    """Stochastic variational inference with NumPyro's guides (Kingma & Welling 2014; Kucukelbir et al. 2017).

    Fast, and too narrow: a mean-field posterior of a neural mass can have a fiftieth of the right standard
    deviation. The Pareto k in the result's attrs says how far the guide is from the posterior (below 0.7:
    usable; Vehtari et al. 2024), and NUTS says it best.

    Args:
        guide: an autoguide class of `numpyro.infer.autoguide`, such as `AutoNormal` (diagonal),
            `AutoLowRankMultivariateNormal`, `AutoMultivariateNormal`, `AutoLaplaceApproximation`, or the
            flows `AutoIAFNormal` and `AutoBNAFNormal`; with settings as a `functools.partial`.
        steps: of the optimiser; with `stop`, at most.
        draws: from the fitted guide.
        optimiser: an optax transformation; None: Adam with clipped gradients and a cosine schedule from
            `learning_rate`.
        learning_rate: of the default optimiser.
        particles: draws for one estimate of the gradient.
        start: where the guide's centre begins: `starts.FromPrior()` (default), `starts.FromModes()` or
            `starts.FromPathfinder()`.
        stop: `Stalled()` ends the fit when the loss has stopped falling: the learning rate is constant until
            then, and decays over one more window; None: all steps.
        dtype: "float64" (default) or "float32".
        predictive_draws: posterior predictive draws; 0: none; None: as in `NUTS`.
    """

    guide: Any = eqx.field(static=True, default=autoguide.AutoLowRankMultivariateNormal)
    steps: int = eqx.field(static=True, default=5000)
    draws: int = eqx.field(static=True, default=1000)
    optimiser: Any = eqx.field(static=True, default=None)
    learning_rate: float = eqx.field(static=True, default=0.01)
    particles: int = eqx.field(static=True, default=1)
    start: AbstractStarts = FromPrior()
    stop: Stalled | None = None
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts("SVI", steps=self.steps, draws=self.draws, particles=self.particles)
        if not isinstance(self.start, AbstractStarts):
            raise TypeError(
                f"SVI(start=...) got {kind_of(self.start)}, expected one of nmm.infer.starts, such as"
                " FromModes()"
            )
        if self.stop is not None and not isinstance(self.stop, Stalled):
            raise TypeError(f"SVI(stop=...) got {kind_of(self.stop)}, expected nmm.infer.Stalled() or None")

    def title(self):
        guide = self.guide.func if isinstance(self.guide, functools.partial) else self.guide
        return f"SVI({guide.__name__}, steps={self.steps}, draws={self.draws}, dtype={self.dtype})"

    def run(self, target, key, bars):
        import xarray as xr

        key_start, key_fit, key_draw, key_pareto = jax.random.split(key, 4)
        guide = self._guide(target, self.start(target, key_start, 1, bars).points[0])
        params, losses, interrupted = self._fit(guide, key_fit, target, Steps(bars, "SVI", self.steps))
        latent = _draw(guide, params, key_draw, target, self.draws)
        density = np.asarray(target.densities(latent))
        return Approximation(
            latent=np.asarray(latent)[None],
            stats={"lp": density[None]},
            gradients=len(losses) * self.particles,
            # Of the steps that were not taken it is not kept where they led; their loss is NaN.
            failed=np.asarray(latent)[~np.isfinite(density)],
            interrupted=interrupted,
            groups={"optimization": xr.Dataset({"loss": (("step",), losses)})},
            attrs={"pareto_k": _pareto_k(key_pareto, params, target, guide)},
        )

    def _guide(self, target: Target, first: np.ndarray) -> Any:
        values = target.constrain(jnp.asarray(first))
        start = numpyro_infer.init_to_value(values={name: values[name] for name in target.names})
        laplace = self.guide is autoguide.AutoLaplaceApproximation
        # The likelihoods have hand-written first derivatives, which NumPyro's own Hessian cannot enter.
        settings: dict[str, Any] = (
            {
                "hessian_fn": lambda f, x: jnp.asarray(
                    curvature(jax.jit(jax.value_and_grad(lambda x: -f(x))), x)
                )
            }
            if laplace
            else {}
        )
        return self.guide(_model, init_loc_fn=start, **settings)

    def _fit(self, guide: Any, key: Any, target: Target, bar: Steps) -> tuple[Any, np.ndarray, bool]:
        length = min(CHUNK, self.steps)
        # With a rule to stop by, nobody knows beforehand when the learning rate should decay.
        constant = self.stop is not None and self.optimiser is None
        window = self.stop.window if self.stop is not None else 0
        svi, advance = self._program(
            guide,
            target,
            length,
            optax.constant_schedule(self.learning_rate) if constant else self._decay(0, self.steps),
        )
        state = svi.init(key, target.conditioned)
        losses: list[np.ndarray] = []
        interrupted, end = False, self.steps
        try:
            while len(losses) * length < end:
                state, loss = advance(state)
                losses.append(np.asarray(loss))
                bar.advance(length, f"ELBO {-float(np.nanmean(losses[-1])):.1f}")
                taken = len(losses) * length
                if self.stop is None or end != self.steps:
                    continue
                if self.stop(np.concatenate(losses)) or (constant and taken >= self.steps - window):
                    end = min(self.steps, taken + window) if constant else taken
                    if constant:
                        svi, advance = self._program(guide, target, length, self._decay(taken, window))
                        svi.init(
                            key, target.conditioned
                        )  # learns the constraints of the parameters; the state stays
        except KeyboardInterrupt:
            interrupted = True
            if not losses:
                raise
        bar.finish(f"ELBO {-float(np.nanmean(losses[-1])):.1f}")
        return svi.get_params(state), np.concatenate(losses), interrupted

    def _decay(self, begin: int, steps: int) -> Any:
        """A cosine from the learning rate down, that begins at a step."""
        decay = optax.cosine_decay_schedule(self.learning_rate, steps, alpha=LAST)
        return lambda count: decay(count - begin)

    def _program(
        self, guide: Any, target: Target, length: int, schedule: Any
    ) -> tuple[Any, Callable[[Any], tuple[Any, Any]]]:
        optimiser = self.optimiser or optax.chain(optax.clip_by_global_norm(100.0), optax.adam(schedule))
        svi = numpyro_infer.SVI(
            _model, guide, optimiser, numpyro_infer.Trace_ELBO(num_particles=self.particles)
        )
        conditioned = target.conditioned

        @jax.jit
        def advance(state: Any) -> tuple[Any, Any]:
            # A step into a region where the model fails is not taken.
            return jax.lax.scan(lambda state, _: svi.stable_update(state, conditioned), state, length=length)

        return svi, advance


def _model(conditioned: AbstractConditioned) -> None:
    conditioned.model()


def _draw(guide: Any, params: Any, key: Any, target: Target, n: int) -> Any:
    sites = guide.sample_posterior(key, params, sample_shape=(n,))
    return jax.vmap(target.flatten)({name: sites[name] for name in target.names})


def _pareto_k(key: Any, params: Any, target: Target, guide: Any) -> float:
    """Pareto k of the importance ratios of posterior to guide; infinite if it cannot be estimated."""
    if isinstance(guide, autoguide.AutoLaplaceApproximation):
        # To NumPyro this guide is a point while it is fitted; its Gaussian comes afterwards.
        gaussian = guide.get_posterior(params)
        drawn = gaussian.sample(key, (PARETO_DRAWS,))
        sites = guide._unpack_and_constrain(drawn, params)
        latent = jax.vmap(target.flatten)({name: sites[name] for name in target.names})
        log_p = target.densities(latent)
        return importance(np.asarray(log_p - gaussian.log_prob(drawn))).pareto_k
    k = float(psis_diagnostic(key, params, _model, guide, target.conditioned, num_particles=PARETO_DRAWS))
    return k if np.isfinite(k) else float("inf")
