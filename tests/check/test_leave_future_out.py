"""Predictions of the future, against a regression whose predictions are known, and the posterior of
the past.
"""

import dataclasses

import arviz as az
import brainunit as u
import densities
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import multivariate_normal

import nmm_infer as nmm
from nmm_infer.check._evidence._truncated_problem import Truncated
from nmm_infer.infer._target import Target

KEY = jax.random.key(0)
ENGINE = nmm.infer.Laplace(nmm.infer.MAP(starts=1), draws=2000, predictive_draws=0)
FIRST = 20

# ---------------------------------------------------------------- the posterior of the past


def driven(likelihood, noise=None):
    pulse = nmm.stimuli.Gaussian(
        amplitude=nmm.Prior(dist.LogNormal(0.0, 0.5)), centre=20 * u.ms, width=10 * u.ms
    )
    connectome = nmm.Connectome(1.0 - np.eye(2), labels=["A", "B"])
    tau = nmm.Prior(dist.LogNormal(jnp.log(20.0), 0.3), over="region")
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=tau),
        connectome,
        nmm.couplings.Additive(G=0.3),
        stimulus=pulse,
        noise=noise,
        initial=np.zeros((1, 2)),
    )
    simulation = (
        {}
        if isinstance(likelihood, nmm.likelihoods.ExtendedKalman)
        else {"duration": 60 * u.ms, "step": 1 * u.ms}
    )
    return nmm.Problem(network, nmm.observe.Subsample(period=5 * u.ms), likelihood, **simulation)


SCALE = nmm.Prior(dist.HalfNormal(0.2))
TIME_COURSES = {
    "Gaussian": lambda: driven(nmm.likelihoods.Gaussian(scale=SCALE)),
    "StudentT": lambda: driven(nmm.likelihoods.StudentT(scale=SCALE, df=4.0)),
    "AR1": lambda: driven(nmm.likelihoods.AR1(scale=SCALE, correlation=nmm.Prior(dist.Uniform(-0.9, 0.9)))),
    "Trials": lambda: driven(nmm.likelihoods.Trials(nmm.likelihoods.Gaussian(scale=SCALE), 3)),
    "ExtendedKalman": lambda: driven(
        nmm.likelihoods.ExtendedKalman(scale=SCALE), nmm.noises.Additive(sigma=0.02)
    ),
}


@pytest.mark.parametrize("name", TIME_COURSES)
def test_the_posterior_of_the_past_is_prior_times_past_and_blind_to_the_future(name):
    problem, n, seen = TIME_COURSES[name](), 12, np.arange(12) < 5
    data = 0.1 * np.random.default_rng(0).normal(size=(3, n, 2) if name == "Trials" else (n, 2))
    conditioned = problem.condition(data)
    target = Target(conditioned)
    past = Target(Truncated(conditioned, target, "time"))
    assert past.conditioned.size == n
    x = target.prior_draw(KEY)
    axis = data.ndim - 2

    @jax.jit
    def densities_of(values):
        given, known = target.given(values), lambda mask: past.given((values, mask))
        pointwise = given.conditioned.log_likelihood(target.constrain(x))["y"].values
        terms = jnp.moveaxis(pointwise, axis, 0)[seen].sum() + target.log_prior(x), given.log_density(x)
        return (
            terms,
            jax.value_and_grad(lambda x: known(jnp.asarray(seen)).log_density(x))(x),
            known(jnp.ones(n, bool)).log_density(x),
        )

    (parts, whole), (value, gradient), everything = densities_of(target.values)
    assert value == pytest.approx(float(parts), rel=1e-6)
    assert everything == pytest.approx(float(whole), rel=1e-6)
    assert float(value) != pytest.approx(float(whole), rel=1e-3)
    changed = np.array(target.values)
    changed[(slice(None),) * axis + (slice(5, None),)] = 7.0
    _, (blind, blind_gradient), other = densities_of(jnp.asarray(changed))
    assert blind == pytest.approx(float(value), rel=1e-6)
    np.testing.assert_allclose(blind_gradient, gradient, rtol=1e-5, atol=1e-6)
    assert other != pytest.approx(float(everything), rel=1e-3)


def test_what_has_no_past_is_refused():
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=20.0),
        nmm.Connectome(1.0 - np.eye(2), labels=["A", "B"]),
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(2.0, 2.0))),
        noise=nmm.noises.Additive(sigma=0.1),
    )
    problem = nmm.Problem(
        network,
        nmm.observe.Subsample(period=10.0),
        nmm.likelihoods.Spectral(band=(1 * u.Hz, 20 * u.Hz), bands=2),
    )
    data = np.random.default_rng(0).normal(size=(200, 2))
    options = {"key": KEY, "min_observations": 10}
    with pytest.raises(ValueError, match=r"expected 'time' among them.*use a likelihood of time courses"):
        nmm.check.leave_future_out(problem, data, ENGINE, **options)
    with pytest.raises(
        ValueError,
        match=(
            r"\(min_observations=60, forecast_horizon=1\) leaves nothing to predict: the data have 60 indices"
            r" of 'time'"
        ),
    ):
        nmm.check.leave_future_out(densities.linear(3), densities.DATA, ENGINE, key=KEY, min_observations=60)
    with pytest.raises(ValueError, match=r"leave_future_out\(forecast_horizon=...\) got 0"):
        nmm.check.leave_future_out(densities.linear(3), densities.DATA, ENGINE, forecast_horizon=0, **options)
    with pytest.raises(TypeError, match=r"leave_future_out\(engine=...\) got str, expected an engine"):
        nmm.check.leave_future_out(densities.linear(3), densities.DATA, "NUTS", **options)


# ---------------------------------------------------------------- predictions


