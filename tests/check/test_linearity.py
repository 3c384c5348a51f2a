"""Networks whose linearisation is right, and wrong, and posteriors that are told so."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer.check._identifiability._fisher import informer
from nmm_infer.check._labels import Labels
from nmm_infer.check._linearity._linearity import _dataset, coverage
from nmm_infer.check._linearity._linearity_report import BIAS, COVERAGE, Linearity
from nmm_infer.infer._engine import precision
from nmm_infer.infer._target import Target

RNG = np.random.default_rng(0)
Normal, LogNormal = dist.Normal, dist.LogNormal


def gaussian(problem, shape, at, draws=400):
    """The tree of a Gaussian posterior around `at` with the information that data of this shape are expected
    to hold: no data, no search.
    """
    data = RNG.normal(size=shape)
    with precision("float64"):
        target = Target(problem.condition(data))
        centre = target.flatten({name: jnp.asarray(value, float) for name, value in at.items()})
        information = informer(target, jax.random.key(0))(np.asarray(centre)) - np.asarray(
            jax.jit(jax.hessian(target.log_prior))(centre)
        )
        x = (
            np.asarray(centre)
            + RNG.normal(size=(1, draws, target.size)) @ np.linalg.cholesky(np.linalg.inv(information)).T
        )
        dims = target.conditioned.site_dims()

        def group(sites):
            return xr.Dataset(
                {
                    name: (("chain", "draw", *dims[name][: values.ndim - 2]), np.asarray(values))
                    for name, values in sites.items()
                }
            )

        unconstrained = jax.vmap(jax.vmap(target.unravel))(jnp.asarray(x))
        groups = {
            "posterior": group(target.constrain_all(jnp.asarray(x))),
            "unconstrained_posterior": group(unconstrained),
        }
        return xr.DataTree.from_dict({**groups, "constant_data": target.conditioned.constant_data()})


def leaky(likelihood, observe=None, n=2):
    """Linear from end to end."""
    connectome = nmm.Connectome(np.ones((n, n)) - np.eye(n), labels=[f"R{i}" for i in range(n)])
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(LogNormal(np.log(20.0), 0.5), over="region")),
        connectome,
        nmm.couplings.Additive(G=0.3),
        noise=nmm.noises.Additive(sigma=nmm.Prior(LogNormal(np.log(0.1), 0.5))),
    )
    return nmm.Problem(network, observe or nmm.observe.Subsample(), likelihood), {
        "model.tau": np.full(n, 20.0),
        "noise.sigma": 0.1,
    }


def spectral(**options):
    return nmm.likelihoods.Spectral(
        **{"band": (1e-3, 20e-3), "bands": 10, "nodes": 3, "repetition_time": 4.0, **options}
    )


@pytest.fixture(scope="module")
def linear():
    problem, at = leaky(spectral(noise=0.05, global_signal=0.2))
    return nmm.check.linearity(problem, gaussian(problem, (2000, 2), at), recordings=100, progress=False)


def hopf(sigma, a=-0.02):
    model = nmm.models.Hopf(a=nmm.Prior(Normal(a, 0.01)), omega=nmm.Prior(Normal(0.2, 0.02)))
    network = nmm.Network(model, noise=nmm.noises.Additive(sigma=nmm.Prior(LogNormal(np.log(sigma), 0.5))))
    likelihood = spectral(band=(0.012, 0.052), bands=10, nodes=4, repetition_time=2.0)
    return nmm.Problem(network, nmm.observe.Subsample(), likelihood), {
        "model.a": a,
        "model.omega": 0.2,
        "noise.sigma": sigma,
    }


def checked(sigma, recordings=60):
    problem, at = hopf(sigma)
    return nmm.check.linearity(
        problem, gaussian(problem, (2000, 1), at), recordings=recordings, progress=False
    )


@pytest.fixture(scope="module")
def noisy():
    return checked(0.02)


def test_coverage_of_an_interval():
    assert coverage(0.0, 1.0) == pytest.approx(0.9)
    assert coverage(BIAS, 1.0) == pytest.approx(0.858, abs=1e-3)
    assert coverage(0.0, 2.0) == pytest.approx(0.589, abs=1e-3)


def test_peaks_are_looked_for_once(monkeypatch):
    """Which costs more than a simulation where networks are large; recordings are bound by the dozen."""
    problem, _ = hopf(0.01)
    unsaid = nmm.Problem(
        problem.network,
        problem.observe,
        spectral(band=(0.012, 0.052), bands=10, nodes=None, repetition_time=2.0),
    )
    data = RNG.normal(size=(2000, 1))
    observed = unsaid.condition(data).observed
    assert observed.nodes.shape[1] > 1
    settled = nmm.Problem(unsaid.network, unsaid.observe, unsaid.likelihood.settled(observed))
    monkeypatch.setattr("nmm_infer.likelihoods._linearised._spectral.nodes_needed", None)
    np.testing.assert_array_equal(settled.condition(data).observed.nodes, observed.nodes)
    covariance = nmm.likelihoods.Covariance(repetition_time=20.0)
    assert covariance.settled(None) is covariance


def test_a_linear_network_passes(linear):
    assert linear.ok, linear
    assert [row.label for row in linear.table()] == ["model.tau[R0]", "model.tau[R1]", "noise.sigma"]
    for row in linear.table():
        # Its own twin: nothing is left but what a ten-thousandth of the noise leaves.
        assert abs(row.by_linearisation) < 1e-3
        assert abs(row.bias) < 3 * row.bias_error
        assert abs(row.coverage - 0.9) < 3.5 * row.coverage_error
        assert row.bias_error == pytest.approx(0.1, abs=0.04)
    assert str(linear).startswith(
        "The linearisation of Spectral is good enough here: no estimate is off by more than 0."
    )
    np.testing.assert_allclose(linear.ratio("power"), 1.0, atol=0.08)


@pytest.mark.slow
def test_data_of_the_likelihood_itself_are_the_control(linear):
    control = linear.data.sel(kind="predicted")
    assert (np.abs(control["bias"]) < 3.5 * control["bias_error"]).all()
    np.testing.assert_allclose(control["spread"], 1.0)


@pytest.mark.slow
def test_strong_noise_near_a_bifurcation_fails(noisy):
    assert not noisy.ok
    rows = {row.label: row for row in noisy.table()}
    # What grows is damped by β r²: the network looks farther from its bifurcation than it is.
    assert rows["model.a"].verdict == "bad"
    assert rows["model.a"].by_linearisation < -2 * BIAS
    assert rows["model.a"].coverage < COVERAGE[0]
    text = " ".join(str(noisy).split())
    assert text.startswith("Do not rely on this posterior: the linearisation is not good enough here.")
    assert "model.a (-" in text
    assert "nmm.likelihoods.Features, ExtendedKalman or LatentPath" in text


@pytest.mark.slow
def test_it_is_drawn(linear, noisy):
    for result in (linear, noisy):
        left, right = nmm.viz.linearity(result.data)
        assert left.get_xlabel() == "frequency (Hz)"
        assert [label.get_text() for label in right.get_yticklabels()] == [
            row.label for row in result.table()
        ]
    with pytest.raises(ValueError, match=r"pass nmm\.check\.linearity"):
        nmm.viz.linearity(linear.data[["fc"]])
    plt.close("all")


def of_shifts(recordings, parameters, seed, bias=0.0, spread=1.0):
    """A result whose estimates scatter as they should, but for the first parameter."""
    rng = np.random.default_rng(seed)
    simulated, linear, *drawn = rng.normal(scale=0.95, size=(2 + 4, recordings, parameters))
    simulated[:, 0] = bias + spread * simulated[:, 0]
    names = [f"x[{i}]" for i in range(parameters)]
    labels = Labels(tuple(names), ("x",) * parameters, tuple(str(i) for i in range(parameters)))
    data = _dataset(np.stack([simulated, linear]), np.stack(drawn), labels, {}, {})
    data.attrs.update(
        recordings=recordings,
        failed=0,
        left=0,
        reason="",
        step=1.0,
        transient=1.0,
        length=1e3,
        likelihood="Spectral",
    )
    return Linearity(data)


def test_chance_among_many_parameters_is_no_verdict():
    """Of 136 numbers at 30 recordings some look off; nothing is."""
    assert sum(of_shifts(30, 136, seed).ok for seed in range(20)) >= 18


def test_one_of_many_that_is_off_is_found():
    for wrong in ({"bias": 1.8}, {"bias": -1.8}, {"spread": 2.5}):
        found = of_shifts(100, 136, 0, **wrong)
        assert not found.ok
        assert [row.label for row in found.table() if row.verdict == "bad"] == ["x[0]"]


def altered(result, **attrs):
    data = result.data.copy()
    data.attrs = {**data.attrs, **attrs}
    return Linearity(data)


@pytest.mark.slow
def test_lost_simulations_are_named(linear):
    lost = altered(linear, left=7, failed=1, reason="they diverge")
    assert not lost.ok
    assert lost.lost == 8
    text = " ".join(str(lost).split())
    assert "7 of 100 simulations left the fixed point that was linearised" in text
    assert "1 of 100 simulations failed (they diverge)" in text


@pytest.mark.slow
def test_few_recordings_tell_nothing(linear):
    data = linear.data.copy()
    data["bias_error"] = 3.0 * data["bias_error"]
    vague = Linearity(data)
    assert not vague.ok
    assert vague.verdict.startswith("Cannot tell")


def test_errors_say_what_to_do(linear):
    problem, at = leaky(spectral())
    tree = gaussian(problem, (400, 2), at, draws=10)
    evoked = nmm.Problem(
        nmm.Network(nmm.models.LeakyIntegrator(tau=nmm.Prior(LogNormal(3.0, 0.5)))),
        nmm.observe.Subsample(period=1.0),
        nmm.likelihoods.Gaussian(scale=0.1),
        duration=10.0,
        step=1.0,
    )
    with pytest.raises(TypeError, match="got the likelihood Gaussian, expected Spectral or Covariance"):
        nmm.check.linearity(evoked, tree)
    with pytest.raises(TypeError, match=r"expected an nmm\.Problem"):
        nmm.check.linearity(lambda: None, tree)
    with pytest.raises(ValueError, match="got 3 draws of 3 unknowns, expected at least 5"):
        nmm.check.linearity(
            problem,
            xr.DataTree.from_dict(
                {
                    name: (
                        child.to_dataset().isel(draw=slice(3)) if "draw" in child.dims else child.to_dataset()
                    )
                    for name, child in tree.children.items()
                }
            ),
        )
    with pytest.raises(ValueError, match="the problem has the unknowns"):
        nmm.check.linearity(leaky(spectral(), n=3)[0], tree, np.zeros((400, 3)) + RNG.normal(size=(400, 3)))
    with pytest.raises(ValueError, match=r"pass data="):
        nmm.check.linearity(
            problem,
            xr.DataTree.from_dict(
                {name: tree[name].to_dataset() for name in ("posterior", "unconstrained_posterior")}
            ),
        )
    tree.attrs["data_hash"] = "other"
    with pytest.raises(ValueError, match="fitted to data with hash other"):
        nmm.check.linearity(problem, tree, RNG.normal(size=(400, 2)))


@pytest.mark.slow
def test_little_noise_passes():
    quiet = checked(5e-4, recordings=100)
    assert quiet.ok, quiet
    assert all(abs(row.by_linearisation) < 0.1 for row in quiet.table())


@pytest.mark.parametrize(
    ("likelihood", "observe", "shape"),
    [
        pytest.param(
            nmm.likelihoods.Covariance(noise=0.05, repetition_time=40.0),
            None,
            (1500, 2),
            id="covariance",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            nmm.likelihoods.Covariance(lags=(0.0, 20.0), repetition_time=20.0),
            None,
            (3000, 2),
            id="lags",
            marks=pytest.mark.by_hand,
        ),
        pytest.param(
            spectral(noise=0.02, estimator=nmm.likelihoods.Multitaper(segment=2000.0)),
            nmm.observe.LeadField(RNG.normal(size=(4, 2)), average_reference=True),
            (2000, 4),
            id="sensors",
            marks=pytest.mark.by_hand,
        ),
        pytest.param(spectral(), None, (5, 400, 2), id="trials", marks=pytest.mark.by_hand),
    ],
)
def test_every_form_of_data(likelihood, observe, shape):
    problem, at = leaky(likelihood, observe)
    found = nmm.check.linearity(problem, gaussian(problem, shape, at), recordings=60, progress=False)
    assert all(abs(row.by_linearisation) < 1e-2 for row in found.table()), found
    control = found.data.sel(kind="predicted")
    assert (np.abs(control["bias"]) < 4 * control["bias_error"]).all()
    nmm.viz.linearity(found.data)
    plt.close("all")


@pytest.mark.slow
def test_blood_flow_has_a_working_point():
    """BOLD that is driven from rest responds about another point than the likelihood takes: the linear twin
    is off, too.
    """
    problem, at = leaky(
        nmm.likelihoods.Spectral(band=(0.01e-3, 0.1e-3), bands=6, repetition_time=1000.0), nmm.observe.Bold()
    )
    found = nmm.check.linearity(problem, gaussian(problem, (200, 2), at), recordings=20, progress=False)
    assert found.data.attrs["transient"] > 30_000
    assert found.data.attrs["step"] <= 2.0


@pytest.mark.slow
def test_simulations_that_diverge_are_no_crash():
    problem, at = hopf(5.0)
    with pytest.raises(
        ValueError, match=r"simulations at draws of the posterior are of no use \(they diverge\)"
    ):
        nmm.check.linearity(
            problem, gaussian(problem, (1000, 1), at), recordings=10, step=2.0, progress=False
        )
