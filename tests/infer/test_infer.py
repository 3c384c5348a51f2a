"""Engines against closed forms; what is stored; what happens when things go wrong."""

import inspect
import signal

import arviz as az
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer import autoguide
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer.infer import devices
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._mcmc import _sampler
from nmm_infer.infer._progress import progress_bar
from nmm_infer.infer._target import Target, _guarded

RNG = np.random.default_rng(11)
N = 3
PRIOR_SD, NOISE_SD, SAMPLES = np.array([2.0, 1.0, 0.5]), 0.5, 20


def conjugate():
    """A network at rest whose initial state is unknown: y = x(0) + noise, so the posterior is Gaussian."""
    prior = nmm.Prior(dist.Normal(jnp.zeros((1, N)), jnp.asarray(PRIOR_SD)[None]).to_event(2))
    network = nmm.Network(
        nmm.models.Linear(gamma=0.0),
        nmm.Connectome(np.zeros((N, N)), labels=list("ABC")),
        nmm.couplings.Additive(),
        initial=prior,
    )
    return nmm.Problem(
        network,
        nmm.observe.Subsample(period=1.0),
        nmm.likelihoods.Gaussian(scale=NOISE_SD),
        duration=float(SAMPLES),
        step=0.5,
    )


DATA = np.array([1.3, -0.4, 0.2]) + NOISE_SD * RNG.normal(size=(SAMPLES, N))
PRECISION = 1 / PRIOR_SD**2 + SAMPLES / NOISE_SD**2
MEAN, SD = DATA.sum(axis=0) / NOISE_SD**2 / PRECISION, PRECISION**-0.5

ENGINES = {
    "nuts dense": nmm.infer.NUTS(draws=400, warmup=200, chains=4),
    "nuts diagonal": nmm.infer.NUTS(draws=400, warmup=200, chains=4, metric=metrics.Diagonal()),
    "nuts laplace": nmm.infer.NUTS(draws=400, warmup=200, chains=4, metric=metrics.Laplace(steps=200)),
    "nuts low rank float32": nmm.infer.NUTS(
        draws=400,
        warmup=200,
        chains=4,
        metric=metrics.LowRank(),
        dtype="float32",
        arrangement=devices.Vectorised(),
    ),
    "svi": nmm.infer.SVI(guide=autoguide.AutoNormal, steps=2000, draws=2000, learning_rate=0.02),
}


@pytest.fixture(scope="module")
def trees():
    problem = conjugate()
    return {
        name: engine(problem, DATA, key=jax.random.key(1), progress=False) for name, engine in ENGINES.items()
    }


@pytest.mark.parametrize("name", ENGINES)
def test_the_posterior_is_the_closed_form(trees, name):
    x = trees[name]["posterior"]["initial"].values[:, :, 0]
    draws = x.shape[0] * x.shape[1]
    # 1600 NUTS draws of a Gaussian are worth at least 800; four standard errors. The guide's own error is a
    # few per cent.
    tolerance = 4 / np.sqrt(draws / 2) if "nuts" in name else 0.2
    np.testing.assert_allclose((x.mean((0, 1)) - MEAN) / SD, 0.0, atol=tolerance)
    np.testing.assert_allclose(x.std((0, 1)) / SD, 1.0, atol=tolerance)


def test_a_laplace_metric_by_any_optimiser_is_the_closed_form():
    problem = conjugate()
    target = Target(problem.condition(DATA))
    with jax.enable_x64(True), progress_bar(False) as bars:
        for metric in (
            metrics.Laplace(steps=500),
            metrics.Laplace(optimiser=nmm.infer.optimisers.BFGS(200), starts=3),
        ):
            coordinates, starts, gradients = metric.coordinates(target, jax.random.key(0), 2, None, bars)
            np.testing.assert_allclose(coordinates.centre, MEAN, atol=2e-3 * SD.min())
            np.testing.assert_allclose(
                coordinates.scale @ coordinates.scale.T, np.diag(SD**2), rtol=1e-4, atol=1e-7
            )
            assert starts.shape == (2, N)
            assert gradients > 2 * N


