"""The synthetic likelihood: its parts against NumPy, and whether its intervals hold what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

import nmm_infer as nmm
from nmm_infer.likelihoods._time_series._shrinkage import shrink

N, STEP, SAMPLES = 2, 2.0, 150
WEIGHTS = np.array([[0.0, 1.0], [1.0, 0.0]])
Features, FisherZ, Log = nmm.likelihoods.Features, nmm.likelihoods.FisherZ, nmm.likelihoods.Log
FC, VARIANCE = FisherZ(nmm.observe.FunctionalConnectivity()), Log(nmm.observe.Variance())


def network(G, sigma=0.1, tau=20.0):
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=tau),
        nmm.Connectome(WEIGHTS, labels=list("AB")),
        nmm.couplings.Additive(G=G),
        noise=nmm.noises.Additive(sigma=sigma),
        initial=[[0.0]],
    )


def problem(likelihood):
    return nmm.Problem(
        network(nmm.Prior(dist.Uniform(0.0, 0.9))),
        nmm.observe.Subsample(period=10.0),
        likelihood,
        duration=10.0 * SAMPLES,
        step=STEP,
        transient=200.0,
    )


def recording(G, seed):
    signal = nmm.solve(
        network(G),
        10.0 * SAMPLES,
        step=STEP,
        observe=nmm.observe.Subsample(period=10.0),
        transient=200.0,
        key=jax.random.key(seed),
    )
    return np.asarray(signal.values)


def numpy_shrinkage(X):
    """Schäfer & Strimmer entry by entry."""
    n, p = X.shape
    z = (X - X.mean(0)) / X.std(0, ddof=1)
    w = np.einsum("ki,kj->kij", z, z)
    r = w.sum(0) / (n - 1)
    var = n / (n - 1) ** 3 * ((w - w.mean(0)) ** 2).sum(0)
    off = ~np.eye(p, dtype=bool)
    return min(1.0, var[off].sum() / (r[off] ** 2).sum())


@pytest.mark.parametrize("shape", [(60, 4), (12, 30)])
def test_shrinkage_is_that_of_the_paper(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) @ (np.eye(shape[1]) + 0.4 * rng.normal(size=(shape[1], shape[1])))
    shrunk, S, intensity = shrink(jnp.asarray(X)), np.cov(X.T), numpy_shrinkage(X)
    assert 0 < intensity < 1
    np.testing.assert_allclose(shrunk.intensity, intensity, rtol=1e-10)
    np.testing.assert_allclose(
        shrunk.factor @ shrunk.factor.T + jnp.diag(shrunk.diagonal),
        (1 - intensity) * S + intensity * np.diag(np.diag(S)),
        rtol=1e-9,
    )


@pytest.mark.slow
@pytest.mark.parametrize("repetitions", [40, 5])
def test_density_is_that_of_summaries_made_by_hand(repetitions):
    """Few and many simulations: the dense and the low-rank form. Seven features."""
    likelihood = Features(
        FC,
        VARIANCE,
        nmm.likelihoods.Plain(nmm.observe.Mean()),
        nmm.likelihoods.Quantiles(nmm.observe.Covariance(), (0.3, 0.7)),
        repetitions=repetitions,
        seed=3,
    )
    p = problem(likelihood)
    data = recording(0.5, 1)
    observed = p.condition(data).observed

    def by_hand(x):
        C = np.cov(x.T)
        return np.array(
            [np.arctanh(np.corrcoef(x.T)[0, 1]), *np.log(np.diag(C)), *x.mean(0), *np.quantile(C, (0.3, 0.7))]
        )

    np.testing.assert_allclose(observed.values, by_hand(data), rtol=1e-8)
    assert observed.labels[:3] == ("fc A B", "log variance A", "log variance B")
    fixed = network(0.4)
    X = []
    for key in jax.random.split(jax.random.key(3), repetitions):
        noise, _ = jax.random.split(key)
        X.append(by_hand(np.asarray(p._simulate(fixed, p.observe, noise).values)))
    X = np.array(X)
    S, intensity = np.cov(X.T), numpy_shrinkage(X)
    if repetitions == 5:
        assert intensity > 0.01
    S = (1 - intensity) * S + intensity * np.diag(np.diag(S))
    expected = scipy.stats.multivariate_normal(
        X.mean(0), (1 + 1 / repetitions) * S, allow_singular=False
    ).logpdf(observed.values)
    distribution, failure = likelihood.distribution(fixed, p.observe, p._simulate, observed)
    assert failure == 0
    np.testing.assert_allclose(distribution.log_prob(observed.values), expected, rtol=1e-6)


@pytest.mark.slow
def test_gradient_is_that_of_differences():
    likelihood = Features(FC, VARIANCE, repetitions=20, noise=0.05)
    p = problem(likelihood)
    observed = p.condition(recording(0.5, 1)).observed

    def value(x):
        return likelihood.distribution(network(x[0], x[1], x[2]), p.observe, p._simulate, observed)[
            0
        ].log_prob(jnp.asarray(observed.values))

    f, x, d = jax.jit(jax.value_and_grad(value)), jnp.array([0.4, 0.12, 18.0]), jnp.array([0.1, 0.01, 3.0])
    np.testing.assert_allclose(f(x)[1] @ d, (f(x + 1e-5 * d)[0] - f(x - 1e-5 * d)[0]) / 2e-5, rtol=1e-5)


def test_failed_simulations_are_impossible_not_an_error():
    likelihood = Features(VARIANCE, repetitions=5)
    p = problem(likelihood)
    distribution, failure = likelihood.distribution(
        network(1e4), p.observe, p._simulate, p.condition(recording(0.5, 1)).observed
    )
    assert failure == nmm.likelihoods.Failure.NOT_FINITE
    assert np.isfinite(distribution.log_prob(np.zeros(2)))


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    """150 recordings; the simulations are the same for all of them, as they are for all parameters."""
    likelihood = Features(FC, VARIANCE, repetitions=100)
    p = problem(likelihood)
    grid = jnp.linspace(0.005, 0.895, 60)
    X = jax.lax.map(jax.jit(lambda G: likelihood.simulated(network(G), p.observe, p._simulate)), grid)
    means, factors, diagonals, _ = jax.vmap(shrink)(X)
    covariances = 1.01 * (factors @ jnp.swapaxes(factors, 1, 2) + jax.vmap(jnp.diag)(diagonals))
    truths = np.random.default_rng(5).uniform(0.1, 0.8, 150)
    data = jax.lax.map(
        jax.jit(lambda inputs: p._simulate(network(inputs[0]), p.observe, inputs[1]).values),
        (jnp.asarray(truths), jax.random.split(jax.random.key(9), 150)),
    )
    ranks = []
    for G, x in zip(truths, data, strict=True):
        log_p = np.asarray(
            dist.MultivariateNormal(means, covariances).log_prob(
                jnp.asarray(p.condition(np.asarray(x)).values)
            )
        )
        w = np.exp(log_p - log_p.max())
        ranks.append(w[np.asarray(grid) < G].sum() / w.sum())
    inside = np.mean((np.array(ranks) > 0.05) & (np.array(ranks) < 0.95))
    # 0.9, with 2.5 sd of 0.024 for 150 data sets.
    assert 0.84 <= inside <= 0.97, inside


@pytest.mark.slow
def test_nuts_learns_from_features():
    p = problem(Features(FC, VARIANCE, repetitions=10))
    tree = nmm.infer.NUTS(draws=50, warmup=50, chains=1, predictive_draws=5)(
        p, recording(0.6, 2), key=jax.random.key(0), progress=False
    )
    G = tree["posterior"]["coupling.G"]
    assert 0.25 < float(G.mean()) < 0.85
    assert float(G.std()) < 0.2
    assert tree["posterior_predictive"]["features"].dims == ("chain", "draw", "feature")
    assert str(tree["observed_data"]["feature"].values[0]) == "fc A B"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Features(), r"Features\(\) got no features"),
        (
            lambda: Features(nmm.observe.FunctionalConnectivity()),
            r"Features\(...\) got FunctionalConnectivity, expected a feature such as",
        ),
        (lambda: Features(FC, repetitions=1), "a fit to one frozen noise is no likelihood"),
        (
            lambda: nmm.likelihoods.Quantiles(nmm.observe.Variance(), (0.0, 0.5)),
            "probabilities between 0 and 1",
        ),
        (
            lambda: problem(Features(FC)).condition(recording(0.5, 1)[:, [0, 0]]),
            r"FisherZ\(FunctionalConnectivity\(\)\) of the data is NaN or infinite",
        ),
        (
            lambda: problem(Features(FC)).condition(recording(0.5, 1)[:-1]),
            "data has 149 samples, the simulation gives 150",
        ),
        (
            lambda: nmm.Problem(
                nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal()))),
                nmm.observe.Subsample(period=1.0),
                Features(VARIANCE),
                duration=10.0,
                step=1.0,
            ),
            "Features needs a network with noise",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_correlations_that_are_shrunk_to_nothing_have_a_gradient():
    """Two features of six samples, so nearly uncorrelated that all of the correlation is noise."""
    X = jax.random.normal(jax.random.key(3), (6, 2))
    X = jnp.linalg.qr(X - X.mean(axis=0))[0] + 1e-3 * X
    assert float(shrink(X).intensity) == 1.0
    assert np.isfinite(jax.grad(lambda X: (shrink(X).factor ** 2).sum() + shrink(X).diagonal.sum())(X)).all()
