"""Simulation-based calibration: right posteriors pass, wrong ones do not, and nothing that was computed is
lost.
"""

import copy

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from arviz_stats.ecdf_utils import ecdf_pit

import nmm_infer as nmm
from nmm_infer.check._calibration import _ecdf_band as ranks
from nmm_infer.check._calibration._calibration_report import holm
from nmm_infer.infer import AbstractEngine, Approximation
from nmm_infer.infer._target import Target

N, SAMPLES, NOISE_SD = 2, 4, 0.8
SHAPE = np.zeros((SAMPLES, N))


def model(data):
    """Conjugate: x ~ N(0, 1) in two regions, four noisy samples of each."""
    with numpyro.plate("region", N):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0))
    numpyro.sample("y", dist.Normal(x, NOISE_SD).expand([SAMPLES, N]), obs=data)


PROBLEM = nmm.NumPyroModel(model, coords={"region": ["L.A", "R.A"]})


# Calls of an engine until somebody presses Ctrl-C; negative: nobody does.
LEFT = [-1]


class ClosedForm(AbstractEngine):
    """Independent draws of the exact posterior, or of one that is wrong in a known way."""

    noise_sd: float = NOISE_SD
    narrower: float = 1.0
    shift: float = 0.0
    blind: bool = False
    draws: int = 100
    dtype: str = "float64"
    predictive_draws: int | None = 0

    def title(self):
        return "ClosedForm()"

    def run(self, target, key, bars):
        LEFT[0] -= 1
        if LEFT[0] == 0:
            raise KeyboardInterrupt
        y = target.conditioned.values["y"]
        precision = 1.0 + SAMPLES / self.noise_sd**2
        mean, sd = y.sum(axis=0) / self.noise_sd**2 / precision, precision**-0.5
        if self.blind:
            mean, sd = jnp.zeros(N), 1.0
        x = mean + self.shift * sd + self.narrower * sd * jax.random.normal(key, (1, self.draws, N))
        return Approximation(latent=np.asarray(x), stats={}, gradients=0, failed=np.empty((0, N)))


def calibrate(engine, simulations=100, key=0, **options):
    return nmm.check.calibration(
        PROBLEM, engine, simulations, key=jax.random.key(key), data=SHAPE, progress=False, **options
    )


def test_an_exact_posterior_passes():
    calibration = calibrate(ClosedForm(), 200)
    assert calibration.ok
    assert str(calibration).startswith(
        "No departure from calibration: the ranks of all 2 quantities are uniform, as far as 200 simulations"
        " can tell."
    )
    row = calibration.table()[0]
    # Four standard errors of a binomial frequency over 400 independent truths, of a mean and of a standard
    # deviation.
    for level, (fraction, low, high) in zip((0.5, 0.9), row.coverages, strict=True):
        assert fraction == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 400))
        assert low < level < high
    assert row.z_mean == pytest.approx(0.0, abs=4 / np.sqrt(400))
    assert row.z_sd == pytest.approx(1.0, abs=4 / np.sqrt(800))
    assert row.contraction == pytest.approx(1 - 1 / (1 + SAMPLES / NOISE_SD**2), abs=0.03)
    assert calibration.data["parameter"].values.tolist() == ["x[L.A]", "x[R.A]", "log likelihood"]


@pytest.mark.parametrize(
    ("engine", "name", "said"),
    [
        (ClosedForm(narrower=0.6), "x", "too narrow"),
        (ClosedForm(narrower=1.8), "x", "too wide"),
        (ClosedForm(shift=0.6), "x", "estimates are too high"),
        (ClosedForm(shift=-0.6), "x", "estimates are too low"),
        (ClosedForm(noise_sd=NOISE_SD / 2), "x", "too narrow"),
    ],
    ids=["narrow", "wide", "high", "low", "wrong noise"],
)
def test_a_wrong_posterior_fails_and_is_described(engine, name, said):
    calibration = calibrate(engine)
    assert not calibration.ok
    row = next(row for row in calibration.table() if row.name == name)
    assert row.shape == said
    assert row.p < 0.01
    assert f"{name} ({row.worst}): {said}" in str(calibration)


