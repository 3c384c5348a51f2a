"""Modes and approximations against densities that are known exactly."""

import functools

import densities
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer import autoguide

import nmm_infer as nmm
from nmm_infer.infer._optimise import optimisers
from nmm_infer.infer._optimise._mode import at_best, curvature, find_mode
from nmm_infer.infer._optimise.optimisers import Objective, SearchResults
from nmm_infer.infer._progress import Steps, progress_bar

KEY = jax.random.key(0)
SEARCHES = {
    "bfgs": nmm.infer.MAP(optimisers.BFGS(), starts=4),
    "lbfgs": nmm.infer.MAP(optimisers.LBFGS(), starts=4),
    "adam": nmm.infer.MAP(optimisers.Adam(1000), starts=4),
    "levenberg": nmm.infer.MAP(optimisers.LevenbergMarquardt(), starts=4),
    "newton": nmm.infer.MAP(optimisers.InTurn(optimisers.Adam(50), optimisers.Newton()), starts=4),
    "cmaes": nmm.infer.CMAES(starts=2),
}
OPTIMISERS = {
    "adam": optimisers.Adam(3000),
    "bfgs": optimisers.BFGS(),
    "lbfgs": optimisers.LBFGS(),
    "levenberg": optimisers.LevenbergMarquardt(),
    "newton": optimisers.Newton(steps=100),
    "adam and newton": optimisers.InTurn(optimisers.Adam(100), optimisers.Newton()),
}


def rosenbrock(x):
    """A curved valley; the highest point is 0 at (1, 1)."""
    return -0.5 * jnp.sum(rosenbrock_residuals(x) ** 2)


def rosenbrock_residuals(x):
    return jnp.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def bar():
    with progress_bar(False) as bars:
        return Steps(bars, "", 1)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_start_reaches_the_end_of_a_curved_valley(name):
    starts = np.random.default_rng(0).normal(size=(6, 2)) * 2
    ends = OPTIMISERS[name].search(
        Objective(rosenbrock, jax.vmap(rosenbrock), rosenbrock_residuals), starts, bar()
    )
    # Adam creeps along the floor of the valley, which is level there; the others arrive.
    np.testing.assert_allclose(ends.log_density, 0.0, atol=0.02 if name == "adam" else 1e-9)
    np.testing.assert_allclose(
        ends.log_density, [rosenbrock(jnp.asarray(x)) for x in ends.positions], atol=1e-9
    )
    assert not ends.interrupted


@pytest.mark.parametrize("name", ["adam", "bfgs", "lbfgs", "newton"])
def test_a_cliff_on_the_way_is_not_fallen_over(name):
    """-inf beyond x = 1, close to the mode at 0.9 of a narrow peak: steps into it are not taken."""
    f = lambda x: jnp.where(x[0] < 1.0, -50.0 * (x[0] - 0.9) ** 2 - x[1] ** 2, -jnp.inf)  # noqa: E731
    ends = OPTIMISERS[name].search(Objective(f, jax.vmap(f)), np.array([[-3.0, 2.0], [0.0, -1.0]]), bar())
    np.testing.assert_allclose(ends.positions, [[0.9, 0.0]] * 2, atol=0.02)


def test_newton_climbs_out_of_a_saddle_and_follows_only_the_best():
    # Level at 0 in both directions, a valley in one; condition number 10⁵ at the two peaks x = ±1.
    f = lambda x: -((x[0] ** 2 - 1.0) ** 2) - 1e6 * (x[1] - 0.1 * x[0] ** 2) ** 2  # noqa: E731
    starts = np.array([[0.01, 0.3], [3.0, 3.0], [-0.5, 0.0]])
    every, best = (
        optimisers.Newton(steps=100, best=best).search(Objective(f, jax.vmap(f)), starts, bar())
        for best in (None, 1)
    )
    np.testing.assert_allclose(np.abs(every.positions), [[1.0, 0.1]] * 3, atol=1e-3)
    np.testing.assert_array_equal(best.positions[:2], starts[:2])
    assert best.log_density[2] == pytest.approx(0.0, abs=1e-3)
    assert best.gradients < every.gradients