@pytest.mark.parametrize("name", ENGINES)
def test_trees_have_the_groups_and_names_of_arviz(trees, name):
    tree = trees[name]
    groups = {
        "posterior",
        "sample_stats",
        "unconstrained_posterior",
        "log_likelihood",
        "prior",
        "observed_data",
        "constant_data",
        "posterior_predictive",
        "prior_predictive",
    }
    assert groups <= set(tree.children)
    stats = (
        {"lp"}
        if name == "svi"
        else {
            "diverging",
            "energy",
            "tree_depth",
            "n_steps",
            "acceptance_rate",
            "lp",
            "step_size",
            "reached_max_treedepth",
            "failed",
        }
    )
    assert stats == set(tree["sample_stats"].data_vars)
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "time", "region")
    assert list(tree["log_likelihood"]["region"].values) == list("ABC")
    for attribute in (
        "jax_version",
        "seed",
        "engine",
        "wall_time_s",
        "gradient_evaluations",
        "device",
        "data_hash",
    ):
        assert attribute in tree.attrs
    y = tree["log_likelihood"]["y"].values[0, 0]
    x = tree["posterior"]["initial"].values[0, 0, 0]
    tolerance = 1e-3 if "float32" in name else 1e-8
    np.testing.assert_allclose(y, dist.Normal(x, NOISE_SD).log_prob(DATA), rtol=tolerance, atol=tolerance)


def test_arviz_works_on_a_tree_as_it_is(trees):
    tree = trees["nuts dense"]
    assert az.summary(tree).shape[0] == N
    assert np.isfinite(az.loo(tree, var_name="y").elpd)
    # Pairs every prediction with its log likelihood.
    assert 0.3 < float(az.loo_pit(tree)["y"].mean()) < 0.7
    assert float(az.rhat(tree)["initial"].max()) < 1.02


PICTURES = {
    "trace_dist": az.plot_trace_dist,
    "rank": az.plot_rank,
    "ppc_dist": az.plot_ppc_dist,
    "loo_pit": az.plot_loo_pit,
    "forest": az.plot_forest,
    "energy": az.plot_energy,
}


@pytest.mark.parametrize("picture", PICTURES)
def test_arviz_draws_a_tree_as_it_is(trees, picture):
    assert PICTURES[picture](trees["nuts dense"]) is not None
    plt.close("all")


def test_arviz_compares_trees_as_they_are(trees):
    table = az.compare({name: trees[name] for name in ("nuts dense", "svi")}, var_name="y")
    assert set(table.index) == {"nuts dense", "svi"}
    # The same posterior by two engines predicts alike.
    assert abs(table["elpd"].diff().iloc[-1]) < 1.0


def test_posterior_predictive_draws_look_like_the_data(trees):
    y = trees["nuts dense"]["posterior_predictive"]["y"]
    assert float(abs(y.mean(("chain", "draw", "time")).values - DATA.mean(0)).max()) < 0.15
    assert float(y.std()) == pytest.approx(float(np.sqrt(DATA.var(0).mean() + DATA.mean(0).var())), rel=0.25)


def test_every_predictive_draw_is_of_its_own_draw_and_that_of_the_prior_of_the_prior(trees):
    """Each draw's replicated samples have its own initial state as mean."""
    tree = trees["nuts dense"]
    drawn = tree["posterior"]["initial"].sel(draw=tree["posterior_predictive"].draw).values[:, :, 0]
    assert tree["posterior_predictive"]["y"].sizes["draw"] == tree["posterior"].sizes["draw"]
    gap = (tree["posterior_predictive"]["y"].mean("time").values - drawn) / (NOISE_SD / np.sqrt(SAMPLES))
    assert gap.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * gap.size))
    before = tree["prior_predictive"]["y"]
    assert before.sizes["chain"] == 1
    gap = (before.mean("time").values[0] - tree["prior"]["initial"].values[0, : before.sizes["draw"], 0]) / (
        NOISE_SD / np.sqrt(SAMPLES)
    )
    assert gap.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * gap.size))


