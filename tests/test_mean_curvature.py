"""Coordinates from the curvature at draws: where the mass is, not where the density is highest."""

import densities
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer.infer import metrics, optimisers
from nmm_infer.infer.progress import progress_bar
from nmm_infer.infer.target import Target

KEY = jax.random.key(0)
SPIKE, SHARE, K = 0.02, 1e-3, 6


def spiked(_):
    """A standard normal density with a needle at its centre: the mode, where one draw of a thousand is."""

    def density(x):
        return jnp.logaddexp(jnp.log1p(-SHARE) - 0.5 * jnp.sum(x**2), jnp.log(SHARE) - K * jnp.log(SPIKE) - 0.5 * jnp.sum((x / SPIKE) ** 2)) + 0.5 * jnp.sum(
            x**2
        )

    x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([K]).to_event(1))
    numpyro.factor("needle", density(x))


def frame(metric, problem, data, chains=3):
    with jax.enable_x64(True), progress_bar(False) as bars:
        return metric.frame(Target(problem, data), KEY, chains, None, bars)


def test_the_scale_is_that_of_the_draws_and_not_of_the_mode():
    problem, draws = nmm.NumPyroModel(spiked), np.random.default_rng(0).normal(size=(2, 100, K))
    at_mode = frame(metrics.Laplace(optimiser=optimisers.BFGS()), problem, None).frame
    over_draws = frame(metrics.MeanCurvature({"x": draws}, points=8), problem, None)
    np.testing.assert_allclose(np.linalg.svd(at_mode.scale)[1], SPIKE, rtol=0.01)
    np.testing.assert_allclose(np.linalg.svd(over_draws.frame.scale)[1], 1.0, rtol=1e-4)
    np.testing.assert_allclose(over_draws.frame.centre, draws.mean(axis=(0, 1)))
    assert over_draws.gradients == 2 * 8 * K
    # Chains start from draws that lie apart.
    starts = np.asarray(jax.vmap(over_draws.frame.to_latent)(jnp.asarray(over_draws.starts)))
    np.testing.assert_allclose(starts, draws.reshape(-1, K)[[33, 100, 166]], atol=1e-6)


def test_the_average_is_that_of_the_curvature_of_every_draw():
    problem, draws = nmm.NumPyroModel(densities.positive), np.random.default_rng(1).normal(size=(1, 5, 2))
    data = np.array([1.2, 0.1])
    scale = np.asarray(frame(metrics.MeanCurvature({"x": draws}, points=5, floor=1e-3), problem, data).frame.scale)
    with jax.enable_x64(True):
        target = Target(problem, data)
        mean = np.mean([-jax.hessian(target._raw)(jnp.asarray(x)) for x in draws[0]], axis=0)
    np.testing.assert_allclose(np.linalg.inv(scale @ scale.T), mean, rtol=1e-5)


def test_a_short_run_is_the_pilot_of_the_next():
    problem = densities.linear()
    pilot = nmm.infer.NUTS(draws=20, warmup=20, chains=2, metric=metrics.Diagonal(), predictive_draws=0)(problem, densities.DATA, key=KEY, progress=False)
    metric = metrics.MeanCurvature(pilot, points=4)
    # Of each chain the second half is kept.
    assert metric.pilot["w"].shape == (2, 10, densities.K)
    tree = nmm.infer.NUTS(draws=500, warmup=100, chains=2, metric=metric, predictive_draws=0)(problem, densities.DATA, key=KEY, progress=False)
    mean, covariance = densities.linear_posterior()
    draws = tree["posterior"]["w"].values.reshape(-1, densities.K)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.2 * np.sqrt(covariance.max()))
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.2 * covariance.max())
    assert tree["sample_stats"]["n_steps"].mean() < 8
    assert tree.attrs["engine"].startswith("NUTS(MeanCurvature")
    # Starts of one's own are kept.
    given = nmm.infer.starts.FromPrior()
    with jax.enable_x64(True), progress_bar(False) as bars:
        target = Target(problem, densities.DATA)
        found = metric.frame(target, KEY, 2, given, bars)
        np.testing.assert_allclose(jax.vmap(found.frame.to_latent)(jnp.asarray(found.starts)), given(target, KEY, 2, bars).points, atol=1e-6)


def test_chains_do_not_start_over_a_cliff_beside_the_mode():
    def walled(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([K]).to_event(1))
        numpyro.factor("wall", -1e5 * jnp.sum(jax.nn.relu(x - 0.5)))

    starts = np.asarray(frame(metrics.Laplace(mode={"x": np.zeros(K)}), nmm.NumPyroModel(walled), None, chains=8).starts)
    free = np.asarray(frame(metrics.Laplace(mode={"x": np.zeros(K)}), nmm.NumPyroModel(spiked), None, chains=8).starts)
    assert (free > 0.501).any(axis=1).sum() > 4
    assert (starts < 0.501).all()
    assert (np.linalg.norm(starts, axis=1) > 0.1).all()


def test_a_pilot_that_is_no_posterior_is_named():
    def saddle(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
        numpyro.factor("saddle", x[0] ** 2 - 0.1 * x[0] ** 4)

    draws = {"x": 0.1 * np.random.default_rng(0).normal(size=(1, 20, 2))}
    with pytest.warns(UserWarning, match="has eigenvalues from -0.9.* to 1; over a posterior it has none below zero.* start the pilot elsewhere"):
        frame(metrics.MeanCurvature(draws, points=4), nmm.NumPyroModel(saddle), None)


def test_a_pilot_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"MeanCurvature\(pilot\) got a str, expected what a sampler such as nmm.infer.NUTS returned"):
        metrics.MeanCurvature("pilot.nc")
    with pytest.raises(ValueError, match="got a tree without unconstrained_posterior"):
        metrics.MeanCurvature(xr.DataTree())
    with pytest.raises(ValueError, match=r"MeanCurvature\(points=...\) got 0"):
        metrics.MeanCurvature({"w": np.zeros((1, 5, 3))}, points=0)
    other = nmm.infer.NUTS(draws=5, warmup=5, chains=1, metric=metrics.MeanCurvature({"w": np.zeros((1, 5, 3))}))
    with pytest.raises(ValueError, match=r"got draws of w \[3\], the problem has the unknowns w \[5\]; pass what an engine returned for this problem"):
        other(densities.linear(), densities.DATA, key=KEY, progress=False)
