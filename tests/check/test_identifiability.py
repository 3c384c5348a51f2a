"""Fisher's information against closed forms, and what is said of combinations that data do not see."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm
from nmm_infer._distributions._complex_normal import ComplexNormal
from nmm_infer.check._identifiability._fisher import _by_jacobian, _by_scores, closed_form
from nmm_infer.check._identifiability._identifiability import varimax
from nmm_infer.infer._target import Target

T = jnp.arange(6.0)
SIGMA = 0.5
SHAPE = np.zeros(6)


def product(data):
    """Only the product of a and b is seen, c is, and d is not."""
    a, b = (numpyro.sample(name, dist.LogNormal(0.0, 0.5)) for name in "ab")
    c, _ = (numpyro.sample(name, dist.Normal(0.0, 1.0)) for name in "cd")
    numpyro.sample("y", dist.Normal(a * b * T + c, SIGMA), obs=data)


@pytest.fixture(scope="module")
def seen():
    return nmm.check.identifiability(nmm.NumPyroModel(product), SHAPE, at={"a": 1.5, "b": 0.8, "c": 0.3})


def test_bounds_are_those_of_linear_regression(seen):
    # By log a and by log b the prediction changes by a b t, by c by 1.
    design = np.stack([1.2 * np.asarray(T), np.ones(6)])
    F = design @ design.T / SIGMA**2
    data = seen.data
    assert float(data["se"].sel(parameter="c")) == pytest.approx(np.sqrt(np.linalg.inv(F)[1, 1]), rel=1e-6)
    assert np.isinf(data["se"].sel(parameter=["a", "b", "d"])).all()
    full = np.zeros((4, 4))
    full[np.ix_([0, 1, 2], [0, 1, 2])] = np.array(
        [[F[0, 0], F[0, 0], F[0, 1]], [F[0, 0], F[0, 0], F[0, 1]], [F[0, 1], F[0, 1], F[1, 1]]]
    )
    together = np.linalg.inv(full + np.diag([4.0, 4.0, 1.0, 1.0]))
    # The prior's precision is that of 4000 draws.
    slopes = np.array([1.5, 0.8, 1.0, 1.0])
    np.testing.assert_allclose(data["se_with_prior"].values, np.sqrt(together.diagonal()) * slopes, rtol=0.06)
    assert float(data["contraction"].sel(parameter="d")) == pytest.approx(0.0, abs=0.01)


def test_unseen_combinations_are_named(seen):
    worst = seen.directions()[:2]
    assert {direction.words for direction in worst} == {
        "only a × b is seen, a and b cannot be told apart",
        "d itself",
    }
    assert all(direction.eigenvalue < 1e-8 for direction in worst)
    assert seen.informed == 2
    text = str(seen)
    assert text.startswith(
        "Data of this kind know 2 of 4 combinations of parameters better than the prior does, at the given"
        " point."
    )
    assert "Expected to keep their prior: d." in text


def test_a_ratio_is_named():
    def ratio(data):
        a, b = (numpyro.sample(name, dist.LogNormal(0.0, 0.5)) for name in "ab")
        numpyro.sample("y", dist.Normal(a / b * T, SIGMA), obs=data)

    found = nmm.check.identifiability(nmm.NumPyroModel(ratio), SHAPE, draws=4)
    assert found.directions()[0].words in (
        "only a / b is seen, a and b cannot be told apart",
        "only b / a is seen, b and a cannot be told apart",
    )
    assert "on average over the prior" in str(found)


def student(data):
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    s = numpyro.sample("s", dist.LogNormal(0.0, 0.3))
    numpyro.sample("y", dist.StudentT(4.0, a * T, s), obs=data)


def gaussian(data):
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    s = numpyro.sample("s", dist.LogNormal(0.0, 0.3))
    numpyro.sample("y", dist.Normal(a, s).expand([6]).to_event(1), obs=data)


def multivariate(data):
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    s = numpyro.sample("s", dist.LogNormal(0.0, 0.3))
    covariance = s**2 * jnp.exp(-jnp.abs(T[:, None] - T) / 2.0)
    numpyro.sample("y", dist.MultivariateNormal(a * T, covariance_matrix=covariance), obs=data)


def spectral(data):
    a = numpyro.sample("a", dist.LogNormal(0.0, 0.3))
    s = numpyro.sample("s", dist.LogNormal(0.0, 0.3))
    mixing = jnp.array([[1.0, 0.3j], [-0.3j, 2.0]])
    S = s * jnp.eye(2) + a * mixing * jnp.array([1.0, 0.5])[:, None, None]
    numpyro.sample("y", ComplexNormal(S, 3), obs=data)


@pytest.mark.parametrize(
    ("model", "shape"),
    [(student, SHAPE), (gaussian, SHAPE), (multivariate, SHAPE), (spectral, np.zeros((2, 3, 2), complex))],
    ids=["Student t", "normal", "multivariate", "complex"],
)
def test_closed_forms_are_the_mean_of_the_scores_outer_products(model, shape):
    problem = nmm.NumPyroModel(model)
    target = Target(problem.condition(shape))
    assert closed_form(target)
    x = jnp.array([0.4, -0.2])
    exact = _by_jacobian(target)(x)
    n = 40_000
    estimated = _by_scores(target)(x, jax.random.split(jax.random.key(0), n))
    # An outer product of scores has a standard deviation of about twice its mean (more for the heavy tails of
    # their squares).
    np.testing.assert_allclose(estimated, exact, atol=float(8 * np.abs(exact).max() / np.sqrt(n)))
    assert float(exact[1, 1]) > 0


def test_other_likelihoods_are_simulated():
    def poisson(data):
        rate = numpyro.sample("rate", dist.LogNormal(1.0, 0.2))
        numpyro.sample("y", dist.Poisson(rate).expand([6]), obs=data)

    found = nmm.check.identifiability(nmm.NumPyroModel(poisson), np.full(6, 3), at={"rate": 3.0})
    assert found.data.attrs["closed_form"] == 0
    # n/λ by λ.
    assert float(found.data["se"][0]) == pytest.approx(np.sqrt(3.0 / 6), rel=0.1)


def test_symmetries_of_the_erp_model_are_found():
    """g_4 and h_i enter as their product alone."""
    defaults = {name: slot.default for name, slot in nmm.models.ERP.parameters().items()}
    priors = {
        name: nmm.Prior(dist.LogNormal(np.log(defaults[name]), 0.1))
        for name in ("g_4", "h_i", "tau_e", "delta")
    }
    likelihood = nmm.likelihoods.Gaussian(scale=0.1)
    problem = nmm.Problem(
        nmm.Network(nmm.models.ERP(**priors)),
        nmm.observe.Subsample(period=4.0),
        likelihood,
        duration=200.0,
        step=0.5,
    )
    found = nmm.check.identifiability(problem, draws=3)
    assert found.directions()[0].words in (
        "only model.g_4 × model.h_i is seen, model.g_4 and model.h_i cannot be told apart",
        "only model.h_i × model.g_4 is seen, model.h_i and model.g_4 cannot be told apart",
    )
    assert found.directions()[1].eigenvalue > 1.0
    axes = nmm.viz.identifiability(found.data)
    assert len(axes) == 2
    assert [label.get_text() for label in axes[1].get_yticklabels()] == [
        "model.delta",
        "model.g_4",
        "model.h_i",
        "model.tau_e",
    ]
    plt.close("all")


def test_varimax_finds_the_simple_directions():
    simple = np.zeros((6, 2))
    simple[[0, 1], 0] = 1 / np.sqrt(2)
    simple[[3, 4, 5], 1] = 1 / np.sqrt(3)
    angle = 0.7
    mixed = simple @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = np.abs(varimax(mixed))
    np.testing.assert_allclose(np.sort(found, axis=1), np.sort(simple, axis=1), atol=1e-6)


DATA = 1.2 * np.asarray(np.arange(6.0)) + 0.3 + SIGMA * np.random.default_rng(0).normal(size=6)


@pytest.fixture(scope="module")
def profiles():
    return {
        name: nmm.check.profile(nmm.NumPyroModel(product), DATA, name, points=15, progress=False)
        for name in ("a", "c")
    }


def test_a_profile_of_regression_is_its_t_interval(profiles):
    low, high = profiles["c"].interval
    design = np.stack([np.arange(6.0), np.ones(6)])
    covariance = SIGMA**2 * np.linalg.inv(design @ design.T)
    best = np.linalg.lstsq(design.T, DATA, rcond=None)[0][1]
    half = 1.95996 * np.sqrt(covariance[1, 1])
    # Linear interpolation of a parabola on a grid of 0.4.
    assert low == pytest.approx(best - half, abs=0.05)
    assert high == pytest.approx(best + half, abs=0.05)
    assert str(profiles["c"]).startswith("c is identified")


def test_a_grid_that_steps_over_the_interval_is_made_finer(profiles):
    low, high = profiles["c"].interval
    coarse = nmm.check.profile(nmm.NumPyroModel(product), DATA, "c", points=7, width=40.0, progress=False)
    assert coarse.interval == pytest.approx((low, high), abs=0.05)
    height = coarse.data["log_likelihood"].values
    assert (height > -4).sum() >= 7
    ax = nmm.viz.profile(coarse.data)
    left, right = ax.get_xlim()
    assert right - left < 10 * (high - low)
    plt.close("all")


def test_a_profile_that_never_falls_says_so(profiles):
    assert "a is not identified by these data" in str(profiles["a"])
    assert profiles["a"].interval == (-np.inf, np.inf)
    assert float(profiles["a"].data["log_likelihood"].min()) > -0.01
    ax = nmm.viz.profile(profiles["a"].data)
    assert ax.get_xlabel() == "a"
    plt.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nmm.check.identifiability(nmm.NumPyroModel(product), SHAPE, at={"z": 1.0}),
            r"identifiability\(at=...\) names z, but the unknowns are a, b, c, d",
        ),
        (
            lambda: nmm.check.identifiability(nmm.NumPyroModel(product), SHAPE, at={"a": [1.0, 2.0]}),
            r"has shape \(2,\) for 'a', expected \(\)",
        ),
        (
            lambda: nmm.check.identifiability(nmm.NumPyroModel(product), SHAPE, at=3.0),
            "expected values by site or the result of an engine",
        ),
        (lambda: nmm.check.identifiability(product), "got function"),
        (
            lambda: nmm.check.profile(nmm.NumPyroModel(product), DATA, "G"),
            r"profile\(parameter=...\) got 'G', expected one of a, b, c, d",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