@pytest.mark.parametrize("name", SEARCHES)
def test_the_mode_of_a_gaussian_posterior_is_its_mean(name):
    tree = SEARCHES[name](densities.linear(), densities.DATA, key=KEY, progress=False)
    mean, _ = densities.linear_posterior()
    assert tree["posterior"]["w"].shape == (1, 1, densities.K)
    np.testing.assert_allclose(
        tree["posterior"]["w"].values[0, 0], mean, atol=1e-3 if name == "adam" else 1e-5
    )
    searches = SEARCHES[name].starts
    assert tree["ends"]["w"].dims[0] == "start"
    assert tree["ends"]["w"].shape == (searches, densities.K)
    assert tree["optimization"]["best_mode"].values.all()
    assert tree.attrs["modes"].startswith(f"{searches} of {searches} searches ended in the best mode")
    assert tree["log_likelihood"]["y"].shape == (1, 1, densities.N)
    peak = tree["optimization"]["log_density"].values
    assert np.all(np.diff(peak) <= 0)
    assert tree["sample_stats"]["lp"].values[0, 0] == peak[0]


@pytest.mark.slow
def test_levenberg_marquardt_takes_few_steps_through_a_transform():
    data = np.array([2.0, 1.0])
    few = nmm.infer.MAP(optimisers.LevenbergMarquardt(), starts=3)(
        nmm.NumPyroModel(densities.positive), data, key=KEY, progress=False
    )
    many = nmm.infer.MAP(optimisers.BFGS(), starts=3)(
        nmm.NumPyroModel(densities.positive), data, key=KEY, progress=False
    )
    np.testing.assert_allclose(few["posterior"]["x"], many["posterior"]["x"], atol=1e-6)


def test_two_modes_are_told_apart_and_the_higher_one_comes_first():
    tree = nmm.infer.MAP(starts=12)(nmm.NumPyroModel(densities.squared), 4.0, key=KEY, progress=False)
    ends = tree["ends"]["x"].values
    best = tree["optimization"]["best_mode"].values
    assert 0 < best.sum() < 12
    assert tree["posterior"]["x"].item() == pytest.approx(2.0, abs=0.1)
    np.testing.assert_array_equal(best, ends > 0)
    # Prior N(0.5, 1.5): the left mode is 2·2·0.5/1.5² = 0.89 nats lower.
    assert f"{int(best.sum())} of 12 searches ended in the best mode" in tree.attrs["modes"]
    assert "the best of the others ended 0.9 nats below" in tree.attrs["modes"]


def test_a_flat_ridge_is_one_mode():
    f = lambda x: -0.5 * (100.0 * (x[0] + x[1] - 1.0)) ** 2  # noqa: E731
    x = np.array([[0.5, 0.5], [3.0, -2.0], [-4.0, 5.0]])
    assert at_best(jax.vmap(f), SearchResults(x, np.zeros(3), 0, False)).all()


def test_the_curvature_is_the_hessian():
    x = np.array([0.3, 0.7])
    np.testing.assert_allclose(
        curvature(jax.value_and_grad(rosenbrock), x), -jax.hessian(rosenbrock)(jnp.asarray(x)), rtol=1e-6
    )


def test_held_unknowns_keep_their_start():
    mode, value = find_mode(
        jax.value_and_grad(lambda x: -((x[0] - x[1]) ** 2)),
        np.array([[3.0, 1.0]]),
        500,
        bar(),
        np.array([False, True]),
    )
    np.testing.assert_allclose(mode, 1.0, atol=1e-3)
    assert value == pytest.approx(0.0, abs=1e-5)