def predicted(k, origin, horizon):
    """Log predictive density of the next samples of the conjugate regression, exactly."""
    X, y = densities.DESIGN[:, :k], densities.DATA
    covariance = np.linalg.inv(np.eye(k) + X[:origin].T @ X[:origin] / densities.NOISE**2)
    mean = covariance @ X[:origin].T @ y[:origin] / densities.NOISE**2
    ahead = X[origin : origin + horizon]
    return multivariate_normal.logpdf(
        y[origin : origin + horizon],
        ahead @ mean,
        ahead @ covariance @ ahead.T + densities.NOISE**2 * np.eye(len(ahead)),
    )


@pytest.fixture(scope="module")
def futures():
    return {
        k: nmm.check.leave_future_out(
            densities.linear(k),
            densities.DATA,
            ENGINE,
            key=KEY,
            min_observations=FIRST,
            forecast_horizon=4,
            progress=False,
        )
        for k in (2, 3)
    }


def test_predictions_are_those_of_the_closed_form(futures):
    # A wrong model (k = 2) is surprised by what comes, and what it makes of that hangs on few of its draws.
    for k, off in ((3, 0.1), (2, 0.8)):
        exact = np.array([predicted(k, origin, 4) for origin in range(FIRST, densities.N - 3)])
        assert futures[k].n_data_points == len(exact)
        np.testing.assert_allclose(futures[k].elpd_i.values, exact, atol=off)
        assert futures[k].n_refits < len(exact)


def test_futures_are_compared_in_stretches_that_do_not_overlap(futures):
    table = nmm.check.compare({f"{k} predictors": one for k, one in futures.items()})
    assert table.best == "3 predictors"
    assert table.observations == 10
    exact = [sum(predicted(k, origin, 4) for origin in range(FIRST, densities.N, 4)) for k in (2, 3)]
    assert table.rows[0].elpd == pytest.approx(exact[1], abs=0.5)
    assert table.rows[1].difference == pytest.approx(exact[0] - exact[1], abs=0.7)
    assert "evidence" not in " ".join(table.notes)
    assert az.compare({"two": futures[2], "three": futures[3]}).index[0] == "three"
    # Nothing else beside them.
    tree = ENGINE(densities.linear(3), densities.DATA, key=KEY, progress=False)
    with pytest.raises(ValueError, match="predictions of the future for a, and none for b"):
        nmm.check.compare({"a": futures[2], "b": tree})
    with pytest.raises(ValueError, match=r"it is leave_future_out\(forecast_horizon=...\)"):
        nmm.check.compare({"a": futures[2], "b": futures[3]}, blocks={"time": 2})
    with pytest.raises(
        ValueError, match=r"20 samples and 4 ahead.*30 samples and 4 ahead.*; expected the same"
    ):
        nmm.check.compare({"a": futures[2], "b": dataclasses.replace(futures[3], min_observations=30)})


def test_fits_share_a_program_are_kept_and_survive_an_interruption(tmp_path):
    """The first run is stopped in its third fit; the second goes on from there without a fit of what was
    done.
    """
    compiled, fits, stop = [], [], [3]
    nuts = nmm.infer.NUTS(draws=100, warmup=100, chains=2, predictive_draws=0)
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: compiled.append(0) if name.endswith("backend_compile_duration") else None
    )

    class Counted(nmm.infer.AbstractEngine):
        dtype: str = "float64"
        predictive_draws: int | None = 0

        def title(self):
            return "Counted()"

        def run(self, target, key, bars):
            fits.append(len(compiled))
            if len(fits) == stop[0]:
                raise KeyboardInterrupt
            return nuts.run(target, key, bars)

    engine = Counted()

    # So low a threshold asks for a fit at every sample.
    problem, first = densities.linear(3), densities.N - 5
    settings = {
        "key": KEY,
        "min_observations": first,
        "path": tmp_path,
        "progress": False,
        "k_threshold": -10.0,
    }
    with pytest.warns(UserWarning, match="interrupted: nothing after the first"):
        partial = nmm.check.leave_future_out(problem, densities.DATA, engine, **settings)
    # All but the first fit find their programs compiled.
    assert fits[0] < fits[1] == fits[2]
    stop[0], before = 0, len(fits)
    found = nmm.check.leave_future_out(problem, densities.DATA, engine, **settings)
    assert len(fits) - before == found.n_refits
    np.testing.assert_array_equal(found.elpd_i.values[: len(partial.elpd_i)], partial.elpd_i.values)
    assert 0 < len(partial.elpd_i) < len(found.elpd_i) == 5
    before = len(fits)
    again = nmm.check.leave_future_out(problem, densities.DATA, engine, **settings)
    assert len(fits) == before
    np.testing.assert_array_equal(again.elpd_i.values, found.elpd_i.values)
    with pytest.raises(ValueError, match=r"holds fits that do not belong to these: .*data was"):
        nmm.check.leave_future_out(problem, densities.DATA + 1.0, engine, **settings)


@pytest.mark.slow
def test_chains_apart_are_named():
    """A posterior of two modes, which short chains do not leave."""

    def squared(y):
        x = numpyro.sample("x", dist.Normal(0.0, 1.5))
        with numpyro.plate("time", 12):
            numpyro.sample("y", dist.Normal(x**2, 0.1), obs=y)

    engine = nmm.infer.NUTS(draws=60, warmup=40, chains=4, predictive_draws=0)
    data = 1.0 + 0.1 * np.random.default_rng(0).normal(size=12)
    with pytest.warns(UserWarning, match=r"of \d+ fits the chains had not converged \(R-hat > 1.1, at most"):
        nmm.check.leave_future_out(
            nmm.NumPyroModel(squared), data, engine, key=KEY, min_observations=6, progress=False
        )
