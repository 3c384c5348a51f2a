"""Samplers of chains against densities that are known exactly; where they start, when they stop, what they
report.
"""

import arviz as az
import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

import nmm_infer as nmm
from nmm_infer.infer import devices, starts
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._mcmc import _chains as chains
from nmm_infer.infer._mcmc import stopping
from nmm_infer.infer.metrics._affine import Coordinates

# ---------------------------------------------------------------- the battery

# Standard deviations from 0.3 to 3.2 along directions that are not the axes.
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
COVARIANCE = ROTATION @ np.diag(np.logspace(-1, 1, 10)) @ ROTATION.T
CENTRE = np.arange(10.0)
FUNNEL_SD, BANANA_SD = 1.5, 0.5


def zoo(_):
    """A correlated Gaussian of condition number 100, Neal's funnel in five dimensions (Neal 2003), and a
    banana: one density, one compilation.
    """
    numpyro.sample("gaussian", dist.MultivariateNormal(CENTRE, COVARIANCE))
    neck = numpyro.sample("neck", dist.Normal(0.0, FUNNEL_SD))
    numpyro.sample("funnel", dist.Normal(0.0, jnp.exp(neck / 2)).expand([4]).to_event(1))
    across = numpyro.sample("across", dist.Normal(0.0, 1.0))
    numpyro.sample("banana", dist.Normal(across**2, BANANA_SD))


def correlated(_):
    numpyro.sample("gaussian", dist.MultivariateNormal(CENTRE, COVARIANCE))


def from_zoo(n):
    """Independent draws of it, as one chain."""
    rng = np.random.default_rng(1)
    neck, across = FUNNEL_SD * rng.normal(size=(1, n)), rng.normal(size=(1, n))
    return {
        "gaussian": rng.multivariate_normal(CENTRE, COVARIANCE, size=(1, n)),
        "neck": neck,
        "funnel": np.exp(neck / 2)[..., None] * rng.normal(size=(1, n, 4)),
        "across": across,
        "banana": across**2 + BANANA_SD * rng.normal(size=(1, n)),
    }


# Mean and standard deviation; None where the estimate has no useful standard error (E exp(2 neck) of a
# funnel's variance, E across⁸ of a banana's).
EXACT = {
    "gaussian": (CENTRE, np.sqrt(np.diag(COVARIANCE))),
    "neck": (0.0, FUNNEL_SD),
    "funnel": (0.0, None),
    "across": (0.0, 1.0),
    "banana": (1.0, None),
}

LONG = {"draws": 1500, "warmup": 1000, "chains": 4, "predictive_draws": 0}
# One line for each engine whose draws are the posterior's.
ENGINES = {
    "NUTS, dense": nmm.infer.NUTS(target_acceptance=0.95, **LONG),
    "NUTS, diagonal": nmm.infer.NUTS(metric=metrics.Diagonal(), target_acceptance=0.95, **LONG),
    "NUTS, low rank": nmm.infer.NUTS(metric=metrics.LowRank(), target_acceptance=0.95, **LONG),
    "NUTS, mean curvature": nmm.infer.NUTS(
        metric=metrics.MeanCurvature(from_zoo(100)), target_acceptance=0.95, **LONG
    ),
    "HMC": nmm.infer.HMC(steps=20, target_acceptance=0.95, **LONG),
    "AdjustedMCLMC": nmm.infer.AdjustedMCLMC(target_acceptance=0.97, **LONG),
    "ChEES": nmm.infer.ChEES(draws=600, warmup=500, chains=64, target_acceptance=0.9, predictive_draws=0),
}
LATER = ("NUTS, diagonal", "NUTS, low rank", "NUTS, mean curvature", "ChEES")
each = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LATER else name for name in ENGINES]
)


@pytest.fixture(scope="module")
def trees():
    problem, made = nmm.NumPyroModel(zoo), {}

    def tree(name):
        if name not in made:
            made[name] = ENGINES[name](problem, None, key=jax.random.key(7), progress=False)
        return made[name]

    return tree


def errors(tree, exact):
    """Deviations of means and standard deviations from the exact ones, in Monte Carlo standard errors."""
    posterior = tree["posterior"].to_dataset()[list(exact)]
    found = {}
    for what, method in (("mean", posterior.mean), ("sd", posterior.std)):
        error, value = arviz_stats.mcse(posterior, method=what), method(("chain", "draw"))
        for name, moments in exact.items():
            expected = moments[("mean", "sd").index(what)]
            if expected is not None:
                found[f"{what} of {name}"] = np.abs(
                    (value[name].values - expected) / error[name].values
                ).max()
    return found


