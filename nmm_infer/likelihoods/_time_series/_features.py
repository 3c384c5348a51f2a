"""Synthetic likelihood: summaries of data among those of simulations."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._tools._kinds import kind_of
from ...parameters import Slot, param
from .._base import AbstractObserved, AbstractSimulating
from .._failure import Failure, because
from .._recording import Recording
from ._feature_forms import AbstractFeature
from ._series import bind_series
from ._shrinkage import shrink

# Where there are more features than simulations the covariance is invertible only by what is shrunk.
LEAST_SHRINKAGE = 0.01


class ObservedFeatures(AbstractObserved):
    """The features of the data."""

    values: Float[Array, " feature"]
    recording: Recording
    labels: tuple[str, ...] = eqx.field(static=True)

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        return {"features": (("feature",), values)}

    def coords(self) -> dict[str, Any]:
        return {"feature": list(self.labels)}

    def batch_dims(self) -> tuple[str, ...]:
        return ()


class Features(AbstractSimulating):
    r"""Gaussian likelihood of summaries, with mean and covariance from repeated simulations (Wood 2010,
    Nature 466:1102).

    s(data) ~ Normal(m(θ), (1 + 1/R) Σ(θ)),  m and Σ from the summaries of R simulations with parameters θ

    For regimes that no linearisation reaches (bistable, oscillating, bursting) and for summaries without a
    distribution of their own, such as the dynamics of functional connectivity. It is Bayesian inference from
    the summaries, not from the data: what they leave out is lost, and they must scatter like Gaussians, for
    which they are transformed (`FisherZ`, `Log`). The correlations of Σ are shrunk towards zero as far as R
    simulations do not tell them (`shrink`).

    The R random keys are the same for all θ, which makes the density smooth and differentiable. That has a
    price. m is off by about Σ^½/√R, in the same direction for all θ, so the posterior is off by up to its own
    width over √R, whatever the number of draws of the sampler; the factor 1 + 1/R widens it by as much.
    Another `seed` shows how much that is; R = 1 (fits with frozen noise) would make it as large as the
    posterior itself, and is refused. Noise in Σ narrows the posterior if R is not several times the number of
    features. Where simulations are chaotic, gradients through them are useless for long durations, and only
    samplers without gradients remain.

    One evaluation costs R simulations.

    Args:
        features: `FisherZ(nmm.observe.FunctionalConnectivity())`, `Log(nmm.observe.Variance())`, …, of what
            the problem observes.
        repetitions: R.
        seed: of the simulations.
        noise: standard deviation of white measurement noise that is added to the simulations, in the unit of
            the data.
    """

    features: tuple[AbstractFeature, ...]
    noise: Slot = param(
        0.0, doc="standard deviation of white measurement noise, in the unit of the data", low=0.0, high=1e6
    )
    repetitions: int = eqx.field(static=True, default=50, kw_only=True)
    seed: int = eqx.field(static=True, default=0, kw_only=True)

    def __init__(self, *features: AbstractFeature, repetitions: int = 50, seed: int = 0, noise: Any = 0.0):
        if not features:
            raise ValueError(
                "Features() got no features, expected some such as"
                " FisherZ(nmm.observe.FunctionalConnectivity())"
            )
        for feature in features:
            if not isinstance(feature, AbstractFeature):
                raise TypeError(
                    f"Features(...) got {kind_of(feature)}, expected a feature such as"
                    " nmm.likelihoods.Log(nmm.observe.Variance())"
                )
        if not (isinstance(repetitions, int) and repetitions >= 5):
            raise ValueError(
                f"Features(repetitions=...) got {repetitions!r}, expected a whole number of at least 5,"
                " better several times the number of features; a fit to one frozen noise is no likelihood"
            )
        self.features = features
        self.noise = noise
        self.repetitions = repetitions
        self.seed = seed

    def check_network(self, network):
        if network.noise is None:
            raise ValueError(
                "Features needs a network with noise, such as nmm.Network(...,"
                " noise=nmm.noises.Additive(sigma=0.01)): repetitions of a deterministic simulation are all"
                " the same; use nmm.likelihoods.Gaussian"
            )

    def bind(self, recording, observe, expected):
        series = bind_series(recording, observe, expected)
        signal = expected.signal().with_values(jnp.asarray(series.values))
        vectors, labels = [], []
        for feature in self.features:
            summary = feature.observation(signal)
            vector = np.asarray(feature.vector(summary))
            if not np.all(np.isfinite(vector)):
                raise ValueError(
                    f"{type(feature).__name__}({type(feature.observation).__name__}()) of the data is NaN or"
                    " infinite: identical channels have no finite Fisher z, and what is not positive no"
                    " logarithm"
                )
            vectors.append(vector)
            labels.extend(feature.labels(summary))
        return ObservedFeatures(np.concatenate(vectors), series.recording, tuple(labels))  # pyright: ignore[reportArgumentType]

    def simulated(self, network: Any, observe: Any, simulate: Any) -> Float[Array, "repetition feature"]:
        """Features of all repetitions."""

        def one(key: Array) -> Array:
            key_noise, key_measurement = jax.random.split(key)
            signal = simulate(network, observe, key_noise)
            values = signal.values + self.noise * jax.random.normal(
                key_measurement, signal.values.shape, signal.values.dtype
            )
            return jnp.concatenate(
                [feature.vector(feature.observation(signal.with_values(values))) for feature in self.features]
            )

        return jax.vmap(one)(jax.random.split(jax.random.key(self.seed), self.repetitions))

    def distribution(self, network, observe, simulate, observed):
        import numpyro.distributions as dist

        X = self.simulated(network, observe, simulate)
        fine = jnp.all(jnp.isfinite(X))
        failure = because((~fine, Failure.NOT_FINITE))
        R, n = X.shape
        # Something that has a covariance stands in for failed simulations.
        X = jnp.where(fine, X, jax.random.normal(jax.random.key(0), X.shape, X.dtype))
        shrunk = shrink(X)
        wider = 1.0 + 1.0 / R
        if n < R:
            covariance = shrunk.factor @ shrunk.factor.T + jnp.diag(shrunk.diagonal)
            return dist.MultivariateNormal(shrunk.mean, wider * covariance), failure
        variance = jnp.var(X, axis=0, ddof=1)
        diagonal = jnp.maximum(shrunk.diagonal, LEAST_SHRINKAGE * variance)
        return (
            dist.LowRankMultivariateNormal(shrunk.mean, jnp.sqrt(wider) * shrunk.factor, wider * diagonal),
            failure,
        )