def test_a_tree_survives_the_disk_and_a_truncated_file_is_named(trees, tmp_path):
    path = nmm.save(trees["nuts dense"], tmp_path / "posterior.nc")
    loaded = nmm.load(path)
    np.testing.assert_array_equal(loaded["posterior"]["initial"], trees["nuts dense"]["posterior"]["initial"])
    assert loaded.attrs["engine"] == trees["nuts dense"].attrs["engine"]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(ValueError, match="truncated or no result file; run the fit again"):
        nmm.load(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        nmm.load(tmp_path / "nothing.nc")


def test_a_failed_save_leaves_what_was_there(trees, tmp_path, monkeypatch):
    path = nmm.save(trees["svi"], tmp_path / "posterior.nc")
    before = path.read_bytes()
    broken = trees["nuts dense"].copy()
    broken["posterior"] = broken["posterior"].to_dataset().assign(bad=("bad", np.array([object()])))
    with pytest.raises((TypeError, ValueError)):
        nmm.save(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_key_gives_the_same_draws():
    engine = nmm.infer.NUTS(draws=20, warmup=20, chains=2, predictive_draws=0)
    first, second, other = (
        engine(conjugate(), DATA, key=jax.random.key(k), progress=False)["posterior"]["initial"].values
        for k in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_ctrl_c_keeps_what_was_drawn(monkeypatch):
    from nmm_infer.infer._mcmc import _chains as chains

    calls = iter(range(100))

    def note(stats):
        if next(calls) == 4:  # the fifth chunk: 25 warmup steps and 75 draws are done before it is counted
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(chains, "_note", note)
    tree = nmm.infer.NUTS(draws=500, warmup=25, chains=2, predictive_draws=0)(
        conjugate(), DATA, key=jax.random.key(0), progress=False
    )
    assert tree.attrs["interrupted"] == 1
    assert tree["posterior"].sizes["draw"] == 75
    assert np.isfinite(tree["posterior"]["initial"]).all()


def test_ctrl_c_during_warmup_says_that_nothing_was_drawn(monkeypatch):
    from nmm_infer.infer._mcmc import _chains as chains

    def note(stats):
        raise KeyboardInterrupt

    monkeypatch.setattr(chains, "_note", note)
    with pytest.raises(KeyboardInterrupt, match="nothing had been drawn"):
        nmm.infer.NUTS(draws=50, warmup=50, chains=2)(
            conjugate(), DATA, key=jax.random.key(0), progress=False
        )


def test_the_next_subject_compiles_nothing_and_keeps_its_own_data():
    problem, others = conjugate(), DATA + 3.0
    ours, theirs = (Target(problem.condition(data)) for data in (DATA, others))
    assert ours.compiled_key is theirs.compiled_key
    compiled = jax.jit(lambda target, x: target.log_density(x))
    for target in (ours, theirs):
        compiled(target, jnp.zeros(N))
    assert compiled._cache_size() == 1
    np.testing.assert_allclose(
        jax.grad(theirs.log_density)(jnp.zeros(N)) - jax.grad(ours.log_density)(jnp.zeros(N)),
        3.0 * SAMPLES / NOISE_SD**2,
    )
    first, second = (SHORT(problem, data, key=0, progress=False) for data in (DATA, others))
    np.testing.assert_allclose(second["observed_data"]["y"], others)
    assert first.attrs["data_hash"] != second.attrs["data_hash"]
    shift = second["posterior"]["initial"].mean(("chain", "draw")) - first["posterior"]["initial"].mean(
        ("chain", "draw")
    )
    np.testing.assert_allclose(
        shift.values.ravel(), 3.0 * SAMPLES / NOISE_SD**2 / PRECISION, atol=6 * SD.max() / np.sqrt(20)
    )
    assert Target(problem.condition(DATA[:, ::-1].copy())).compiled_key is ours.compiled_key


LATER = {
    "log_likelihood",
    "log_prior",
    "observed_data",
    "constant_data",
    "prior",
    "posterior_predictive",
    "prior_predictive",
}
SHORT = nmm.infer.NUTS(draws=20, warmup=20, chains=2, predictive_draws=5)


def fails(error):
    def function(*arguments, **options):
        raise error

    return function


@pytest.mark.parametrize(
    ("part", "error", "lacking"),
    [
        ("pointwise", MemoryError("too much"), {"log_likelihood", "log_prior"}),
        ("_predictive", RuntimeError("of a device"), {"posterior_predictive", "prior_predictive"}),
        ("log_prior", ValueError("of no use"), {"log_prior"}),
        (
            "pointwise",
            KeyboardInterrupt(),
            {
                "log_likelihood",
                "log_prior",
                "observed_data",
                "constant_data",
                "prior",
                "posterior_predictive",
                "prior_predictive",
            },
        ),
        ("_sites", RuntimeError("of a site"), {"posterior", "prior"}),
    ],
)
def test_draws_outlive_what_is_made_of_them(part, error, lacking, trees, monkeypatch, tmp_path):
    """Whatever happens after the last draw, they are handed out, and can be saved."""
    from nmm_infer.infer import _datatree as results

    monkeypatch.setattr(results, part, fails(error))
    with pytest.warns(
        UserWarning, match="the draws are whole, but the result lacks what could not be made of them"
    ):
        tree = SHORT(conjugate(), DATA, key=0, progress=False)
    assert set(trees["nuts dense"].children) - set(tree.children) == lacking
    assert tree["unconstrained_posterior"].sizes["draw"] == 20
    assert (str(error) or "interrupted") in tree.attrs["left_out"]
    assert tree.attrs["interrupted"] == int(isinstance(error, KeyboardInterrupt))
    assert nmm.load(nmm.save(tree, tmp_path / "tree.nc")).attrs["left_out"] == tree.attrs["left_out"]


def test_ctrl_c_waits_for_the_draws(monkeypatch):
    """The second one of an impatient user, while draws are brought into their units."""
    from nmm_infer.infer import _datatree as results

    sites = results._sites

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return sites(*arguments)

    monkeypatch.setattr(results, "_sites", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.warns(UserWarning, match="interrupted"):
        tree = SHORT(conjugate(), DATA, key=0, progress=False)
    assert set(tree.children) == {"posterior", "unconstrained_posterior", "sample_stats"}
    assert tree.attrs["interrupted"] == 1
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("where", ["walls", "stop"])
def test_an_error_on_the_way_keeps_what_was_drawn(where, monkeypatch):
    class Breaks(nmm.infer.stopping.AbstractStop):
        def __call__(self, pieces):
            raise RuntimeError("broken")

    if where == "walls":
        monkeypatch.setattr(Target, "failures", fails(RuntimeError("broken")))
        monkeypatch.setattr(
            _sampler,
            "_to_latent",
            lambda coordinates, x: np.resize(x, (*x.shape[:-2], max(x.shape[-2], 1), x.shape[-1])),
        )
    engine = (
        SHORT
        if where == "walls"
        else nmm.infer.NUTS(draws=50, warmup=25, chains=2, predictive_draws=0, stop=Breaks())
    )
    with pytest.warns(UserWarning, match="RuntimeError: broken"):
        tree = engine(conjugate(), DATA, key=0, progress=False)
    assert tree["posterior"].sizes["draw"] == (20 if where == "walls" else 25)


@pytest.mark.slow
def test_a_model_that_fails_in_part_of_its_prior_is_rejected_there_and_counted():
    """gamma > 0.2 overflows within the simulated time; data say gamma is about -0.05, half of the prior's
    mass fails.
    """
    network = nmm.Network(nmm.models.Linear(gamma=nmm.Prior(dist.Normal(0.0, 4.0))), initial=[[1.0]])
    problem = nmm.Problem(
        network,
        nmm.observe.Subsample(period=20.0),
        nmm.likelihoods.Gaussian(scale=0.1),
        duration=2000.0,
        step=1.0,
    )
    times = 20.0 * np.arange(1, 101)
    data = np.exp(-0.05 * times)[:, None] + 0.1 * RNG.normal(size=(100, 1))
    target = Target(problem.condition(data))
    value, gradient = jax.value_and_grad(target.log_density)(jnp.array([3.0]))
    assert value == -np.inf
    assert gradient == 0.0
    tree = nmm.infer.NUTS(draws=200, warmup=200, chains=2)(
        problem, data, key=jax.random.key(2), progress=False
    )
    gamma = tree["posterior"]["model.gamma"]
    assert np.isfinite(gamma).all()
    assert float(gamma.mean()) == pytest.approx(-0.05, abs=0.03)
    assert tree.attrs["failed_simulations"] > 0
    assert tree.attrs["unstable"] == tree.attrs["zero_density"] == 0


def test_the_guard_turns_nan_into_minus_infinity_without_touching_the_rest():
    f = _guarded(lambda x: jnp.where(x[0] > 1, jnp.nan, -jnp.sum(x**2)))
    assert jax.value_and_grad(f)(jnp.array([2.0, 1.0]))[0] == -jnp.inf
    value, gradient = jax.value_and_grad(f)(jnp.array([0.5, 1.0]))
    assert value == -1.25
    np.testing.assert_allclose(gradient, [-1.0, -2.0])


def test_target_density_is_numpyros_and_starts_come_from_the_prior():
    problem = conjugate()
    target = Target(problem.condition(DATA))
    x = jnp.array([0.3, -0.2, 0.1])
    expected = dist.Normal(0.0, PRIOR_SD).log_prob(x).sum() + dist.Normal(x, NOISE_SD).log_prob(DATA).sum()
    np.testing.assert_allclose(target.log_density(x), expected, rtol=1e-10)
    starts = np.concatenate([target.starts(jax.random.key(k), 8) for k in range(4)])
    # Medians of 15 draws: a spread of about a third of the prior's.
    np.testing.assert_allclose(starts.std(axis=0) / PRIOR_SD, 0.32, atol=0.15)


def test_a_hand_written_model_uses_every_piece():
    """`nmm.sample` inside anyone's own NumPyro model."""
    network = nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal(0.2, 0.05), over="region"), omega=0.3))

    def model(data):
        trajectory = nmm.solve(nmm.sample(network), 40.0, step=0.5)
        numpyro.sample("y", dist.Normal(trajectory.variable("x").values, 0.1), obs=data)

    truth = nmm.solve(nmm.Network(nmm.models.Hopf(a=0.25, omega=0.3)), 40.0, step=0.5).variable("x").values
    mcmc = numpyro.infer.MCMC(numpyro.infer.NUTS(model), num_warmup=150, num_samples=150, progress_bar=False)
    mcmc.run(jax.random.key(0), np.asarray(truth))
    assert mcmc.get_samples()["model.a"].shape == (150, 1)
    assert float(mcmc.get_samples()["model.a"].mean()) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nmm.infer.NUTS(draws=0), r"NUTS\(draws=...\) got 0, expected a whole number of at least 1"),
        (lambda: nmm.infer.NUTS(target_acceptance=1.2), "between 0 and 1"),
        (lambda: nmm.infer.SVI(steps=-1), r"SVI\(steps=...\)"),
        (
            lambda: nmm.infer.NUTS(dtype="float16")(conjugate(), DATA, key=jax.random.key(0), progress=False),
            "expected 'float32' or 'float64'",
        ),
        (lambda: nmm.infer.NUTS()("problem", DATA, key=jax.random.key(0)), "expected an nmm.Problem"),
        (lambda: nmm.infer.NUTS()(conjugate(), DATA * np.nan, key=jax.random.key(0)), "NaN or infinite"),
    ],
)
def test_engines_refuse_nonsense(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


# Short enough that aliasing of what is faster than Nyquist (10 Hz) does not reach the band, which ends at 2
# Hz.
INTERVAL = 50.0


def resting_problem(n_regions=12, noise_sd=0.02):
    connectome = nmm.datasets.desikan_killiany(cortical=True)
    connectome = connectome.select(connectome.labels[:n_regions]).power(0.3).scaled_by_spectral_radius()
    exp = dist.transforms.ExpTransform()
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(jnp.log(300.0), 0.5), over="region")),
        connectome,
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 2.0))),
        noise=nmm.noises.Additive(
            sigma=nmm.Pooled(nmm.Prior(dist.Normal(jnp.log(0.05), 0.5)), 0.4, transform=exp)
        ),
    )
    likelihood = nmm.likelihoods.Spectral(
        band=(0.02e-3, 2e-3), bands=25, noise=noise_sd, repetition_time=INTERVAL
    )
    return nmm.Problem(network, nmm.observe.Subsample(), likelihood)