@each
def test_draws_are_those_of_the_density(trees, name):
    tree = trees(name)
    assert float(az.rhat(tree)["neck"]) < 1.02
    far = {what: error for what, error in errors(tree, EXACT).items() if not error < 4}
    assert not far


@each
def test_statistics_have_arvizs_names(trees, name):
    found = set(trees(name)["sample_stats"].data_vars)
    assert {"diverging", "n_steps", "acceptance_rate", "lp", "step_size"} <= found
    # The energy of microcanonical dynamics is constant: E-BFMI says nothing of it.
    assert ("energy" in found) == (name != "AdjustedMCLMC")
    assert ("tree_depth" in found) == ("NUTS" in name)
    assert trees(name).attrs["engine"].startswith(name.split(",")[0])
    assert trees(name).attrs["gradient_evaluations"] > int(trees(name)["sample_stats"]["n_steps"].sum())


@pytest.mark.slow
def test_energies_are_those_of_the_draws(trees):
    """Energy minus potential is a kinetic energy: half of a chi-square with as many degrees of freedom as
    unknowns.
    """
    for name in ("NUTS, dense", "HMC", "ChEES"):
        sample = trees(name)["sample_stats"]
        kinetic = (sample["energy"] + sample["lp"]).values
        assert kinetic.min() >= 0
        assert np.all(az.bfmi(trees(name))["energy"] > 0.3)


# ---------------------------------------------------------------- a model that fails in a part of its prior

CUT, SEEN, NOISE = stats.norm.ppf(0.7), 0.4, 0.5


def cut_off(y):
    """The likelihood is NaN in 30 % of the prior."""
    x = numpyro.sample("x", dist.Normal(0.0, 1.0))
    numpyro.sample("other", dist.Normal(0.0, 1.0))
    numpyro.sample("y", dist.Normal(jnp.where(x > CUT, jnp.nan, x), NOISE), obs=y)


@pytest.mark.slow
def test_a_likelihood_that_is_nan_in_a_third_of_the_prior_gives_the_truncated_posterior():
    variance = 1 / (1 + 1 / NOISE**2)
    mean, sd = variance * SEEN / NOISE**2, np.sqrt(variance)
    exact = stats.truncnorm(-np.inf, (CUT - mean) / sd, loc=mean, scale=sd)
    # The untruncated posterior is far away: 0.32 and 0.45 instead of 0.10 and 0.32.
    assert mean - exact.mean() > 0.1
    quick = {"draws": 1000, "warmup": 300, "chains": 2, "predictive_draws": 0}
    for engine in (nmm.infer.NUTS(**quick), nmm.infer.HMC(**quick), nmm.infer.AdjustedMCLMC(**quick)):
        tree = engine(nmm.NumPyroModel(cut_off), np.float64(SEEN), key=jax.random.key(1), progress=False)
        assert np.isfinite(tree["posterior"]["x"]).all()
        assert float(tree["posterior"]["x"].max()) < CUT
        far = {
            what: error
            for what, error in errors(tree, {"x": (exact.mean(), exact.std())}).items()
            if not error < 4
        }
        assert not far, type(engine).__name__
        # Of the proposals that a wall stops, each met one failure, and none is a divergence.
        assert int(tree["sample_stats"]["failed"].sum()) > 25
        assert int(tree["sample_stats"]["diverging"].sum()) == 0
        assert tree.attrs["zero_density"] == 0
        assert tree.attrs["failed_simulations"] > 50
        assert tree.attrs["failed_simulations"] <= tree.attrs["gradient_evaluations"]


# ---------------------------------------------------------------- not exact, and saying so


@pytest.mark.slow
def test_mclmc_says_that_it_is_inexact_and_how_far_its_energy_strays():
    def run(model, **settings):
        return nmm.infer.MCLMC(draws=1000, warmup=5000, steps=10, predictive_draws=0, **settings)(
            nmm.NumPyroModel(model), None, key=jax.random.key(2), progress=False
        )

    tree = run(correlated)
    assert tree.attrs["exact"] == 0
    assert "acceptance_rate" not in tree["sample_stats"]
    # On a Gaussian the tuning meets its aim; a bias is there, and small.
    assert 0.5 < tree.attrs["energy_error"] / tree.attrs["energy_error_wanted"] < 2
    x = tree["posterior"]["gaussian"]
    assert np.abs((x.mean(("chain", "draw")) - CENTRE) / EXACT["gaussian"][1]).max() < 0.1
    np.testing.assert_allclose(x.std(("chain", "draw")), EXACT["gaussian"][1], rtol=0.1)
    # A large error makes the posterior a sixth too narrow, and the attributes tell.
    crude = run(correlated, energy_error=0.5)
    assert crude.attrs["energy_error"] > 100 * tree.attrs["energy_error"]
    assert np.all(crude["posterior"]["gaussian"].std(("chain", "draw")) < 0.9 * EXACT["gaussian"][1])