def test_an_engine_that_ignores_the_data_is_found_by_the_log_likelihood_alone():
    """Its ranks are uniform, for truths come from the prior just as its draws do (Modrák et al. 2023)."""
    rows = {row.name: row for row in calibrate(ClosedForm(blind=True)).table()}
    assert rows["x"].p > 0.05
    assert rows["log likelihood"].p < 0.001


@pytest.mark.parametrize("n", [30, 200])
def test_the_band_is_that_of_arviz(n):
    _, _, low, high = ecdf_pit(np.linspace(0, 1, n), 0.95, 4000)
    ours = ranks.band(n)
    # Two simulations of the same quantile: a count more or less.
    assert np.abs(n * (low[1:-1] - ours[0])).max() <= 1.01
    assert np.abs(n * (high[1:-1] - ours[1])).max() <= 1.01


def test_p_values_are_uniform_and_agree_with_the_band():
    rng = np.random.default_rng(0)
    samples = rng.uniform(size=(2000, 60))
    p = np.array([ranks.p_value(u) for u in samples])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 2000))
    low, high = ranks.band(60)
    outside = np.array(
        [np.any((ranks.ecdf(u) < low - 1e-9) | (ranks.ecdf(u) > high + 1e-9)) for u in samples]
    )
    assert np.mean(outside == (p < 0.05)) > 0.99
    # A departure that no simulated sample comes near to still has a p-value that survives an adjustment for
    # many parameters.
    assert ranks.p_value(np.full(60, 0.5)) < 1e-7


def test_ranks_are_uniform_for_any_number_of_draws_and_ties():
    rng = np.random.default_rng(1)
    found = [
        ranks.rank(rng.integers(0, 3, size=rng.integers(1, 5)).astype(float), float(rng.integers(0, 3)), rng)
        for _ in range(4000)
    ]
    assert ranks.p_value(np.array(found[:400])) > 0.01
    assert np.mean(found) == pytest.approx(0.5, abs=4 / np.sqrt(12 * 4000))
    assert np.var(found) == pytest.approx(1 / 12, abs=4 / np.sqrt(180 * 4000))


def test_holm():
    np.testing.assert_allclose(holm(np.array([0.04, 0.001, 0.03])), [0.06, 0.003, 0.06])


def test_a_stopped_run_continues_where_it_was(tmp_path):
    whole = calibrate(ClosedForm(), 12)
    LEFT[0] = 6
    stopped = calibrate(ClosedForm(), 12, path=tmp_path / "sbc")
    assert stopped.simulations == 5
    assert "It was interrupted: 5 of 12 simulations are done; with path= the same call continues." in str(
        stopped
    )
    LEFT[0] = 8
    again = calibrate(ClosedForm(), 12, path=tmp_path / "sbc")
    assert LEFT[0] == 1
    assert again.simulations == 12
    xr.testing.assert_equal(again.data.drop_vars("seconds"), whole.data.drop_vars("seconds"))
    # Everything is there: nothing is simulated any more, and fewer are a part of it.
    assert calibrate(ClosedForm(), 7, path=tmp_path / "sbc").simulations == 7


def test_nothing_finished_is_no_result():
    LEFT[0] = 1
    with pytest.raises(KeyboardInterrupt, match="before the first simulation was finished"):
        calibrate(ClosedForm(), 3)