def test_a_problem_that_does_not_simulate_says_so():
    likelihood = nmm.likelihoods.Spectral(band=(1e-5, 1e-4), bands=4)
    network = nmm.Network(nmm.models.LeakyIntegrator(I=nmm.Prior(dist.Normal())), noise=nmm.noises.Additive())
    with pytest.raises(
        ValueError,
        match=(
            r"Problem.simulate\(...\): the Spectral likelihood does not simulate; .* pass it to nmm.solve"
            r" with a key"
        ),
    ):
        nmm.Problem(network, nmm.observe.Bold(), likelihood).simulate(jax.random.key(0))


def simulate_from_prior(problem, key, samples):
    """Parameters from the prior, and a recording of the stochastic network with them."""
    target_key, noise_key, measurement = jax.random.split(key, 3)
    with numpyro.handlers.seed(rng_seed=target_key):
        trace = numpyro.handlers.trace(lambda: problem.draw()).get_trace()
    values = {name: site["value"] for name, site in trace.items()}
    with numpyro.handlers.substitute(data=values), numpyro.handlers.seed(rng_seed=0):
        network, _, likelihood = problem.draw()
    signal = nmm.solve(
        network,
        INTERVAL * samples,
        step=10.0,
        observe=nmm.observe.Subsample(period=INTERVAL),
        transient=20_000.0,
        key=noise_key,
    )
    data = np.asarray(signal.values)
    return values, data + float(likelihood.noise) * np.asarray(jax.random.normal(measurement, data.shape))