def test_a_mode_that_was_found_before_whitens():
    problem = densities.linear()
    found = nmm.infer.MAP(starts=2)(problem, densities.DATA, key=KEY, progress=False)
    metric = nmm.infer.metrics.Laplace(mode=found)
    tree = nmm.infer.NUTS(draws=500, warmup=100, chains=2, metric=metric, predictive_draws=0)(
        problem, densities.DATA, key=KEY, progress=False
    )
    mean, covariance = densities.linear_posterior()
    draws = tree["posterior"]["w"].values.reshape(-1, densities.K)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.2 * np.sqrt(covariance.max()))
    assert tree["sample_stats"]["n_steps"].mean() < 8
    wrong = nmm.infer.metrics.Laplace(mode={"v": 1.0})
    with pytest.raises(
        ValueError,
        match=r"metrics.Laplace\(mode=...\) lacks the unknowns w; pass what nmm.infer.MAP returned",
    ):
        nmm.infer.NUTS(draws=5, warmup=5, chains=2, metric=wrong)(
            problem, densities.DATA, key=KEY, progress=False
        )


def test_the_free_scale_of_a_hierarchy_is_held_and_named():
    problem = nmm.NumPyroModel(densities.hierarchy, shared_scales=["sd"])
    data = np.array([1.0, -0.5, 0.3, 0.8])
    tree = nmm.infer.MAP(starts=2)(problem, data, key=KEY, progress=False)
    assert tree.attrs["held"] == "sd"
    # The median of a half normal is 0.67; the draws of the prior from which it is taken are 1000.
    assert tree["posterior"]["sd"].item() == pytest.approx(0.6745, abs=0.06)
    sd = tree["posterior"]["sd"].item()
    np.testing.assert_allclose(tree["posterior"]["z"].values[0, 0], sd * data / (sd**2 + 0.25), atol=1e-5)


# ---------------------------------------------------------------- Gaussians

APPROXIMATIONS = {
    "laplace": nmm.infer.Laplace(nmm.infer.MAP(starts=2), draws=4000),
    "laplace resampled": nmm.infer.Laplace(nmm.infer.MAP(starts=2), draws=4000, resample=True),
    "pathfinder": nmm.infer.Pathfinder(paths=4, draws=2000),
}


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_a_gaussian_posterior_is_approximated_exactly(name):
    tree = APPROXIMATIONS[name](densities.linear(), densities.DATA, key=KEY, progress=False)
    mean, covariance = densities.linear_posterior()
    w = tree["posterior"]["w"].values[0]
    np.testing.assert_allclose((w.mean(0) - mean) / np.sqrt(np.diag(covariance)), 0.0, atol=0.12)
    np.testing.assert_allclose(np.cov(w.T), covariance, atol=0.15 * np.diag(covariance).max())
    assert tree.attrs["pareto_k"] < 0.7
    if "laplace" in name:
        assert tree.attrs["log_evidence"] == pytest.approx(densities.linear_evidence(), abs=1e-4)


@pytest.mark.slow
def test_resampling_corrects_a_skewed_posterior():
    """One observation of a rate: the posterior of log(rate) is skewed, and known by quadrature."""

    def rate(y):
        r = numpyro.sample("r", dist.LogNormal(0.0, 2.0))
        numpyro.sample("y", dist.Poisson(r), obs=y)

    from scipy.stats import poisson

    x = np.linspace(-12, 8, 100_001)
    density = np.exp(-0.5 * (x / 2.0) ** 2) / np.sqrt(2 * np.pi * 4) * poisson.pmf(3, np.exp(x))
    z = np.trapezoid(density, x)
    mean = np.trapezoid(x * density, x) / z
    plain, corrected = (
        nmm.infer.Laplace(nmm.infer.MAP(starts=2), draws=8000, resample=resample)(
            nmm.NumPyroModel(rate), 3, key=KEY, progress=False
        )
        for resample in (False, True)
    )
    off, right = (abs(np.log(tree["posterior"]["r"].values).mean() - mean) for tree in (plain, corrected))
    assert right < 0.03 < off
    assert abs(plain.attrs["log_evidence"] - np.log(z)) > 0.01
    assert corrected.attrs["log_evidence"] == pytest.approx(
        np.log(z), abs=4 * corrected.attrs["log_evidence_se"]
    )
    assert corrected.attrs["log_evidence_se"] < 0.02


