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
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._optimise import optimisers
from nmm_infer.infer._progress import progress_bar
from nmm_infer.infer._target import Target
from nmm_infer.infer.metrics._karcher_mean import geometric_mean

KEY = jax.random.key(0)
SPIKE, SHARE, K = 0.02, 1e-3, 6


def spiked(_):
    """A standard normal density with a needle at its centre: the mode, where one draw of a thousand is."""

    def density(x):
        return jnp.logaddexp(
            jnp.log1p(-SHARE) - 0.5 * jnp.sum(x**2),
            jnp.log(SHARE) - K * jnp.log(SPIKE) - 0.5 * jnp.sum((x / SPIKE) ** 2),
        ) + 0.5 * jnp.sum(x**2)

    x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([K]).to_event(1))
    numpyro.factor("needle", density(x))


def coordinates(metric, problem, data, chains=3):
    with jax.enable_x64(True), progress_bar(False) as bars:
        return metric.coordinates(Target(problem.condition(data)), KEY, chains, None, bars)


def test_the_scale_is_that_of_the_draws_and_not_of_the_mode():
    problem, draws = nmm.NumPyroModel(spiked), np.random.default_rng(0).normal(size=(2, 100, K))
    at_mode = coordinates(metrics.Laplace(optimiser=optimisers.BFGS()), problem, None).coordinates
    over_draws = coordinates(metrics.MeanCurvature({"x": draws}, points=8), problem, None)
    np.testing.assert_allclose(np.linalg.svd(at_mode.scale)[1], SPIKE, rtol=0.01)
    np.testing.assert_allclose(np.linalg.svd(over_draws.coordinates.scale)[1], 1.0, rtol=1e-4)
    np.testing.assert_allclose(over_draws.coordinates.centre, draws.mean(axis=(0, 1)))
    assert over_draws.gradients == 2 * 8 * K
    # Chains start from draws that lie apart.
    starts = np.asarray(jax.vmap(over_draws.coordinates.to_latent)(jnp.asarray(over_draws.starts)))
    np.testing.assert_allclose(starts, draws.reshape(-1, K)[[33, 100, 166]], atol=1e-6)


def test_the_average_is_the_geometric_mean_of_the_curvatures_of_all_draws():
    problem, draws = (
        nmm.NumPyroModel(densities.positive),
        0.01 * np.random.default_rng(1).normal(size=(1, 5, 2)),
    )
    data = np.array([1.2, 0.1])
    scale = np.asarray(
        coordinates(
            metrics.MeanCurvature({"x": draws}, points=5, floor=1e-3), problem, data
        ).coordinates.scale
    )
    with jax.enable_x64(True):
        target = Target(problem.condition(data))
        hessians = np.array([-jax.hessian(target._raw)(jnp.asarray(x)) for x in draws[0]])
    np.testing.assert_allclose(np.linalg.inv(scale @ scale.T), geometric_mean(hessians, 1e-3), rtol=1e-5)


def positive(rng, n=4, spread=1.0):
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return (axes * np.exp(spread * rng.normal(size=n))) @ axes.T


def test_the_geometric_mean_is_that_of_the_eigenvalues_where_matrices_commute():
    rng = np.random.default_rng(3)
    values = np.exp(0.5 * rng.normal(size=(7, 4)))
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    found = geometric_mean((axes * values[:, None, :]) @ axes.T, 1e-6)
    np.testing.assert_allclose(
        found, (axes * np.exp(np.log(values).mean(axis=0))) @ axes.T, rtol=0.02, atol=0.02
    )


def test_the_geometric_mean_does_not_depend_on_coordinates():
    rng = np.random.default_rng(3)
    matrices, A = np.stack([positive(rng, spread=0.4) for _ in range(9)]), rng.normal(size=(4, 4))
    np.testing.assert_allclose(
        geometric_mean(A.T @ matrices @ A, 1e-9),
        A.T @ geometric_mean(matrices, 1e-9) @ A,
        rtol=0.05,
        atol=0.05,
    )


def test_one_matrix_that_is_a_million_times_too_large_is_one_among_many():
    matrices = np.stack([np.eye(3)] * 11 + [np.diag([1e6, 1.0, 1.0])])
    assert np.linalg.eigvalsh(geometric_mean(matrices, 1e-6))[-1] == pytest.approx(1e6 ** (1 / 12), rel=0.05)
    # The sign of a curvature does not count, and what is flat is not flatter than the floor.
    np.testing.assert_allclose(
        geometric_mean(np.stack([np.diag([-4.0, 1e-8])] * 3), 0.5), np.diag([4.0, 0.5]), rtol=1e-6
    )