@pytest.mark.slow
def test_regional_parameters_are_recovered_from_a_simulated_resting_state():
    """Simulated in time, fitted in frequency: the two halves of the package check each other."""
    problem = resting_problem()
    values, data = simulate_from_prior(problem, jax.random.key(5), 2400)
    engine = nmm.infer.NUTS(
        draws=200, warmup=200, chains=2, metric=metrics.Laplace(steps=300), predictive_draws=0
    )
    tree = engine(problem, data, key=jax.random.key(0), progress=False)
    tau = tree["posterior"]["model.tau"]
    low, high = (tau.quantile(q, ("chain", "draw")).values for q in (0.01, 0.99))
    truth = np.asarray(values["model.tau"])
    assert np.mean((low < truth) & (truth < high)) >= 0.75  # 98 % intervals of 12 regions: at most 3 outside
    assert np.corrcoef(np.log(truth), np.log(tau.mean(("chain", "draw")).values))[0, 1] > 0.7
    assert int(tree["sample_stats"]["diverging"].sum()) == 0


@pytest.mark.slow
def test_ninety_per_cent_intervals_cover_the_truth_in_sixty_eight_regions():
    """Desikan–Killiany, 68 regions, parameters from the prior: 90 % intervals hold 80–98 % of the regional
    values.
    """
    problem = resting_problem(68)
    values, data = simulate_from_prior(problem, jax.random.key(8), 2400)
    engine = nmm.infer.NUTS(
        draws=150,
        warmup=150,
        chains=2,
        metric=metrics.Laplace(steps=300),
        dtype="float32",
        predictive_draws=0,
    )
    tree = engine(problem, data, key=jax.random.key(0), progress=False)
    covered = []
    for name in ("model.tau", "noise.sigma"):
        low, high = (tree["posterior"][name].quantile(q, ("chain", "draw")).values for q in (0.05, 0.95))
        covered.append(np.mean((low < np.asarray(values[name])) & (np.asarray(values[name]) < high)))
    assert all(0.80 <= share <= 0.98 for share in covered), covered