# ---------------------------------------------------------------- starts, stops, programs


def gaussian(_):
    numpyro.sample("x", dist.MultivariateNormal(jnp.arange(3.0), jnp.diag(jnp.array([1.0, 4.0, 0.1]))))


def two_modes(y):
    """Nine tenths of the mass are in a narrow mode near 6 that few draws from the prior are near to."""
    x = numpyro.sample("x", dist.Normal(0.0, 3.0).expand([2]).to_event(1))
    numpyro.factor(
        "modes", jax.scipy.special.logsumexp(jnp.stack([-((x - 6.0) ** 2).sum() * 2 + 40.0, -(x**2).sum()]))
    )


@pytest.fixture(scope="module")
def simple():
    problem = nmm.NumPyroModel(gaussian)
    return problem, problem.condition(None)


def test_draws_stop_when_they_are_enough(simple):
    problem, conditioned = simple
    engine = nmm.infer.NUTS(
        draws=5000, warmup=200, chains=2, stop=stopping.UntilESS(400, r_hat=1.05), predictive_draws=0
    )
    tree = engine(problem, conditioned, key=jax.random.key(0), progress=False)
    drawn = tree["posterior"].sizes["draw"]
    assert 100 <= drawn < 1500
    assert drawn % engine.chunk == 0
    assert tree.attrs["stopped"].startswith(f"after {drawn} draws a chain: smallest bulk ESS")
    assert tree.attrs["draws"] == 5000
    assert tree.attrs["interrupted"] == 0
    for method in ("bulk", "tail"):
        assert float(az.ess(tree, method=method)["x"].min()) > 400


def test_a_stop_rule_waits_for_what_is_not_there():
    rng = np.random.default_rng(0)
    rule = stopping.UntilESS(100, r_hat=1.01, least=50)
    good = rng.normal(size=(2, 400, 3))
    assert rule([good])
    assert not rule([good[:, :40]]), "too few to look at"
    assert not rule([good[:1]]), "one chain cannot show that it has converged"
    assert not rule([good + np.array([0.0, 3.0])[:, None, None]]), "chains apart"
    assert not rule([np.cumsum(good, axis=1)]), "draws that hardly move"
    assert not rule([good[:, :100], good[:, 100:110]]), "a look after 100, and none again after 10 more"


@pytest.mark.slow
def test_chains_start_where_they_are_told():
    from nmm_infer.infer._progress import progress_bar
    from nmm_infer.infer._target import Target

    target = Target(nmm.NumPyroModel(two_modes).condition(None))
    with progress_bar(False) as bars:
        prior = starts.FromPrior()(target, jax.random.key(0), 6, bars).points
        modes = starts.FromModes(runs=24)(target, jax.random.key(0), 6, bars)
        paths = starts.FromPathfinder(paths=16)(target, jax.random.key(0), 6, bars)
    assert np.all(np.linalg.norm(prior - 6.0, axis=1) > 3), "medians of draws are in the middle"
    mode = 6.0 * 4 / (4 + 1 / 9)
    assert np.all(np.linalg.norm(modes.points - mode, axis=1) < 0.3)
    assert len(np.unique(modes.points, axis=0)) == 6
    assert modes.gradients == 24 * 400
    assert np.all(np.linalg.norm(paths.points - mode, axis=1) < 2.5)
    assert len(np.unique(paths.points, axis=0)) == 6


def test_starts_keep_their_place_in_whitened_coordinates():
    rng = np.random.default_rng(0)
    coordinates = Coordinates(jnp.asarray(rng.normal(size=3)), jnp.asarray(rng.normal(size=(3, 3))))
    x = jnp.asarray(rng.normal(size=(5, 3)))
    np.testing.assert_allclose(jax.vmap(coordinates.to_latent)(coordinates.from_latent(x)), x, rtol=1e-10)
    np.testing.assert_array_equal(Coordinates().from_latent(x), x)


def test_the_same_problem_is_compiled_once(simple):
    problem, conditioned = simple
    engine = nmm.infer.NUTS(draws=30, warmup=30, chains=2, predictive_draws=0)
    engine(problem, conditioned, key=jax.random.key(0), progress=False)
    compiled = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        engine(problem, conditioned, key=jax.random.key(1), progress=False)
        again = len(compiled)
        nmm.infer.NUTS(draws=30, warmup=30, chains=2, max_tree_depth=3, predictive_draws=0)(
            problem, conditioned, key=jax.random.key(1), progress=False
        )
    finally:
        jax.monitoring.clear_event_listeners()
    assert again <= 1
    assert len(compiled) > 0, "another engine is another program"