def test_simulations_of_something_else_are_refused(tmp_path):
    calibrate(ClosedForm(), 2, path=tmp_path / "sbc")
    with pytest.raises(
        ValueError, match=r"do not belong to these: key was \[0, 0\], is \[0, 1\]; choose another folder"
    ):
        calibrate(ClosedForm(), 2, key=1, path=tmp_path / "sbc")
    with pytest.raises(ValueError, match=r"engine was .*draws=100, .*, is .*draws=50, .*; choose"):
        calibrate(ClosedForm(draws=50), 2, path=tmp_path / "sbc")

    def changed(data):
        """The same sites and shapes, another noise."""
        with numpyro.plate("region", N):
            x = numpyro.sample("x", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(x, 2 * NOISE_SD).expand([SAMPLES, N]), obs=data)

    other = nmm.NumPyroModel(changed, coords={"region": ["L.A", "R.A"]})
    with pytest.raises(ValueError, match="log density was"):
        nmm.check.calibration(
            other, ClosedForm(), 2, key=jax.random.key(0), data=SHAPE, path=tmp_path / "sbc", progress=False
        )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is not empty and has no simulations"):
        calibrate(ClosedForm(), 2, path=tmp_path / "full")


@pytest.fixture(scope="module")
def sampled():
    """NUTS, with more simulations than fit into its batches."""
    engine = nmm.infer.NUTS(draws=100, warmup=100, chains=2)
    return calibrate(engine, 50, batch=20)


def test_nuts_is_calibrated_and_keeps_every_simulation_apart(sampled):
    assert sampled.ok
    data = sampled.data
    assert np.median(data["ess"].values) > 80
    # Each posterior belongs to its own data: z-scores of a wrong pairing would be several times larger.
    z = ((data["mean"] - data["truth"]) / data["sd"]).isel(parameter=[0, 1])
    assert float(z.std()) == pytest.approx(1.0, abs=4 / np.sqrt(200))
    sd = (1 + SAMPLES / NOISE_SD**2) ** -0.5
    np.testing.assert_allclose(data["sd"].isel(parameter=[0, 1]).mean("simulation"), sd, rtol=0.1)


@pytest.mark.slow
def test_simulations_do_not_depend_on_their_batch(sampled):
    alone = calibrate(nmm.infer.NUTS(draws=100, warmup=100, chains=2), 3, batch=20)
    np.testing.assert_array_equal(
        alone.data["truth"].isel(parameter=[0, 1]),
        sampled.data["truth"].isel(simulation=slice(3), parameter=[0, 1]),
    )
    np.testing.assert_allclose(
        alone.data["mean"], sampled.data["mean"].isel(simulation=slice(3)), rtol=0.5, atol=0.3
    )


def test_other_data_compile_nothing():
    first = Target(PROBLEM.condition(np.full((SAMPLES, N), 1.0)))
    x = jnp.array([0.3, -0.2])
    for target, value in ((first, 1.0), (first.given({"y": jnp.full((SAMPLES, N), 2.0)}), 2.0)):
        assert target.compiled_key is first.compiled_key  # so that nothing is compiled for it
        expected = (
            dist.Normal(0.0, 1.0).log_prob(x).sum()
            + dist.Normal(x, NOISE_SD).log_prob(np.full((SAMPLES, N), value)).sum()
        )
        np.testing.assert_allclose(target.log_density(x), expected, rtol=1e-10)


def test_draws_without_data_are_replaced_and_counted():
    """gamma > 0.35 overflows in the simulated time."""
    network = nmm.Network(nmm.models.Linear(gamma=nmm.Prior(dist.Normal(0.0, 2.0))), initial=[[1.0]])
    problem = nmm.Problem(
        network,
        nmm.observe.Subsample(period=20.0),
        nmm.likelihoods.Gaussian(scale=0.1),
        duration=2000.0,
        step=1.0,
    )

    class Prior(AbstractEngine):
        dtype: str = "float64"
        predictive_draws: int | None = 0

        def title(self):
            return "Prior()"

        def run(self, target, key, bars):
            x = 2.0 * jax.random.normal(key, (1, 20, 1))
            return Approximation(latent=np.asarray(x), stats={}, gradients=0, failed=np.empty((0, 1)))

    calibration = nmm.check.calibration(problem, Prior(), 20, key=jax.random.key(0), progress=False)
    failed = calibration.data.attrs["failed"]
    assert failed >= 5
    assert f"{failed} draws from the prior" in str(calibration)
    assert "the prior cut off where the model works" in str(calibration)
    assert float(calibration.data["truth"].sel(parameter="model.gamma").max()) < 0.4