def test_engines_differ_in_how_they_draw_alone():
    engines = [
        kind
        for kind in vars(nmm.infer).values()
        if inspect.isclass(kind) and issubclass(kind, nmm.infer.AbstractEngine)
    ]
    assert len(engines) > 10
    for kind in engines:
        assert kind.__call__ is nmm.infer.AbstractEngine.__call__, kind.__name__


def test_a_log_likelihood_that_would_fill_the_memory_is_left_out_and_said(monkeypatch):
    from nmm_infer.infer import _datatree as results

    monkeypatch.setattr(results, "POINTWISE", 100)
    engine = nmm.infer.NUTS(draws=20, warmup=10, chains=2, predictive_draws=0)
    with pytest.warns(
        UserWarning,
        match=(
            "one number for each of 40 draws .* 0 million of them.*every"
            f" {int(np.ceil(40 * SAMPLES * N / 100))}th"
        ),
    ):
        tree = engine(conjugate(), DATA, key=jax.random.key(1), progress=False)
    assert "log_likelihood" not in tree.children
    assert tree["posterior"].sizes["draw"] == 20
    assert nmm.check.diagnose(tree).checks
    with pytest.raises(ValueError, match="log_likelihood"):
        nmm.check.compare({"a": tree, "b": tree})


# ---------------------------------------------------------------- what is compiled once


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")
def test_data_of_the_same_shape_share_their_programs_and_others_do_not():
    problem = conjugate()
    key = Target(problem.condition(DATA)).compiled_key
    assert Target(problem.condition(DATA.copy())).compiled_key is key
    assert Target(problem.condition(problem.condition(DATA))).compiled_key is key
    # A program serves all data of the same shape; what they are is an argument of it.
    assert Target(problem.condition(DATA + 0.1)).compiled_key is key
    assert Target(conjugate().condition(DATA)).compiled_key is not key
    with jax.enable_x64(False):
        assert Target(problem.condition(DATA)).compiled_key is not key
    moved = Target(problem.condition(DATA + 0.1))
    x = jnp.zeros(moved.size)
    expected = -0.5 * (((DATA + 0.1) ** 2).sum() - (DATA**2).sum()) / NOISE_SD**2
    assert float(moved.log_density(x) - Target(problem.condition(DATA)).log_density(x)) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    "make", [conjugate, lambda: nmm.NumPyroModel(normal)], ids=["Problem", "NumPyroModel"]
)
def test_what_is_conditioned_is_taken_as_it_is_and_by_another_problem_for_its_data(make):
    problem, other = make(), make()
    conditioned = problem.condition(DATA)
    assert problem.condition(conditioned) is conditioned
    assert Target(conditioned).compiled_key is Target(conditioned).compiled_key
    moved = other.condition(conditioned)
    assert moved.problem is other
    assert moved.fingerprint() == conditioned.fingerprint()
    assert Target(moved).compiled_key is not Target(conditioned).compiled_key


