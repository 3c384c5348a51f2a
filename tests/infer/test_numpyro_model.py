"""Anyone's NumPyro model as a problem: names, data, predictions, errors."""

import arviz as az
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer.infer._target import Target

RNG = np.random.default_rng(5)
TIMES, CHANNELS = 12, ["Fz", "Cz", "Pz"]
VALUES = np.array([0.5, -1.0, 2.0]) + RNG.normal(size=(TIMES, 3))
RECORDING = xr.DataArray(
    VALUES,
    dims=("time", "channel"),
    coords={"time": ("time", 2.0 * np.arange(TIMES), {"units": "ms"}), "channel": CHANNELS},
)


def hierarchy(data):
    """Everything a model may have: plates, a computed site, a factor, a vector-valued site, two observed
    ones.
    """
    sd = numpyro.sample("sd", dist.HalfNormal(1.0))
    with numpyro.plate("channel", data["y"].shape[1]):
        level = numpyro.sample("level", dist.Normal(0.0, 3.0))
        numpyro.deterministic("twice", 2 * level)
    weights = numpyro.sample("weights", dist.Dirichlet(jnp.ones(4)))
    numpyro.factor("preference", -((sd - 1.0) ** 2))
    with (
        numpyro.plate("time", data["y"].shape[0], dim=-2),
        numpyro.plate("channel", data["y"].shape[1], dim=-1),
    ):
        numpyro.sample("y", dist.Normal(level, sd), obs=data["y"])
    numpyro.sample("counts", dist.Multinomial(20, weights), obs=data["counts"])


DATA = {"y": RECORDING, "counts": np.array([3, 5, 2, 10])}


@pytest.fixture(scope="module")
def tree():
    problem = nmm.NumPyroModel(hierarchy, units={"level": "uV", "y": "uV"})
    return nmm.infer.NUTS(draws=150, warmup=150, chains=2, predictive_draws=10)(
        problem, DATA, key=jax.random.key(0), progress=False
    )


def test_sites_have_the_names_of_plates_and_data(tree):
    assert tree["posterior"]["level"].dims == ("chain", "draw", "channel")
    assert tree["posterior"]["twice"].dims == ("chain", "draw", "channel")
    assert list(tree["posterior"]["channel"].values) == CHANNELS
    assert tree["posterior"]["level"].attrs["units"] == "uV"
    assert tree["posterior"]["weights"].dims == ("chain", "draw", "weights_dim_0")
    assert set(tree["posterior"].data_vars) == {"sd", "level", "twice", "weights"}
    np.testing.assert_allclose(tree["posterior"]["twice"], 2 * tree["posterior"]["level"])
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "time", "channel")
    assert tree["log_likelihood"]["counts"].dims == ("chain", "draw")
    assert set(tree["log_likelihood"].data_vars) == {"y", "counts"}
    assert tree.attrs["model"] == "hierarchy"


def test_arviz_and_the_disk_take_it_as_it_is(tree, tmp_path):
    loaded = nmm.load(nmm.save(tree, tmp_path / "fit.nc"))
    for each in (tree, loaded):
        assert az.summary(each).shape[0] == 1 + 3 + 3 + 4
        assert np.isfinite(az.loo(each, var_name="y").elpd)
        for plot in (az.plot_trace_dist, az.plot_rank, lambda each: az.plot_ppc_dist(each, var_names=["y"])):
            assert plot(each) is not None
            plt.close("all")
    assert loaded["posterior"]["level"].attrs["units"] == "uV"
    assert list(loaded["posterior"]["channel"].values) == CHANNELS


def test_data_come_back_as_they_were(tree):
    np.testing.assert_array_equal(tree["observed_data"]["y"], VALUES)
    np.testing.assert_array_equal(tree["observed_data"]["counts"], DATA["counts"])
    assert tree["observed_data"]["y"].attrs["units"] == "uV"
    assert tree["observed_data"]["time"].attrs["units"] == "ms"
    assert list(tree["posterior_predictive"]["channel"].values) == CHANNELS


def test_the_pointwise_log_likelihood_is_numpyros(tree):
    posterior = tree["posterior"].isel(chain=1, draw=7)
    expected = dist.Normal(posterior["level"].values, float(posterior["sd"])).log_prob(VALUES)
    np.testing.assert_allclose(tree["log_likelihood"]["y"].isel(chain=1, draw=7), expected, rtol=1e-10)


def test_predictions_are_drawn_and_not_the_data(tree):
    prior, posterior = (tree[f"{name}_predictive"]["y"] for name in ("prior", "posterior"))
    assert posterior.dims == ("chain", "draw", "time", "channel")
    assert float(abs(posterior.mean(("chain", "draw", "time")) - VALUES.mean(0)).max()) < 0.5
    # The prior of a level has a standard deviation of 3, and the posterior one of 0.3.
    assert float(prior.mean("time").std("draw").min()) > 3 * float(posterior.mean("time").std("draw").max())
    assert np.all(tree["posterior_predictive"]["counts"].sum("counts_dim_0") == 20)


