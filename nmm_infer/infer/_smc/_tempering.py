"""From prior to posterior in steps of temperature: the algorithm of `SMC`, for a log density of a flat
vector.
"""

from collections.abc import Callable
from typing import NamedTuple

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.smc.ess import log_ess
from blackjax.smc.resampling import systematic
from blackjax.smc.solver import dichotomy
from jaxtyping import Array, Float, PRNGKeyArray

from .._walls import at_wall

# Of a trajectory, in standard deviations of the particles: a quarter of a Gaussian's period.
TRAJECTORY = 1.5
# Steps of a trajectory, at most.
LONGEST = 64
# Optimal acceptance of Hamiltonian Monte Carlo in many dimensions is 0.65 (Beskos et al. 2013); a little more
# costs little.
ACCEPTANCE = 0.8
# Particles for each unknown from which on a full covariance is worth estimating.
PER_UNKNOWN = 5


class Settings(NamedTuple):
    """Of one population; see `SMC`."""

    moves: int
    ess: float
    batch: int


class Population(NamedTuple):
    """Particles that represent the posterior, and how they came there; `failed` are the points at which the
    density was zero.
    """

    positions: Float[np.ndarray, "particle latent"]
    log_density: Float[np.ndarray, " particle"]
    acceptance: Float[np.ndarray, " particle"]
    log_evidence: float
    temperatures: Float[np.ndarray, " stage"]
    acceptances: Float[np.ndarray, " stage"]
    step_sizes: Float[np.ndarray, " stage"]
    evaluations: int
    failed: Float[np.ndarray, "proposal latent"]


