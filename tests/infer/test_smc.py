"""Evidence, several modes, stacking and comparison against what is known exactly."""

import densities
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

import nmm_infer as nmm
from nmm_infer.infer._smc._tempering import Settings, Tempering, evidence

KEY = jax.random.key(0)
MEAN, SD = jnp.arange(5) * 0.5, 0.1


def log_prior(x):
    return norm.logpdf(x).sum()


def log_density(x):
    return log_prior(x) + norm.logpdf(MEAN, x, SD).sum()


@pytest.fixture(scope="module")
def gaussian():
    """Twenty populations on a Gaussian in five dimensions."""
    tempering = Tempering(log_prior, log_density, Settings(moves=5, ess=0.5, batch=250))
    return [
        tempering.run(jax.random.key(100 + k), jax.random.normal(jax.random.key(k), (500, 5)), lambda _: None)
        for k in range(20)
    ]


def test_the_evidence_is_unbiased_and_its_error_right(gaussian):
    exact = float(norm.logpdf(MEAN, 0.0, jnp.sqrt(1 + SD**2)).sum())
    z = np.exp([population.log_evidence - exact for population in gaussian])
    assert z.std() < 0.3
    assert z.mean() == pytest.approx(1.0, abs=4 * z.std() / np.sqrt(20))
    value, error = evidence(np.array([population.log_evidence for population in gaussian]))
    assert value == pytest.approx(exact, abs=4 * error)
    assert error == pytest.approx(z.std(ddof=1) / z.mean() / np.sqrt(20))


def test_particles_have_mean_and_width_of_the_posterior(gaussian):
    x = np.concatenate([population.positions for population in gaussian])
    sd = 1 / np.sqrt(1 + 1 / SD**2)
    # 10 000 particles, of which relatives resemble each other: worth 2000 at least.
    np.testing.assert_allclose((x.mean(0) - MEAN / (1 + SD**2)) / sd, 0.0, atol=4 / np.sqrt(2000))
    np.testing.assert_allclose(x.std(0) / sd, 1.0, atol=4 / np.sqrt(4000))
    for population in gaussian:
        assert population.temperatures[-1] == 1.0
        assert np.all(np.diff(population.temperatures) > 0)


def test_an_unnormalised_failure_of_the_model_is_part_of_the_evidence():
    """The model fails for x < 0, which is half of the prior; the likelihood is 1 elsewhere: the evidence is
    1/2.
    """
    tempering = Tempering(
        log_prior, lambda x: jnp.where(x[0] > 0, log_prior(x), -jnp.inf), Settings(5, 0.5, 250)
    )
    population = tempering.run(KEY, jax.random.normal(jax.random.key(1), (2000, 1)), lambda _: None)
    assert population.log_evidence == pytest.approx(np.log(0.5), abs=4 / np.sqrt(2000))
    assert np.all(population.positions > 0)
    # A half normal: mean sqrt(2/pi).
    assert population.positions.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.08)


@pytest.fixture(scope="module")
def bimodal():
    return nmm.infer.SMC(particles=1000, chains=4)(
        nmm.NumPyroModel(densities.squared), 4.0, key=KEY, progress=False
    )


def test_both_modes_come_out_with_their_weights(bimodal):
    log_evidence, right = densities.squared_exactly()
    x = bimodal["posterior"]["x"].values
    share = (x > 0).mean(axis=1)
    # Each population is worth some hundred independent choices of a mode.
    assert share.mean() == pytest.approx(right, abs=4 * np.sqrt(right * (1 - right) / (4 * 300)))
    assert bimodal.attrs["log_evidence"] == pytest.approx(
        log_evidence, abs=max(4 * bimodal.attrs["log_evidence_se"], 0.02)
    )
    assert bimodal.attrs["log_evidence_se"] < 0.1


def test_a_tree_of_smc_has_the_groups_of_the_others(bimodal):
    assert {
        "posterior",
        "sample_stats",
        "log_likelihood",
        "prior",
        "observed_data",
        "posterior_predictive",
        "tempering",
    } <= set(bimodal.children)
    assert bimodal["posterior"]["x"].shape == (4, 1000)
    assert bimodal["tempering"]["log_evidence"].dims == ("chain",)
    assert float(bimodal["tempering"]["temperature"].max()) == 1.0
    assert bimodal.attrs["log_evidence_method"] == "SMC"


def test_ctrl_c_keeps_whole_populations(monkeypatch):
    from nmm_infer.infer._smc import _smc as smc

    original, calls = smc.Tempering.run, iter(range(10))

    def run(self, *arguments):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(smc.Tempering, "run", run)
    tree = nmm.infer.SMC(particles=200, chains=3, predictive_draws=0)(
        nmm.NumPyroModel(densities.squared), 4.0, key=KEY, progress=False
    )
    assert tree.attrs["interrupted"] == 1
    assert tree["posterior"].sizes["chain"] == 1
    monkeypatch.setattr(smc.Tempering, "run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt, match="before the first population had reached the posterior"):
        nmm.infer.SMC(particles=200, chains=3)(
            nmm.NumPyroModel(densities.squared), 4.0, key=KEY, progress=False
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nmm.infer.SMC(particles=0),
            r"SMC\(particles=...\) got 0, expected a whole number of at least 1",
        ),
        (lambda: nmm.infer.SMC(ess=1.5), r"SMC\(ess=...\) got 1.5, expected a fraction between 0 and 1"),
        (
            lambda: Tempering(log_prior, lambda x: -jnp.inf * x.sum() ** 2, Settings(1, 0.5, 10)).run(
                KEY, jnp.ones((10, 1)), lambda _: None
            ),
            (
                "the density is zero at all 10 particles from the prior: the model fails there; narrow the"
                " priors"
            ),
        ),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