def test_bound_data_are_what_the_likelihood_compares_and_stand_for_the_data():
    problem = conjugate()
    bound = problem.bind(DATA)
    np.testing.assert_array_equal(bound.values, problem.condition(DATA).values)
    assert problem.condition(bound).fingerprint() == problem.condition(DATA).fingerprint()
    x = {"initial": jnp.full((1, N), 0.3)}
    heights = [log_density(problem.model, (data,), {}, x)[0] for data in (bound, DATA)]
    assert heights[0] == heights[1]


def normal(y):
    numpyro.sample("y", dist.Normal(numpyro.sample("x", dist.Normal()), 1.0), obs=y)


def test_a_numpyro_model_shares_its_programs_with_nobody_else():
    problem = nmm.NumPyroModel(normal)
    assert Target(problem.condition(DATA)).compiled_key is not Target(problem.condition(DATA)).compiled_key


def test_a_numpyro_model_is_asked_anew_because_what_it_reads_may_have_changed():
    scale = {"scale": 1.0}

    def model(y):
        x = numpyro.sample("x", dist.Normal(0.0, scale["scale"]))
        numpyro.sample("y", dist.Normal(x, 1.0), obs=y)

    problem, engine = (
        nmm.NumPyroModel(model),
        nmm.infer.Laplace(nmm.infer.MAP(starts=1), draws=500, predictive_draws=0),
    )
    wide = engine(problem, np.float64(4.0), key=jax.random.key(0), progress=False)
    scale["scale"] = 0.1
    narrow = engine(problem, np.float64(4.0), key=jax.random.key(0), progress=False)
    assert float(wide["posterior"]["x"].mean()) == pytest.approx(2.0, abs=0.2)
    assert float(narrow["posterior"]["x"].mean()) == pytest.approx(0.04, abs=0.02)
