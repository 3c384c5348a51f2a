"""Innovations as unknowns: against the dense Gaussian of a linear node, where everything is known."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro import handlers

import nmm_infer as nmm
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._target import Target

GAMMA_MEAN, GAMMA_SD, SIGMA, NOISE, START, STEP, SAMPLES = -0.2, 0.1, 0.3, 0.25, 0.8, 1.0, 20


def problem(steps=1, noise=None, observe=None):
    network = nmm.Network(
        nmm.models.Linear(gamma=nmm.Prior(dist.Normal(GAMMA_MEAN, GAMMA_SD))),
        noise=noise or nmm.noises.Additive(sigma=SIGMA),
        initial=[[START]],
    )
    likelihood = nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian(scale=NOISE), steps=steps)
    return nmm.Problem(
        network, observe or nmm.observe.Subsample(period=STEP), likelihood, duration=STEP * SAMPLES, step=STEP
    )


def linear_path(gamma):
    """Mean and covariance of the path that Heun's method makes: x' = a x + b z, exactly linear."""
    a, b = 1 + gamma * STEP + (gamma * STEP) ** 2 / 2, (1 + gamma * STEP / 2) * SIGMA * STEP**0.5
    k = np.arange(1, SAMPLES + 1)
    response = np.where(k[:, None] >= k[None, :], b * a ** np.maximum(k[:, None] - k[None, :], 0), 0.0)
    return START * a**k, response @ response.T


def exact(y):
    """Posterior mean and sd of γ and of the path, by quadrature over γ and dense Gaussians."""
    grid = np.linspace(GAMMA_MEAN - 5 * GAMMA_SD, GAMMA_MEAN + 5 * GAMMA_SD, 401)
    log_p, means, variances = [], [], []
    for gamma in grid:
        mean, K = linear_path(gamma)
        S = K + NOISE**2 * np.eye(SAMPLES)
        error = y - mean
        log_p.append(
            -0.5 * ((gamma - GAMMA_MEAN) / GAMMA_SD) ** 2
            - 0.5 * np.linalg.slogdet(S)[1]
            - 0.5 * error @ np.linalg.solve(S, error)
        )
        gain = np.linalg.solve(S, K).T
        means.append(mean + gain @ error)
        variances.append(np.diag(K - gain @ K))
    w = np.exp(np.array(log_p) - max(log_p))
    w /= w.sum()
    gamma = w @ grid
    path = w @ np.array(means)
    spread = w @ (np.array(variances) + np.array(means) ** 2) - path**2
    return gamma, np.sqrt(w @ grid**2 - gamma**2), path, np.sqrt(spread)


ENGINES = {
    "NUTS": nmm.infer.NUTS(draws=1000, warmup=300, chains=2, metric=metrics.Diagonal(), predictive_draws=0),
    "AdjustedMCLMC": nmm.infer.AdjustedMCLMC(draws=1000, warmup=1000, chains=2, predictive_draws=0),
}


@pytest.mark.parametrize("name", ENGINES)
def test_posterior_of_parameter_and_path_is_the_exact_one(name):
    p = problem()
    rng = np.random.default_rng(3)
    mean, K = linear_path(-0.3)
    y = rng.multivariate_normal(mean, K) + NOISE * rng.normal(size=SAMPLES)
    tree = ENGINES[name](p, y[:, None], key=jax.random.key(0), progress=False)
    sites = {
        name: jnp.asarray(tree["posterior"][name].values).reshape(-1, *tree["posterior"][name].shape[2:])
        for name in p.priors
    }

    def path(sites):
        with handlers.block(), handlers.substitute(data=sites), handlers.seed(rng_seed=0):
            network, _, likelihood = p.draw()
        return nmm.solve(network, STEP * SAMPLES, step=STEP, key=likelihood.given(network)).values[:, 0, 0]

    paths = np.asarray(jax.jit(jax.vmap(path))(sites))
    gamma_mean, gamma_sd, path_mean, path_sd = exact(y)
    gammas = np.asarray(sites["model.gamma"])
    # 2000 draws, of which at least 500 are worth an independent one; four standard errors.
    error = 4 / np.sqrt(500)
    assert abs(gammas.mean() - gamma_mean) < error * gamma_sd
    assert abs(gammas.std() / gamma_sd - 1) < error
    np.testing.assert_allclose((paths.mean(0) - path_mean) / path_sd, 0.0, atol=error)
    np.testing.assert_allclose(paths.std(0) / path_sd, 1.0, atol=error)
    # It has learnt: the path is known better than from its own sample alone, and γ better than before.
    assert path_sd.mean() < 0.9 * NOISE
    assert gamma_sd < 0.9 * GAMMA_SD
    assert tree["posterior"]["likelihood.innovations"].dims == (
        "chain",
        "draw",
        "interval",
        "noisy",
        "region",
    )


def test_density_is_that_of_innovations_and_measurement_and_its_gradient_is_right():
    p = problem()
    y = np.random.default_rng(0).normal(size=(SAMPLES, 1))
    target = Target(p.condition(y))
    x = 0.3 * jax.random.normal(jax.random.key(1), (target.size,)) + jnp.where(
        jnp.arange(target.size) == target.size - 1, -0.2, 0.0
    )
    values = target.constrain(x)
    z, gamma = values["likelihood.innovations"][:, 0, 0], values["model.gamma"]
    path, state = [], START
    for kick in np.asarray(z):
        a, b = 1 + gamma * STEP + (gamma * STEP) ** 2 / 2, (1 + gamma * STEP / 2) * SIGMA * STEP**0.5
        state = a * state + b * kick
        path.append(state)
    expected = (
        dist.Normal(GAMMA_MEAN, GAMMA_SD).log_prob(gamma)
        + dist.Normal().log_prob(z).sum()
        + dist.Normal(jnp.stack(path), NOISE).log_prob(y[:, 0]).sum()
    )
    np.testing.assert_allclose(target.log_density(x), expected, rtol=1e-10)
    direction = jax.random.normal(jax.random.key(2), x.shape)
    f = jax.jit(lambda x: target.log_density(x))
    np.testing.assert_allclose(
        jax.grad(f)(x) @ direction, (f(x + 1e-5 * direction) - f(x - 1e-5 * direction)) / 2e-5, rtol=1e-6
    )


def test_given_noise_is_the_noise_that_a_key_draws():
    from nmm_infer.noises._draw import normals, start_normals

    key = jax.random.key(5)
    for noise in (nmm.noises.Additive(sigma=SIGMA), nmm.noises.OrnsteinUhlenbeck(sigma=0.2, tau=5.0)):
        network = nmm.Network(nmm.models.Linear(gamma=-0.3), noise=noise)
        given = nmm.noises.Innovations(
            normals(key, jnp.asarray(0), 100, (1, 1)), start=start_normals(key, (1, 1))
        )
        drawn, put_in = (
            nmm.solve(network, 80.0, step=1.0, transient=20.0, key=k).values for k in (key, given)
        )
        np.testing.assert_allclose(put_in, drawn, rtol=1e-12)


def test_shared_innovations_keep_the_variance():
    """x(T) of a random walk is the sum of all noise: 10 shared steps give it the same variance."""
    network = nmm.Network(nmm.models.Linear(gamma=0.0), noise=nmm.noises.Additive(sigma=0.5), initial=[[0.0]])
    z = jax.random.normal(jax.random.key(0), (4000, 4, 1, 1))
    ends = jax.vmap(
        lambda z: nmm.solve(network, 40.0, step=1.0, key=nmm.noises.Innovations(z, 10)).values[-1, 0, 0]
    )(z)
    np.testing.assert_allclose(ends, 0.5 * jnp.sqrt(10.0) * z.sum(axis=(1, 2, 3)), rtol=1e-9)
    assert float(ends.var()) == pytest.approx(0.25 * 40, rel=0.1)


def test_numbers_of_innovations():
    assert problem(steps=3).plates["interval"] == 7
    coloured = problem(noise=nmm.noises.OrnsteinUhlenbeck(sigma=0.2, tau=5.0))
    assert coloured.plates["interval"] == SAMPLES + 1
    target = Target(coloured.condition(np.random.default_rng(0).normal(size=(SAMPLES, 1))))
    assert np.isfinite(target.log_density(jnp.zeros(target.size)))
    assert problem(observe=nmm.observe.TemporalAverage(period=5.0)).plates["interval"] == SAMPLES


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nmm.likelihoods.LatentPath(nmm.likelihoods.Spectral(band=(0.1, 0.2))),
            r"LatentPath\(measurement=...\) got Spectral, expected one of a simulation",
        ),
        (
            lambda: nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian(), steps=0),
            "whole number of at least 1",
        ),
        (
            lambda: nmm.Problem(
                nmm.Network(nmm.models.Linear(gamma=nmm.Prior(dist.Normal()))),
                nmm.observe.Subsample(period=1.0),
                nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian()),
                duration=10.0,
                step=1.0,
            ),
            "LatentPath needs a network with noise",
        ),
        (
            lambda: nmm.solve(
                nmm.Network(nmm.models.Linear(), noise=nmm.noises.Additive()),
                10.0,
                step=1.0,
                key=nmm.noises.Innovations(jnp.zeros((9, 1, 1))),
            ),
            r"values of shape \(9, 1, 1\) for 9 steps, expected \(10, 1, 1\)",
        ),
        (
            lambda: nmm.solve(
                nmm.Network(nmm.models.Linear(), noise=nmm.noises.OrnsteinUhlenbeck()),
                10.0,
                step=1.0,
                key=nmm.noises.Innovations(jnp.zeros((10, 1, 1))),
            ),
            r"Innovations\(start=...\)\) is missing: OrnsteinUhlenbeck",
        ),
        (
            lambda: problem().condition(np.random.default_rng(0).normal(size=(19, 1))),
            "data has 19 samples, the simulation gives 20",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