def test_a_direction_in_which_draws_go_further_than_curvature_says_is_stretched():
    """A standard normal density with ripples: curvatures of either sign, up to a thousand times its own, over
    which the draws spread all the same.
    """

    def rippled(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([K]).to_event(1))
        numpyro.factor("ripples", 0.1 * jnp.sin(100.0 * x[0]))

    draws = np.random.default_rng(2).normal(size=(2, 2000, K))
    found = coordinates(
        metrics.MeanCurvature({"x": draws}, points=64), nmm.NumPyroModel(rippled), None
    ).coordinates
    scales = np.sort(np.linalg.svd(found.scale)[1])
    # Without the draws, the first would be a twentieth.
    np.testing.assert_allclose(scales, 1.0, atol=0.15)


def test_a_short_run_is_the_pilot_of_the_next():
    problem = densities.linear()
    pilot = nmm.infer.NUTS(draws=20, warmup=20, chains=2, metric=metrics.Diagonal(), predictive_draws=0)(
        problem, densities.DATA, key=KEY, progress=False
    )
    metric = metrics.MeanCurvature(pilot, points=4)
    # Of each chain the second half is kept.
    assert metric.pilot["w"].shape == (2, 10, densities.K)
    tree = nmm.infer.NUTS(draws=500, warmup=100, chains=2, metric=metric, predictive_draws=0)(
        problem, densities.DATA, key=KEY, progress=False
    )
    mean, covariance = densities.linear_posterior()
    draws = tree["posterior"]["w"].values.reshape(-1, densities.K)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.2 * np.sqrt(covariance.max()))
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.2 * covariance.max())
    assert tree["sample_stats"]["n_steps"].mean() < 8
    assert tree.attrs["engine"].startswith("NUTS(MeanCurvature")
    # Starts of one's own are kept.
    given = nmm.infer.starts.FromPrior()
    with jax.enable_x64(True), progress_bar(False) as bars:
        target = Target(problem.condition(densities.DATA))
        found = metric.coordinates(target, KEY, 2, given, bars)
        np.testing.assert_allclose(
            jax.vmap(found.coordinates.to_latent)(jnp.asarray(found.starts)),
            given(target, KEY, 2, bars).points,
            atol=1e-6,
        )


def test_chains_do_not_start_over_a_cliff_beside_the_mode():
    def walled(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([K]).to_event(1))
        numpyro.factor("wall", -1e5 * jnp.sum(jax.nn.relu(x - 0.5)))

    starts = np.asarray(
        coordinates(metrics.Laplace(mode={"x": np.zeros(K)}), nmm.NumPyroModel(walled), None, chains=8).starts
    )
    free = np.asarray(
        coordinates(metrics.Laplace(mode={"x": np.zeros(K)}), nmm.NumPyroModel(spiked), None, chains=8).starts
    )
    assert (free > 0.501).any(axis=1).sum() > 4
    assert (starts < 0.501).all()
    assert (np.linalg.norm(starts, axis=1) > 0.1).all()


def test_a_pilot_that_is_no_posterior_is_named():
    def saddle(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
        numpyro.factor("saddle", x[0] ** 2 - 0.1 * x[0] ** 4)

    draws = {"x": 0.1 * np.random.default_rng(0).normal(size=(1, 20, 2))}
    with pytest.warns(
        UserWarning, match="curves upwards at most of 4 draws of the pilot; .* start the pilot elsewhere"
    ):
        coordinates(metrics.MeanCurvature(draws, points=4), nmm.NumPyroModel(saddle), None)


def test_a_pilot_that_does_not_fit_is_refused():
    with pytest.raises(
        ValueError,
        match=r"MeanCurvature\(pilot\) got a str, expected what a sampler such as nmm.infer.NUTS returned",
    ):
        metrics.MeanCurvature("pilot.nc")
    with pytest.raises(ValueError, match="got a tree without unconstrained_posterior"):
        metrics.MeanCurvature(xr.DataTree())
    with pytest.raises(ValueError, match=r"MeanCurvature\(points=...\) got 0"):
        metrics.MeanCurvature({"w": np.zeros((1, 5, 3))}, points=0)
    other = nmm.infer.NUTS(
        draws=5, warmup=5, chains=1, metric=metrics.MeanCurvature({"w": np.zeros((1, 5, 3))})
    )
    with pytest.raises(
        ValueError,
        match=(
            r"got draws of w \[3\], the problem has the unknowns w \[5\]; pass what an engine returned for"
            r" this problem"
        ),
    ):
        other(densities.linear(), densities.DATA, key=KEY, progress=False)
