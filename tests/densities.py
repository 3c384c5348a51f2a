"""NumPyro models whose posterior, mode or evidence is known exactly."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.stats import multivariate_normal, norm

import nmm_infer as nmm

RNG = np.random.default_rng(3)
N, K, NOISE = 60, 5, 0.5
DESIGN = RNG.normal(size=(N, K))
# The last two predictors have no effect: the model with the first three is the true one.
TRUTH = np.array([1.5, -1.0, 0.8, 0.0, 0.0])
DATA = DESIGN @ TRUTH + NOISE * RNG.normal(size=N)


def linear(k=K, noise=NOISE):
    """Regression on the first k predictors, with standard normal priors."""

    def regression(y):
        w = numpyro.sample("w", dist.Normal(0.0, 1.0).expand([k]).to_event(1))
        with numpyro.plate("time", N):
            numpyro.sample("y", dist.Normal(jnp.asarray(DESIGN[:, :k]) @ w, noise), obs=y)

    return nmm.NumPyroModel(regression)


def linear_evidence(k=K, noise=NOISE):
    X = DESIGN[:, :k]
    return multivariate_normal.logpdf(DATA, np.zeros(N), X @ X.T + noise**2 * np.eye(N))


def linear_posterior(k=K, noise=NOISE):
    """Mean and covariance."""
    X = DESIGN[:, :k]
    covariance = np.linalg.inv(np.eye(k) + X.T @ X / noise**2)
    return covariance @ X.T @ DATA / noise**2, covariance


def squared(y):
    """Two modes at about ±2, the right one with more mass by the prior."""
    x = numpyro.sample("x", dist.Normal(0.5, 1.5))
    numpyro.sample("y", dist.Normal(x**2, 0.4), obs=y)


def squared_exactly(y=4.0):
    """Log evidence, and the posterior probability of x > 0, by quadrature."""
    x = np.linspace(-8, 8, 200_001)
    density = norm.pdf(x, 0.5, 1.5) * norm.pdf(y, x**2, 0.4)
    z = np.trapezoid(density, x)
    return np.log(z), np.trapezoid(density[x > 0], x[x > 0]) / z


def hierarchy(y):
    """A non-centred hierarchy with a free scale."""
    sd = numpyro.sample("sd", dist.HalfNormal(1.0))
    with numpyro.plate("group", len(y)):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(sd * z, 0.5), obs=y)


def positive(y):
    """A LogNormal prior, so that the unconstrained density is Gaussian in log x and data are not linear in
    it.
    """
    x = numpyro.sample("x", dist.LogNormal(0.0, 0.5).expand([2]).to_event(1))
    numpyro.sample("y", dist.Normal(jnp.stack([x[0] * x[1], x[0] - x[1]]), 0.1), obs=y)
