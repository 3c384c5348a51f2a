"""Autocorrelated measurement noise."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats
import xarray as xr

import nmm_infer as nmm
from nmm_infer._distributions._autoregressive import Autoregressive
from nmm_infer.infer import metrics as metrics

RNG = np.random.default_rng(2)
T, N = 30, 2
MEAN, VALUE = RNG.normal(size=(2, T, N))


def covariance(phi, scale, n=T):
    return scale**2 * phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))


@pytest.mark.parametrize(
    ("phi", "scale"), [(0.7, 0.5), (-0.4, 2.0), (0.0, 1.0), (np.array([0.2, 0.9]), np.array([0.5, 1.5]))]
)
def test_the_sum_over_samples_is_the_dense_gaussian(phi, scale):
    log_p = Autoregressive(MEAN, scale, phi).log_prob(VALUE)
    assert log_p.shape == (T, N)
    for i, (p, s) in enumerate(zip(np.broadcast_to(phi, N), np.broadcast_to(scale, N), strict=True)):
        expected = scipy.stats.multivariate_normal(MEAN[:, i], covariance(p, s)).logpdf(VALUE[:, i])
        np.testing.assert_allclose(log_p[:, i].sum(), expected, rtol=1e-9)


def test_each_sample_is_conditional_on_the_past():
    """log p(y_1 … y_t) - log p(y_1 … y_{t-1}) of dense Gaussians."""
    log_p = Autoregressive(MEAN, 0.5, 0.7).log_prob(VALUE)[:, 0]
    C = covariance(0.7, 0.5)
    joint = [
        scipy.stats.multivariate_normal(MEAN[:t, 0], C[:t, :t]).logpdf(VALUE[:t, 0]) for t in range(1, T + 1)
    ]
    np.testing.assert_allclose(log_p, np.diff(joint, prepend=0.0), rtol=1e-8)


def test_without_correlation_it_is_the_gaussian():
    np.testing.assert_allclose(
        Autoregressive(MEAN, 0.5, 0.0).log_prob(VALUE), dist.Normal(MEAN, 0.5).log_prob(VALUE), rtol=1e-12
    )


def test_draws_have_its_covariance():
    x = np.asarray(Autoregressive(jnp.zeros((6, 1)), 0.5, -0.6).sample(jax.random.key(0), (40_000,)))[..., 0]
    np.testing.assert_allclose(np.cov(x.T), covariance(-0.6, 0.5, 6), atol=0.01)


def problem(likelihood, samples=T):
    network = nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal(0.2, 0.1)), omega=0.3))
    return nmm.Problem(
        network, nmm.observe.Subsample(period=1.0), likelihood, duration=float(samples), step=0.5
    )


def test_gradient_by_signal_scale_and_correlation():
    likelihood = nmm.likelihoods.AR1()
    observed = problem(likelihood).condition(VALUE[:, :1]).observed

    def value(x):
        network = nmm.Network(nmm.models.Hopf(a=x[0], omega=0.3))
        p = nmm.likelihoods.AR1(scale=x[1], correlation=x[2])
        return (
            p.distribution(
                network, nmm.observe.Subsample(period=1.0), problem(likelihood)._simulate, observed
            )[0]
            .log_prob(observed.values)
            .sum()
        )

    f, x, d = jax.jit(value), jnp.array([0.2, 0.8, 0.5]), jnp.array([1.0, 0.5, -0.3])
    np.testing.assert_allclose(jax.grad(f)(x) @ d, (f(x + 1e-5 * d) - f(x - 1e-5 * d)) / 2e-5, rtol=1e-6)


def test_a_correlation_of_one_is_impossible_not_an_error():
    likelihood = nmm.likelihoods.AR1(scale=0.5, correlation=1.0)
    p = problem(likelihood)
    distribution, failure = likelihood.distribution(
        nmm.Network(nmm.models.Hopf(a=0.2, omega=0.3)),
        p.observe,
        p._simulate,
        p.condition(VALUE[:, :1]).observed,
    )
    assert failure == nmm.likelihoods.Failure.ZERO_DENSITY
    assert np.all(np.isfinite(distribution.log_prob(VALUE[:, :1])))


@pytest.mark.slow
def test_noise_is_recovered_and_the_log_likelihood_is_pointwise():
    likelihood = nmm.likelihoods.AR1(
        scale=nmm.Prior(dist.HalfNormal(1.0)), correlation=nmm.Prior(dist.Uniform(-1.0, 1.0))
    )
    n = 200
    p = problem(likelihood, n)
    signal = nmm.solve(
        nmm.Network(nmm.models.Hopf(a=0.25, omega=0.3)), float(n), step=0.5, observe=p.observe
    ).values
    data = np.asarray(Autoregressive(signal, 0.2, 0.8).sample(jax.random.key(4)))
    tree = nmm.infer.NUTS(draws=150, warmup=150, chains=2, metric=metrics.Dense(), predictive_draws=0)(
        p, data, key=jax.random.key(0), progress=False
    )
    for name, truth in {"likelihood.scale": 0.2, "likelihood.correlation": 0.8, "model.a": 0.25}.items():
        draws = tree["posterior"][name]
        assert abs(float(draws.mean()) - truth) < 3 * float(draws.std()), name
    assert float(tree["posterior"]["likelihood.correlation"].std()) < 0.08
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "time", "region")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (VALUE[:1, :1], "data has 1 samples, the simulation gives 30"),
        (VALUE, "has 2 regions, the model predicts 1"),
        (
            xr.DataArray(
                VALUE[:, :1], dims=("time", "region"), coords={"time": np.cumsum(1 + RNG.uniform(size=T))}
            ),
            "irregular or decreasing times",
        ),
        (
            xr.DataArray(VALUE[:, :1], dims=("time", "region"), coords={"time": 2.0 * np.arange(T)}),
            "data has a sample every 2 ms, the simulation every 1 ms",
        ),
        (VALUE[None, :, :1], r"data has 1 trials; wrap the likelihood, nmm.likelihoods.Trials\(..., 1\)"),
    ],
)
def test_wrong_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        problem(nmm.likelihoods.AR1()).condition(data)


def test_a_single_sample_and_a_noisy_network_are_refused():
    with pytest.raises(ValueError, match="AR1 got 1 sample, expected at least 2"):
        problem(nmm.likelihoods.AR1(), 1).condition(VALUE[:1, :1])
    with pytest.raises(
        ValueError,
        match=(
            r"the AR1 likelihood of a simulation with frozen noise is no likelihood .* LatentPath, which"
            r" infers it"
        ),
    ):
        nmm.Problem(
            nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal())), noise=nmm.noises.Additive()),
            nmm.observe.Subsample(period=1.0),
            nmm.likelihoods.AR1(),
            duration=10.0,
            step=1.0,
        )