@pytest.mark.parametrize("arrangement", [devices.Vectorised(), devices.Parallel()])
def test_chains_do_not_depend_on_how_they_share_the_machine(simple, arrangement):
    """Four chains, on one device or on two."""
    problem, conditioned = simple
    engine = nmm.infer.HMC(draws=20, warmup=20, chains=4, arrangement=arrangement, predictive_draws=0)
    x = engine(problem, conditioned, key=jax.random.key(3), progress=False)["posterior"]["x"]
    reference = nmm.infer.HMC(
        draws=20, warmup=20, chains=4, arrangement=devices.Vectorised(), predictive_draws=0
    )
    np.testing.assert_allclose(
        x, reference(problem, conditioned, key=jax.random.key(3), progress=False)["posterior"]["x"], rtol=1e-6
    )


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_draws_that_share_processors_are_what_one_makes_of_them(n):
    """Equal shares and unequal ones, more than are mapped at once; numbers and keys."""
    x, keys = jnp.arange(3.0 * n).reshape(n, 3), jax.random.split(jax.random.key(0), n)

    def function(x, key):
        return {"sum": x.sum(), "moved": x + jax.random.normal(key, (3,))}

    one, shared = (
        jax.jit(lambda x, keys, how=how: how.each(function, (x, keys), 20))(x, keys)
        for how in (devices.Vectorised(), devices.Parallel())
    )
    assert jax.tree.map(jnp.shape, shared) == {"sum": (n,), "moved": (n, 3)}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), one, shared)
    assert len(shared["sum"].devices()) == min(n, jax.local_device_count())


def test_trajectories_of_a_length_have_the_steps_that_it_takes(simple):
    engine = nmm.infer.HMC(draws=40, warmup=60, chains=4, length=1.5, jitter=0.0, predictive_draws=0)
    stats = engine(*simple, key=jax.random.key(3), progress=False)["sample_stats"]
    np.testing.assert_array_equal(stats["n_steps"], np.maximum(1, np.round(1.5 / stats["step_size"])))
    assert len(np.unique(stats["step_size"])) == 4


@pytest.mark.parametrize(
    "engine",
    [
        nmm.infer.HMC(draws=500, warmup=25, chains=2),
        pytest.param(nmm.infer.MCLMC(draws=500, warmup=100, chains=2), marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_keeps_what_was_drawn(simple, monkeypatch, engine):
    calls = iter(range(100))

    def note(stats):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(chains, "_note", note)
    tree = engine(*simple, key=jax.random.key(0), progress=False)
    assert tree.attrs["interrupted"] == 1
    assert 75 <= tree["posterior"].sizes["draw"] <= 100
    assert tree["sample_stats"].sizes["draw"] == tree["posterior"].sizes["draw"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nmm.infer.HMC(steps=0), r"HMC\(steps=...\) got 0, expected a whole number of at least 1"),
        (lambda: nmm.infer.HMC(length=0.0), r"HMC\(length=...\) got 0.0, expected a positive number"),
        (lambda: nmm.infer.HMC(jitter=1.0), r"HMC\(jitter=...\) got 1.0, expected a number from 0"),
        (
            lambda: nmm.infer.HMC(target_acceptance=0.0),
            r"HMC\(target_acceptance=...\) got 0.0, expected a number between 0 and 1",
        ),
        (
            lambda: nmm.infer.AdjustedMCLMC(length=-1.0),
            r"AdjustedMCLMC\(length=...\) got -1.0, expected a positive number",
        ),
        (lambda: nmm.infer.MCLMC(warmup=50), r"MCLMC\(warmup=...\) got 50 steps, expected at least 100"),
        (lambda: nmm.infer.MCLMC(energy_error=0.0), r"MCLMC\(energy_error=...\) got 0.0"),
        (lambda: nmm.infer.ChEES(chains=4), r"ChEES\(chains=...\) got 4, expected at least 16.*use NUTS"),
        (lambda: stopping.UntilESS(0), r"UntilESS\(ess=...\) got 0"),
        (
            lambda: stopping.UntilESS(400, r_hat=1.0),
            r"UntilESS\(r_hat=...\) got 1.0, expected a number above 1",
        ),
        (lambda: starts.FromModes(runs=0), r"FromModes\(runs=...\) got 0"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_microcanonical_dynamics_need_two_dimensions():
    with pytest.raises(ValueError, match=r"AdjustedMCLMC needs at least two unknowns, got one.*use NUTS"):
        nmm.infer.AdjustedMCLMC()(
            nmm.NumPyroModel(lambda _: numpyro.sample("x", dist.Normal())),
            None,
            key=jax.random.key(0),
            progress=False,
        )
