"""The path integrated out by the extended Kalman filter."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.linalg
import scipy.stats

import nmm_infer as nmm
from nmm_infer._distributions import _kalman as kalman
from nmm_infer._distributions._state_space import FilteredCourse

RNG = np.random.default_rng(3)
T = 12
TAU = np.array([20.0, 8.0])
W = np.array([[0.0, 0.4], [0.7, 0.0]])
SIGMA, SCALE = 0.05, 0.1
SUBSAMPLE = nmm.observe.Subsample(period=2.0)


def linear():
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=TAU),
        nmm.Connectome(W, labels=["A", "B"]),
        nmm.couplings.Additive(G=0.8),
        noise=nmm.noises.Additive(sigma=SIGMA),
        initial=[[0.3, -0.2]],
    )


def dense(spread, steps):
    """Mean and covariance of the states at all samples, those of the process itself: exponentials of
    matrices.
    """
    A = (0.8 * W - np.eye(2)) / TAU[:, None]
    step = scipy.linalg.expm(A * SUBSAMPLE.period)
    # Van Loan 1978: the covariance that the noise adds between samples.
    block = scipy.linalg.expm(
        np.block([[-A, SIGMA**2 * np.eye(2)], [np.zeros((2, 2)), A.T]]) * SUBSAMPLE.period
    )
    Q = block[2:, 2:].T @ block[:2, 2:]
    P, powers, marginal = spread**2 * np.eye(2), [], []
    for _ in range(steps):
        P = step @ P @ step.T + Q
        marginal.append(P)
    powers = [np.linalg.matrix_power(step, k) for k in range(steps + 1)]
    C = np.block(
        [
            [powers[i - j] @ marginal[j] if i >= j else marginal[i] @ powers[j - i].T for j in range(steps)]
            for i in range(steps)
        ]
    )
    mean = np.concatenate([powers[k + 1] @ np.array([0.3, -0.2]) for k in range(steps)])
    return mean, C


def course(spread=0.2, steps=4, scale=SCALE, network=None, samples=T):
    return FilteredCourse(
        linear() if network is None else network, SUBSAMPLE, scale, spread, (samples, 2), 2.0, steps
    )


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_of_a_linear_network_it_is_the_dense_gaussian(spread):
    mean, C = dense(spread, T)
    value = RNG.normal(size=(T, 2))
    expected = scipy.stats.multivariate_normal(mean, C + SCALE**2 * np.eye(2 * T)).logpdf(value.ravel())
    log_p = course(spread).log_prob(value)
    assert log_p.shape == (T,)
    np.testing.assert_allclose(log_p.sum(), expected, rtol=2e-5)


def test_steps_converge_to_it_with_the_third_order():
    mean, C = dense(0.2, T)
    value = RNG.normal(size=(T, 2))
    expected = scipy.stats.multivariate_normal(mean, C + SCALE**2 * np.eye(2 * T)).logpdf(value.ravel())
    errors = [abs(float(course(steps=n).log_prob(value).sum()) - expected) for n in (1, 2, 4)]
    assert errors[0] / errors[1] == pytest.approx(8.0, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(8.0, rel=0.3)


def test_smoothed_states_are_those_of_the_dense_gaussian():
    mean, C = dense(0.2, T)
    value = RNG.normal(size=(T, 2))
    gain = C @ np.linalg.inv(C + SCALE**2 * np.eye(2 * T))
    m, sd = nmm.likelihoods.ExtendedKalman(scale=SCALE, spread=0.2, step=0.25).path(
        linear(), SUBSAMPLE, value
    )
    assert m.shape == (T, 1, 2)
    np.testing.assert_allclose(
        m.reshape(T, 2), (mean + gain @ (value.ravel() - mean)).reshape(T, 2), atol=1e-4
    )
    np.testing.assert_allclose(sd.reshape(-1), np.sqrt(np.diag(C - gain @ C)), rtol=1e-3)


def test_draws_have_its_mean_and_covariance():
    mean, C = dense(0.2, 4)
    draws = np.asarray(course(samples=4).sample(jax.random.key(0), (40_000,)))
    assert draws.shape == (40_000, 4, 2)
    np.testing.assert_allclose(draws.mean(axis=0).ravel(), mean, atol=5e-3)
    np.testing.assert_allclose(np.cov(draws.reshape(len(draws), -1).T), C + SCALE**2 * np.eye(8), atol=2e-3)


def mean_field(theta):
    model = nmm.models.MontbrioPazoRoxin(Delta=theta[0], eta=theta[1], J=theta[2])
    return nmm.Network(model, noise=nmm.noises.Additive(sigma=theta[3]), initial=[[0.1], [-1.0]])


BOTH = nmm.observe.Together(
    nmm.observe.Subsample(period=0.05, variable="r"), nmm.observe.Subsample(period=0.05, variable="V")
)


def log_density(theta, data):
    return (
        FilteredCourse(mean_field(theta), BOTH, jnp.stack([theta[4], 2 * theta[4]]), 0.1, data.shape, 0.05, 1)
        .log_prob(data)
        .sum()
    )


THETA = jnp.array([0.7, -4.6, 14.5, 0.05, 0.1])


@pytest.mark.slow
def test_gradient_in_a_bistable_model_whether_states_are_kept_or_not(monkeypatch):
    data = RNG.normal(size=(kalman.FRAME + 40, 2)) * 0.1 + np.array([0.1, -1.5])
    d = jnp.array([0.3, 1.0, -0.5, 0.02, 0.03])
    value, gradient = jax.jit(jax.value_and_grad(log_density))(THETA, data)
    difference = (log_density(THETA + 1e-6 * d, data) - log_density(THETA - 1e-6 * d, data)) / 2e-6
    np.testing.assert_allclose(gradient @ d, difference, rtol=1e-5)
    monkeypatch.setattr(kalman, "KEPT", 0)
    again = jax.jit(jax.value_and_grad(lambda theta, data: log_density(theta, data)))(THETA, data)
    np.testing.assert_allclose(again[0], value, rtol=1e-12)
    np.testing.assert_allclose(again[1], gradient, rtol=1e-9)


def test_it_follows_bursts_though_the_rate_is_hidden():
    """Noise in the input throws the population out of its low state and back; true states are as far from the
    smoothed ones as these say.
    """
    noisy = nmm.Network(
        nmm.models.MontbrioPazoRoxin(Delta=0.7, eta=-4.6, J=14.5),
        noise=nmm.noises.Additive(sigma=2.0, states=("V",)),
        initial=[[0.1], [-1.0]],
    )
    path = np.asarray(nmm.solve(noisy, 40.0, step=0.01, key=jax.random.key(1)).values)[1::2, :, 0]
    assert path[:, 0].min() < 0.1
    assert path[:, 0].max() > 1.0
    V = nmm.observe.Subsample(period=0.02, variable="V")
    data = path[:, 1:] + 0.1 * RNG.normal(size=(len(path), 1))
    mean, sd = nmm.likelihoods.ExtendedKalman(scale=0.1, spread=0.1).path(noisy, V, data)
    z = (np.asarray(mean)[:, :, 0] - path) / np.asarray(sd)[:, :, 0]
    assert np.all((np.sqrt((z**2).mean(axis=0)) > 0.8) & (np.sqrt((z**2).mean(axis=0)) < 1.25)), np.sqrt(
        (z**2).mean(axis=0)
    )
    assert np.corrcoef(np.asarray(mean)[:, 0, 0], path[:, 0])[0, 1] > 0.98


def problem(likelihood=None, observe=BOTH, **priors):
    network = nmm.Network(
        nmm.models.MontbrioPazoRoxin(eta=nmm.Prior(dist.Normal(-4.6, 0.5)), Delta=0.7, J=14.5, **priors),
        noise=nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(-0.5, 0.5)), states=("V",)),
        initial=[[0.1], [-1.0]],
    )
    return nmm.Problem(
        network,
        observe,
        likelihood
        or nmm.likelihoods.ExtendedKalman(scale=nmm.Prior(dist.LogNormal([-2.0, -2.0], 0.5).to_event(1))),
    )


@pytest.mark.slow
def test_a_posterior_with_a_hidden_state():
    truth = nmm.Network(
        nmm.models.MontbrioPazoRoxin(eta=-4.8, Delta=0.7, J=14.5),
        noise=nmm.noises.Additive(sigma=0.6, states=("V",)),
        initial=[[0.1], [-1.0]],
    )
    V = np.asarray(nmm.solve(truth, 30.0, step=0.05, key=jax.random.key(1)).variable("V").values)
    data = V + 0.1 * RNG.normal(size=V.shape)
    p = problem(
        nmm.likelihoods.ExtendedKalman(scale=nmm.Prior(dist.LogNormal(-2.0, 0.5))),
        nmm.observe.Subsample(period=0.05, variable="V"),
    )
    tree = nmm.infer.NUTS(draws=200, warmup=100, chains=2, metric=nmm.infer.metrics.Laplace(steps=200))(
        p, data, key=jax.random.key(0), progress=False
    )
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "time")
    assert tree["posterior_predictive"]["y"].dims[-2:] == ("time", "region")
    for name, true in (("model.eta", -4.8), ("noise.sigma", 0.6), ("likelihood.scale", 0.1)):
        x = tree["posterior"][name]
        assert abs(float(x.mean()) - true) < 3.5 * float(x.std())
        assert float(x.std()) < 0.3 * abs(true)


def test_trials_share_parameters():
    p = problem(nmm.likelihoods.Trials(nmm.likelihoods.ExtendedKalman(scale=0.1), 3))
    data = RNG.normal(size=(3, 20, 2))
    single = problem(nmm.likelihoods.ExtendedKalman(scale=0.1))
    sites = {"model.eta": jnp.asarray(-4.6), "noise.sigma": jnp.asarray(0.1)}
    together = p.condition(data).log_likelihood(sites)["y"].values
    np.testing.assert_allclose(
        together[1], single.condition(data[1]).log_likelihood(sites)["y"].values, rtol=1e-9
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: problem(observe=nmm.observe.Bold(period=100.0)).condition(RNG.normal(size=(20, 1))),
            "present state",
        ),
        (lambda: problem(observe=nmm.observe.Subsample()).condition(RNG.normal(size=(20, 1))), "period"),
        (lambda: problem().condition(RNG.normal(size=(20, 3))), "2 channels"),
        (
            lambda: problem(nmm.likelihoods.ExtendedKalman(step=0.04)).condition(RNG.normal(size=(20, 2))),
            "whole number",
        ),
        (
            lambda: nmm.Problem(
                nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal(0, 1)))),
                SUBSAMPLE,
                nmm.likelihoods.ExtendedKalman(),
            ),
            "with noise",
        ),
        (
            lambda: nmm.Problem(
                nmm.Network(
                    nmm.models.Hopf(a=nmm.Prior(dist.Normal(0, 1))), noise=nmm.noises.OrnsteinUhlenbeck()
                ),
                SUBSAMPLE,
                nmm.likelihoods.ExtendedKalman(),
            ),
            "white noise",
        ),
    ],
)
def test_bad_problems_are_refused_with_a_message_that_helps(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_delays_are_refused():
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(0.0, 1.0))),
        nmm.Connectome(W, labels=["A", "B"], lengths=np.array([[0.0, 9.0], [9.0, 0.0]])),
        nmm.couplings.Additive(G=0.8),
        speed=3.0,
        noise=nmm.noises.Additive(sigma=SIGMA),
    )
    with pytest.raises(ValueError, match="delays"):
        nmm.Problem(network, SUBSAMPLE, nmm.likelihoods.ExtendedKalman())