def test_pareto_k_betrays_an_approximation_of_a_banana():
    def banana(y):
        x = numpyro.sample("x", dist.Normal(0.0, 3.0))
        z = numpyro.sample("z", dist.Normal(0.0, 10.0))
        numpyro.sample("y", dist.Normal(z - x**2, 0.1), obs=y)

    tree = nmm.infer.Laplace(nmm.infer.MAP(starts=2))(nmm.NumPyroModel(banana), 0.0, key=KEY, progress=False)
    assert tree.attrs["pareto_k"] > 0.7


# ---------------------------------------------------------------- guides

GUIDES = {
    "diagonal": (autoguide.AutoNormal, 3000),
    "low rank": (functools.partial(autoguide.AutoLowRankMultivariateNormal, rank=2), 3000),
    "full rank": (autoguide.AutoMultivariateNormal, 3000),
    "laplace": (autoguide.AutoLaplaceApproximation, 2000),
    "iaf": (functools.partial(autoguide.AutoIAFNormal, num_flows=1), 3000),
    "bnaf": (functools.partial(autoguide.AutoBNAFNormal, num_flows=1, hidden_factors=[4]), 2000),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name != "laplace" else name for name in GUIDES]
)
def test_guides_find_the_mean_and_those_with_correlations_the_widths(name):
    guide, steps = GUIDES[name]
    engine = nmm.infer.SVI(
        guide=guide, steps=steps, draws=2000, learning_rate=0.02, particles=4, predictive_draws=0
    )
    tree = engine(densities.linear(3), densities.DATA, key=KEY, progress=False)
    mean, covariance = densities.linear_posterior(3)
    sd = np.sqrt(np.diag(covariance))
    w = tree["posterior"]["w"].values[0]
    np.testing.assert_allclose((w.mean(0) - mean) / sd, 0.0, atol=0.3)
    np.testing.assert_allclose(w.std(0) / sd, 1.0, atol=0.25)
    # A flow fitted in so few steps has the right middle, not yet the right tails.
    assert tree.attrs["pareto_k"] < (1.0 if name in ("iaf", "bnaf") else 0.7)
    assert tree.attrs["engine"].startswith("SVI(Auto")


def test_a_fit_stops_when_the_loss_has_stalled():
    engine = nmm.infer.SVI(
        guide=autoguide.AutoNormal,
        steps=20_000,
        learning_rate=0.02,
        stop=nmm.infer.Stalled(window=200),
        predictive_draws=0,
    )
    tree = engine(densities.linear(3), densities.DATA, key=KEY, progress=False)
    assert 600 <= tree["optimization"].sizes["step"] < 5000
    mean, covariance = densities.linear_posterior(3)
    np.testing.assert_allclose(
        (tree["posterior"]["w"].values[0].mean(0) - mean) / np.sqrt(np.diag(covariance)), 0.0, atol=0.3
    )


def test_the_rule_waits_for_a_falling_loss_and_for_enough_steps():
    rule = nmm.infer.Stalled(window=100)
    noise = np.random.default_rng(0).normal(size=400)
    assert rule(noise)
    assert not rule(noise[:150])
    assert not rule(noise - 0.05 * np.arange(400))
    assert not rule(np.full(400, np.nan))


@pytest.mark.parametrize(
    "start",
    [
        nmm.infer.starts.FromModes(runs=2),
        pytest.param(nmm.infer.starts.FromPathfinder(paths=2), marks=pytest.mark.slow),
    ],
    ids=["modes", "pathfinder"],
)
def test_a_guide_starts_where_it_is_told(start):
    """Ten short steps of Adam move nothing far, so the centre is still where the search left it."""
    engine = nmm.infer.SVI(
        guide=autoguide.AutoNormal, steps=10, learning_rate=1e-4, start=start, draws=500, predictive_draws=0
    )
    tree = engine(densities.linear(3), densities.DATA, key=KEY, progress=False)
    mean, covariance = densities.linear_posterior(3)
    tolerance = (
        0.05 if isinstance(start, nmm.infer.starts.FromModes) else 4 * np.sqrt(np.diag(covariance)).max()
    )
    np.testing.assert_allclose(tree["posterior"]["w"].values[0].mean(0), mean, atol=tolerance)


