"""What the prior does to a conjugate posterior, in closed form."""

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import trees

import nmm_infer as nmm

N, NOISE, DATA = 10, 1.0, np.full(10, 0.4)


def model(data):
    """`known` has much data, `fought` a narrow prior far from its data, `free` none."""
    known = numpyro.sample("known", dist.Normal(0.0, 10.0))
    fought = numpyro.sample("fought", dist.Normal(3.0, 0.3))
    numpyro.sample("free", dist.LogNormal(0.5, 0.2))
    numpyro.sample("y", dist.Normal(known, NOISE), obs=data)
    numpyro.sample("z", dist.Normal(fought, NOISE), obs=data)


PROBLEM = nmm.NumPyroModel(model)


@pytest.fixture(scope="module")
def tree():
    return nmm.infer.NUTS(draws=1000, warmup=300, chains=4, predictive_draws=0)(
        PROBLEM, DATA, key=jax.random.key(0), progress=False
    )


@pytest.fixture(scope="module")
def sensed(tree):
    return nmm.check.sensitivity(tree, PROBLEM, DATA)


def test_the_log_prior_of_every_draw_is_stored(tree):
    posterior, log_prior = tree["posterior"], tree["log_prior"]
    assert set(log_prior.data_vars) == {"known", "fought", "free"}
    np.testing.assert_allclose(
        log_prior["free"], dist.LogNormal(0.5, 0.2).log_prob(posterior["free"].values), rtol=1e-5
    )


def test_each_parameter_is_judged(sensed):
    verdicts = {row.label: row.verdict for row in sensed.table()}
    assert verdicts == {
        "known": "as it should be",
        "fought": "prior-data conflict",
        "free": "strong prior, weak data",
    }
    text = str(sensed)
    assert "Prior and data pull in different directions, or both are strong, at fought" in text
    assert "The prior is stronger than the data at free: report that the prior decides there." in text


def test_derivatives_by_hyperparameters_are_the_conjugate_ones(sensed):
    shift = sensed.data["shift"]
    assert set(shift["hyperparameter"].values) == {
        f"{name}.{argument}" for name in ("known", "fought", "free") for argument in ("loc", "scale")
    }
    precision = 1 / 0.3**2 + N / NOISE**2
    sd = precision**-0.5
    # The mean is (μ/τ² + Σ y/σ²)/precision; its derivative by μ, in units of τ, and by log τ, in posterior
    # standard deviations.
    by_loc = 0.1 * 0.3 / 0.3**2 / precision / sd
    mean = (3.0 / 0.3**2 + DATA.sum() / NOISE**2) / precision
    by_scale = 0.1 * 2 / 0.3**2 * (mean - 3.0) / precision / sd
    found = shift.sel(parameter="fought")
    # A covariance of 4000 draws worth about 2000.
    assert float(found.sel(hyperparameter="fought.loc")) == pytest.approx(by_loc, rel=0.1)
    assert float(found.sel(hyperparameter="fought.scale")) == pytest.approx(by_scale, rel=0.15)
    assert float(shift.sel(parameter="free", hyperparameter="free.loc")) == pytest.approx(0.1, rel=0.15)
    assert float(shift.sel(parameter="known", hyperparameter="fought.loc")) == pytest.approx(0.0, abs=0.01)
    assert "Raising fought.scale by a tenth moves fought by" in str(sensed)


def test_drawn_arguments_are_no_hyperparameters():
    def hierarchy(data):
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0))
        with numpyro.plate("region", 3):
            x = numpyro.sample("x", dist.Normal(mean, 0.5))
        numpyro.sample("y", dist.Normal(x, 1.0).to_event(1), obs=data)

    problem = nmm.NumPyroModel(hierarchy)
    data = np.array([0.1, 0.5, -0.2])
    tree = nmm.infer.NUTS(draws=200, warmup=200, chains=2, predictive_draws=0)(
        problem, data, key=jax.random.key(1), progress=False
    )
    found = nmm.check.sensitivity(tree, problem, data)
    assert set(found.data["hyperparameter"].values) == {"mean.loc", "mean.scale", "x.scale"}
    assert [row.label for row in found.table()] == ["mean", "x[0]", "x[1]", "x[2]"]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(
        ValueError,
        match=(
            r"needs the groups log_prior and log_likelihood, this tree has no log_prior and no log_likelihood"
        ),
    ):
        nmm.check.sensitivity(trees.good())


def test_too_few_draws_are_named(tree):
    few = trees.changed(
        tree,
        **{
            name: tree[name].to_dataset().isel(draw=slice(0, 20))
            for name in ("posterior", "log_prior", "log_likelihood")
        },
    )
    found = nmm.check.sensitivity(few)
    assert str(found).startswith("Not available: too few draws to reweight, at least 100 are needed")
    assert {row.verdict for row in found.table()} == {"too few draws"}