def test_the_density_is_numpyros():
    problem = nmm.NumPyroModel(hierarchy)
    target = Target(problem.condition(DATA))
    plain = {"y": VALUES, "counts": DATA["counts"]}
    info = numpyro.infer.util.initialize_model(jax.random.key(1), hierarchy, model_args=(plain,))
    x = jnp.concatenate([info.param_info.z[name].ravel() for name in sorted(info.param_info.z)])
    np.testing.assert_allclose(target.log_density(x), -info.potential_fn(info.param_info.z), rtol=1e-12)
    sites = target.constrain(x)
    np.testing.assert_allclose(target.flatten(sites), x, rtol=1e-10, atol=1e-10)
    prior = dist.HalfNormal(1.0).log_prob(sites["sd"]) + dist.Normal(0, 3).log_prob(sites["level"]).sum()
    prior += dist.Dirichlet(jnp.ones(4)).log_prob(sites["weights"])
    jacobian = jnp.log(sites["sd"]) + dist.biject_to(dist.constraints.simplex).log_abs_det_jacobian(
        info.param_info.z["weights"], sites["weights"]
    )
    np.testing.assert_allclose(target.log_prior(x), prior + jacobian, rtol=1e-10)


def test_other_data_give_the_density_of_a_new_problem_and_compile_nothing():
    compiled = []

    def model(data):
        compiled.append(1)
        numpyro.sample("y", dist.Normal(numpyro.sample("x", dist.Normal()), 1.0), obs=data)

    problem = nmm.NumPyroModel(model)
    target = Target(problem.condition(np.zeros(4)))
    target.densities(jnp.ones((1, 1)))
    before = len(compiled)
    other = target.given({"y": jnp.arange(4.0)})
    value = other.densities(jnp.ones((1, 1)))[0]
    assert len(compiled) == before
    np.testing.assert_allclose(value, Target(problem.condition(np.arange(4.0))).log_density(jnp.ones(1)))
    assert other.conditioned.fingerprint() != target.conditioned.fingerprint()


def test_data_reach_the_function_as_they_are():
    """Plain Python on the data, as in many a tutorial: numbers of groups are counted, missing values are cut
    out.
    """

    def model(data):
        groups = len(np.unique(data["group"]))
        known = data["y"][~np.isnan(data["y"])]
        with numpyro.plate("group", groups):
            level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(level[data["group"][~np.isnan(data["y"])]], 1.0), obs=known)

    data = {"y": np.array([1.0, np.nan, 2.0, -1.0]), "group": np.array([0, 0, 1, 1])}
    tree = nmm.infer.NUTS(draws=20, warmup=20, chains=1)(
        nmm.NumPyroModel(model, coords={"group": ["a", "b"]}), data, key=jax.random.key(0), progress=False
    )
    assert list(tree["posterior"]["group"].values) == ["a", "b"]
    assert tree["log_likelihood"]["y"].shape == (1, 20, 3)


def test_a_density_without_data_has_no_likelihood():
    def funnel(_):
        v = numpyro.sample("v", dist.Normal(0.0, 1.0))
        numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)).expand([3]).to_event(1))

    tree = nmm.infer.NUTS(draws=20, warmup=20, chains=2)(
        nmm.NumPyroModel(funnel), None, key=jax.random.key(0), progress=False
    )
    assert set(tree.children) == {"posterior", "sample_stats", "unconstrained_posterior", "prior"}
    assert az.summary(tree).shape[0] == 4


def nothing(data):
    numpyro.sample("y", dist.Normal(), obs=data)


def discrete(data):
    numpyro.sample("k", dist.Bernoulli(0.5))
    numpyro.sample("x", dist.Normal())


def improper(data):
    numpyro.sample("x", dist.ImproperUniform(dist.constraints.real, (), ()))


def subsampled(data):
    x = numpyro.sample("x", dist.Normal())
    with numpyro.plate("part", 10, subsample_size=3) as index:
        numpyro.sample("y", dist.Normal(x), obs=data[index])


@pytest.mark.parametrize(
    ("make", "data", "message"),
    [
        (
            lambda: nmm.NumPyroModel("model"),
            None,
            r"NumPyroModel\(function=...\) got str, expected a NumPyro model: a function of the data",
        ),
        (
            lambda: nmm.NumPyroModel(nothing),
            np.zeros(2),
            r"NumPyroModel\(nothing\) has no latent site.*without obs= makes one",
        ),
        (lambda: nmm.NumPyroModel(discrete), None, r"discrete latent sites: k; .* sum them out"),
        (lambda: nmm.NumPyroModel(improper), None, "cannot be drawn from its prior.*proper distribution"),
        (
            lambda: nmm.NumPyroModel(subsampled),
            jnp.zeros(10),
            "plate 'part' draws 3 of 10.*leave subsample_size out",
        ),
        (
            lambda: nmm.NumPyroModel(hierarchy, units={"levels": "mV"}),
            DATA,
            r"NumPyroModel\(units=...\) names levels, but the sites of hierarchy are sd",
        ),
        (
            lambda: nmm.NumPyroModel(hierarchy, dims={"y": ("time",)}),
            DATA,
            r"gives \('time',\) for 'y', whose shape is \(12, 3\)",
        ),
    ],
)
def test_what_cannot_be_used_is_named(make, data, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make().condition(data)


def test_a_bare_function_is_told_how_to_become_a_problem():
    with pytest.raises(
        TypeError,
        match=(
            r"got function, expected an nmm.Problem or an nmm.NumPyroModel; a NumPyro model is"
            r" nmm.NumPyroModel\(hierarchy\)"
        ),
    ):
        nmm.infer.NUTS()(hierarchy, DATA, key=jax.random.key(0))