# ---------------------------------------------------------------- what is refused, what is kept


def test_ctrl_c_keeps_what_was_reached(monkeypatch):
    calls = iter(range(100))

    def advance(self, n, note=""):
        if next(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Steps, "advance", advance)
    tree = nmm.infer.MAP(optimisers.Adam(1000), starts=2)(
        densities.linear(), densities.DATA, key=KEY, progress=False
    )
    assert tree.attrs["interrupted"] == 1
    assert np.isfinite(tree["posterior"]["w"]).all()


def free_scale(y):
    s = numpyro.sample("s", dist.LogNormal(0.0, 1.0))
    numpyro.sample("y", dist.Normal(0.0, s), obs=y)


def gamma_prior(y):
    g = numpyro.sample("g", dist.Gamma(2.0, 1.0))
    numpyro.sample("y", dist.Normal(g, 1.0), obs=y)


def impossible(y):
    x = numpyro.sample("x", dist.Normal(0.0, 1.0))
    numpyro.factor("never", jnp.where(x < 100.0, -jnp.inf, 0.0))
    numpyro.sample("y", dist.Normal(x, 1.0), obs=y)


def level(y):
    x = numpyro.sample("x", dist.ImproperUniform(dist.constraints.real, (), ()))
    numpyro.sample("y", dist.Normal(0.0 * x, 1.0), obs=y)


LM = nmm.infer.MAP(optimisers.LevenbergMarquardt(), starts=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nmm.infer.MAP(starts=0), r"MAP\(starts=...\) got 0, expected a whole number of at least 1"),
        (lambda: optimisers.InTurn("adam"), r"InTurn\(...\) got \('adam',\), expected optimisers, such as"),
        (
            lambda: optimisers.Newton(best=0),
            r"Newton\(best=...\) got 0, expected a whole number of at least 1",
        ),
        (
            lambda: nmm.infer.MAP(optimiser="adam"),
            r"MAP\(optimiser=...\) got 'adam', expected an optimiser such as nmm.infer.optimisers.BFGS\(\)",
        ),
        (
            lambda: nmm.infer.Laplace(search="bfgs"),
            r"Laplace\(search=...\) got str, expected an nmm.infer.MAP",
        ),
        (
            lambda: nmm.infer.SVI(start="map"),
            r"SVI\(start=...\) got str, expected one of nmm.infer.starts, such as FromModes",
        ),
        (lambda: nmm.infer.SVI(stop=100), r"SVI\(stop=...\) got int, expected nmm.infer.Stalled\(\) or None"),
        (lambda: nmm.infer.Stalled(window=2), r"Stalled\(window=...\) got 2, expected at least 10 steps"),
        (
            lambda: nmm.infer.CMAES(population=2),
            r"CMAES\(population=...\) got 2, expected at least 4, or None",
        ),
        (
            lambda: nmm.infer.CMAES(spread=0.0),
            r"CMAES\(spread=...\) got 0.0, expected a positive number of prior standard deviations",
        ),
        (
            lambda: LM(nmm.NumPyroModel(free_scale), 1.0, key=KEY, progress=False),
            "is no sum of squares, .* give the noise a known scale, or use optimisers.BFGS",
        ),
        (
            lambda: LM(nmm.NumPyroModel(gamma_prior), 1.0, key=KEY, progress=False),
            "site 'g' is Gamma, expected Normal or LogNormal; use optimisers.BFGS",
        ),
        (
            lambda: nmm.infer.MAP(starts=2)(nmm.NumPyroModel(impossible), 1.0, key=KEY, progress=False),
            "none of 1002 draws .* has a finite density: the density is zero at 1002",
        ),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