class Tempering:
    """The compiled programs of a tempered path, p(x)^(1-λ) p(x, y)^λ from the prior at λ = 0 to the posterior
    at λ = 1.
    """

    def __init__(
        self, log_prior: Callable[[Array], Array], log_density: Callable[[Array], Array], settings: Settings
    ):
        self.settings = settings
        kernel = blackjax.hmc.build_kernel()

        def heated(x: Array, temperature: Array) -> Array:
            joint = log_density(x)
            # Where the model fails the density is 0 at every temperature, the prior's included.
            return jnp.where(
                jnp.isfinite(joint), (1.0 - temperature) * log_prior(x) + temperature * joint, -jnp.inf
            )

        def densities(x: Array) -> tuple[Array, Array]:
            return log_prior(x), log_density(x)

        @jax.jit
        def evaluate(x: Array) -> tuple[Array, Array]:
            return jax.lax.map(densities, x, batch_size=settings.batch)

        @jax.jit
        def move(
            key: PRNGKeyArray, x: Array, temperature: Array, metric: Array, step_size: Array, steps: Array
        ) -> tuple[Array, Array, Array, Array]:
            key_jitter, key_move = jax.random.split(key)

            def one(inputs: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
                key, x, size = inputs
                f = lambda x: heated(x, temperature)  # noqa: E731
                state, info = kernel(key, blackjax.hmc.init(x, f), f, size, metric, steps)
                end = info.proposal
                return (
                    state.position,
                    info.acceptance_rate,
                    at_wall(end.position, end.logdensity),
                    end.position,
                )

            # Trajectories of different lengths: those of one length would meet a Gaussian's period.
            sizes = step_size * jax.random.uniform(key_jitter, (x.shape[0],), x.dtype, 0.6, 1.4)
            return jax.lax.map(
                one, (jax.random.split(key_move, x.shape[0]), x, sizes), batch_size=settings.batch
            )

        @jax.jit
        def increment(log_likelihood: Array, rest: Array) -> Array:
            wanted = jnp.log(settings.ess * log_likelihood.size)
            return dichotomy(lambda delta: log_ess(delta * log_likelihood) - wanted, 0.0 * rest, rest)

        self._evaluate, self._move, self._increment = evaluate, move, increment

    def run(
        self, key: PRNGKeyArray, particles: Float[Array, "particle latent"], report: Callable[[float], None]
    ) -> Population:
        """Carry a population of draws from the prior to the posterior.

        At each stage the temperature rises until the weights of the particles are worth `ess` of their
        number; the mean weight goes into the evidence; particles are resampled by weight and moved by
        Hamiltonian Monte Carlo at the new temperature, with a metric from their covariance.

        Args:
            key: a JAX random key.
            particles: independent draws from the prior.
            report: told the temperature after each stage.

        Raises:
            ValueError: the density is zero at all particles.
        """
        n = particles.shape[0]
        x, temperature, step_size, evaluations = particles, 0.0, 0.5, 0
        prior, joint = self._evaluate(x)
        works = np.isfinite(np.asarray(joint))
        if not works.any():
            raise ValueError(
                f"the density is zero at all {n} particles from the prior: the model fails there; narrow the"
                " priors, or use more particles"
            )
        # The prior mass where the model works is the first factor of the evidence.
        log_evidence = float(np.log(works.mean()))
        failed = [np.asarray(x)[~works]]
        key, key_first = jax.random.split(key)
        if not works.all():
            chosen = systematic(key_first, jnp.asarray(works / works.sum(), x.dtype), n)
            x, prior, joint = x[chosen], prior[chosen], joint[chosen]
        stages: list[tuple[float, float, float]] = []
        acceptance = np.ones(n)
        while temperature < 1.0:
            likelihood = joint - prior
            rest = jnp.asarray(1.0 - temperature, x.dtype)
            delta = float(self._increment(likelihood, rest))
            # The last stage ends at 1 exactly.
            last = delta >= float(rest) * (1.0 - 1e-12)
            if not delta > 0.0:
                raise ValueError(
                    f"SMC cannot go on from temperature {temperature:.3g}: the likelihoods of the particles"
                    " differ too much; use more particles"
                )
            log_weights = np.asarray(delta * likelihood, dtype=np.float64)
            top = log_weights.max()
            weights = np.exp(log_weights - top)
            log_evidence += float(top + np.log(weights.mean()))
            temperature = 1.0 if last else temperature + delta
            weights /= weights.sum()
            metric = jnp.asarray(_covariance(np.asarray(x, dtype=np.float64), weights), x.dtype)
            key, key_resample = jax.random.split(key)
            x = x[systematic(key_resample, jnp.asarray(weights, x.dtype), n)]
            accepted = []
            for _ in range(self.settings.moves):
                key, key_move = jax.random.split(key)
                steps = int(np.clip(round(TRAJECTORY / step_size), 1, LONGEST))
                heat, size = (jnp.asarray(value, x.dtype) for value in (temperature, step_size))
                x, rates, failures, tried = self._move(key_move, x, heat, metric, size, jnp.asarray(steps))
                acceptance = np.asarray(rates)
                accepted.append(float(np.nanmean(acceptance)))
                evaluations += n * (steps + 1)
                failed.append(np.asarray(tried)[np.asarray(failures)])
                step_size *= float(np.exp(accepted[-1] - ACCEPTANCE))
            prior, joint = self._evaluate(x)
            stages.append((temperature, float(np.mean(accepted)), step_size))
            report(temperature)
        history = np.array(stages)
        return Population(
            positions=np.asarray(x, dtype=np.float64),
            log_density=np.asarray(joint, dtype=np.float64),
            acceptance=acceptance,
            log_evidence=log_evidence,
            temperatures=history[:, 0],
            acceptances=history[:, 1],
            step_sizes=history[:, 2],
            evaluations=evaluations,
            failed=np.concatenate(failed),
        )


def _covariance(
    x: Float[np.ndarray, "particle latent"], weights: Float[np.ndarray, " particle"]
) -> np.ndarray:
    """Covariance of the weighted particles, or their variances if there are too few for it: an inverse mass
    matrix.
    """
    d = x.shape[1]
    centred = x - weights @ x
    variances = weights @ centred**2
    floor = 1e-10 * (1.0 + np.abs(variances).max())
    if 1.0 / (weights**2).sum() < PER_UNKNOWN * d:
        return variances + floor
    return (centred * weights[:, None]).T @ centred + floor * np.eye(d)


def evidence(log_evidences: Float[np.ndarray, " chain"]) -> tuple[float, float]:
    """Log of the mean evidence of independent populations, and its standard error; NaN for one population.

    Each population's evidence is unbiased, its logarithm is not: so evidences are averaged, and the error is
    to first order.
    """
    top = log_evidences.max()
    z = np.exp(log_evidences - top)
    error = float(z.std(ddof=1) / z.mean() / np.sqrt(z.size)) if z.size > 1 else float("nan")
    return float(top + np.log(z.mean())), error