def test_recovery_of_a_truth_that_was_given():
    recovery = nmm.check.recovery(
        PROBLEM, ClosedForm(), 30, key=jax.random.key(2), truth={"x": [1.5, -0.5]}, data=SHAPE, progress=False
    )
    assert np.all(recovery.data["truth"].values == [1.5, -0.5])
    row = recovery.table()[0]
    sd = (1 + SAMPLES / NOISE_SD**2) ** -0.5
    shrinkage = 1 - sd**2
    # The mean of the posterior is shrinkage · mean(y): its bias at this truth, and its spread.
    assert row.bias == pytest.approx(
        np.mean([-1.5, 0.5]) * (1 - shrinkage), abs=4 * shrinkage * NOISE_SD / np.sqrt(SAMPLES * 60)
    )
    assert row.count == 60
    assert np.isnan(row.correlation)


def test_recovery_over_the_prior_correlates():
    recovery = nmm.check.recovery(
        PROBLEM, ClosedForm(), 60, key=jax.random.key(2), data=SHAPE, progress=False
    )
    row = recovery.table()[0]
    assert row.correlation == pytest.approx(np.sqrt(1 - 1 / (1 + SAMPLES / NOISE_SD**2)), abs=0.05)
    assert str(recovery).startswith("Every parameter was found again.")
    assert "90 % intervals held" in str(recovery)
    narrow = copy.deepcopy(recovery.tree)
    for end in ("low", "high"):  # half as wide: they hold 59 % of the truths
        narrow["calibration"][end] = (narrow["calibration"][end] + narrow["calibration"]["mean"]) / 2
    said = str(type(recovery)(narrow))
    assert "found again" not in said
    assert "90 % intervals held fewer truths than chance allows (x" in said
    lost = nmm.check.recovery(
        PROBLEM, ClosedForm(blind=True), 60, key=jax.random.key(2), data=SHAPE, progress=False
    )
    assert "Not found again (r < 0.5 between truth and estimate): x" in str(lost)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibrate("NUTS"), r"calibration\(engine=...\) got str, expected an engine such as"),
        (lambda: nmm.check.calibration(model, ClosedForm(), key=jax.random.key(0)), "got function"),
        (
            lambda: nmm.check.calibration(PROBLEM, ClosedForm(), key=jax.random.key(0)),
            "cannot know the shape of the data .*; pass data=",
        ),
        (lambda: calibrate(ClosedForm(), 0), r"calibration\(simulations=...\) got 0"),
        (
            lambda: nmm.check.recovery(
                PROBLEM, ClosedForm(), key=jax.random.key(0), data=SHAPE, truth={"z": 1.0}, progress=False
            ),
            r"recovery\(truth=...\) names z, but the unknowns are x",
        ),
        (
            lambda: nmm.check.recovery(
                PROBLEM, ClosedForm(), key=jax.random.key(0), data=SHAPE, truth={"x": 1.0}, progress=False
            ),
            r"has shape \(\) for 'x', expected \(2,\)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_pictures():
    calibration = calibrate(ClosedForm(narrower=0.5), 40)
    axes = nmm.viz.rank_ecdf(calibration.data)
    assert [ax.get_title() for ax in axes] == ["x", "log likelihood"]
    assert axes[0].texts[0].get_text() == "2 of 2 outside"
    curves = nmm.viz.coverage(calibration.data, variables=["x"])
    below = curves[0].lines[1]
    assert np.mean(below.get_ydata() < below.get_xdata()) > 0.9
    assert len(nmm.viz.recovery(calibration.data)) == 1
    with pytest.raises(
        ValueError, match=r"rank_ecdf\(variables=...\) names G; the calibration has x, log likelihood"
    ):
        nmm.viz.rank_ecdf(calibration.data, variables=["G"])
    plt.close("all")
