import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import trees
import xarray as xr
from matplotlib.axes import Axes

from nmm_infer import viz


@pytest.fixture(scope="module")
def tree():
    return trees.good(n_regions=12, draws=200)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def simulated():
    time = np.arange(500.0)
    path = np.exp(-time / 200)[:, None] * np.exp(1j * time / 30)[:, None] * np.array([1.0, 0.6])
    return xr.Dataset(
        {"V": (("time", "region"), path.real, {"units": "mV"}), "W": (("time", "region"), path.imag)},
        coords={"time": ("time", time, {"units": "ms"}), "region": ["L.A", "R.A"]},
    )


# How many axes each picture has, and how it is drawn from a tree.
PICTURES = {
    "timeseries": (1, lambda tree, ax: viz.timeseries(tree["constant_data"]["data"], ax)),
    "timeseries_dataset": (1, lambda tree, ax: viz.timeseries(simulated(), ax, variable="W")),
    "timeseries_of_one_region": (
        1,
        lambda tree, ax: viz.timeseries(simulated().isel(region=[0]), ax, variable=["V", "W"]),
    ),
    "spectrum": (1, lambda tree, ax: viz.spectrum(tree["constant_data"]["data"], ax)),
    "timeseries_predicted": (
        1,
        lambda tree, ax: viz.timeseries(
            trees.evoked()["observed_data"]["y"], ax, predicted=trees.evoked()["posterior_predictive"]["y"]
        ),
    ),
    "connectivity": (1, lambda tree, ax: viz.connectivity(tree["constant_data"]["weights"], ax, log=True)),
    "functional_connectivity": (
        3,
        lambda tree, ax: viz.functional_connectivity(
            tree["observed_data"]["fc"], tree["posterior_predictive"]["fc"], ax
        ),
    ),
    "spectra": (
        1,
        lambda tree, ax: viz.spectra(
            tree["observed_data"]["power"], tree["posterior_predictive"]["power"], ax
        ),
    ),
    "spectra_region": (
        1,
        lambda tree, ax: viz.spectra(
            tree["observed_data"]["power"], tree["posterior_predictive"]["power"], ax, region="R.01"
        ),
    ),
    "regional_posterior": (
        1,
        lambda tree, ax: viz.regional_posterior(
            tree["posterior"]["model.tau"], tree["prior"]["model.tau"], ax
        ),
    ),
    "brain": (
        3,
        lambda tree, ax: viz.brain(tree["posterior"]["model.tau"], tree["constant_data"]["centres"], ax),
    ),
    "traces": (
        8,
        lambda tree, ax: viz.traces(
            tree["posterior"].to_dataset(), ax, diverging=tree["sample_stats"]["diverging"]
        ),
    ),
    "prior_posterior": (
        4,
        lambda tree, ax: viz.prior_posterior(tree["posterior"].to_dataset(), tree["prior"].to_dataset(), ax),
    ),
    "loss": (1, lambda tree, ax: viz.loss(trees.svi()["optimization"].to_dataset(), ax)),
    "phase_portrait": (1, lambda tree, ax: viz.phase_portrait(simulated(), ax=ax)),
}


def drawn(ax):
    return len(ax.lines) + len(ax.collections) + len(ax.images) + len(ax.patches)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_not_empty(name, tree):
    n, draw = PICTURES[name]
    axes = np.asarray(draw(tree, None), dtype=object).reshape(-1)
    assert len(axes) == n
    for ax in axes:
        assert isinstance(ax, Axes)
        assert drawn(ax) > 0
    axes[0].figure.canvas.draw()
    words = " ".join(text.get_text() for text in axes[0].figure.findobj(matplotlib.text.Text))
    assert words.strip()


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_go_on_the_axes_that_are_passed(name, tree):
    n, draw = PICTURES[name]
    _, axes = plt.subplots(1, n)
    result = draw(tree, axes)
    assert (
        np.asarray(result, dtype=object).reshape(-1).tolist()
        == np.asarray(axes, dtype=object).reshape(-1).tolist()
    )
    assert len(plt.get_fignums()) == 1


def test_wrong_number_of_axes_is_refused(tree):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"brain\(ax=...\) got 1 axes, expected 3"):
        viz.brain(tree["posterior"]["model.tau"], tree["constant_data"]["centres"], ax)


def test_units_reach_labels(tree):
    assert viz.regional_posterior(tree["posterior"]["model.tau"]).get_ylabel() == "model.tau (ms)"
    ax = viz.phase_portrait(simulated(), "V", "W", region="R.A")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("V (mV)", "W", "R.A")
    assert viz.timeseries(simulated()).get_xlabel() == "time (ms)"
    assert viz.timeseries(tree["constant_data"]["data"]).get_xlabel() == "time (s)"
    figure = viz.brain(tree["posterior"]["model.tau"], tree["constant_data"]["centres"])[0].figure
    assert "model.tau (ms)" in [ax.get_ylabel() for ax in figure.axes]


def test_a_single_region_has_an_axis_and_several_variables_a_legend():
    one = simulated().isel(region=[0])
    ax = viz.timeseries(one, variable="V")
    assert ax.get_ylabel() == "V (mV)"
    assert np.allclose(ax.lines[0].get_ydata(), one["V"].values[:, 0])
    ax = viz.timeseries(one, variable=["V", "W"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["V (mV)", "W"]
    with pytest.raises(ValueError, match="expected a single region"):
        viz.timeseries(simulated(), variable=["V", "W"])


def test_regions_that_are_left_out_are_counted(tree):
    titles = [viz.timeseries(tree["constant_data"]["data"], most=most).get_title("right") for most in (4, 12)]
    assert titles == ["4 of 12 regions", ""]


def test_spectrum_is_of_the_rhythm_that_is_there():
    time = np.arange(0.0, 4000.0, 2.0)
    sine = 3.0 * np.sin(2 * np.pi * 10.0 * time / 1000.0)
    data = xr.DataArray(sine, dims="time", coords={"time": time}, name="V", attrs={"units": "mV"})
    data["time"].attrs["units"] = "ms"
    ax = viz.spectrum(data)
    frequency, power = ax.lines[0].get_data()
    assert frequency[power.argmax()] == pytest.approx(10.0, abs=1.0)
    # Its integral is the variance.
    assert np.sum(power) * (frequency[1] - frequency[0]) == pytest.approx(4.5, rel=0.05)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("frequency (Hz)", "power (mV²/Hz)")
    seconds = data.assign_coords(time=("time", time / 1000.0, {"units": "s"}))
    assert np.allclose(viz.spectrum(seconds).lines[0].get_data(), (frequency, power))
    spans = data.assign_coords(time=(1000 * time).astype("timedelta64[us]"))
    assert np.allclose(viz.spectrum(spans).lines[0].get_data(), (frequency, power))
    with pytest.raises(ValueError, match="got data without times"):
        viz.spectrum(data.drop_vars("time"))
    with pytest.raises(ValueError, match="expected at least 16 at one distance"):
        viz.spectrum(data.isel(time=[*range(40), 50]))


def test_spectra_of_sensors_are_averaged_and_named_too(tree):
    power, predicted = (
        tree[name]["power"].rename(region="sensor") for name in ("observed_data", "posterior_predictive")
    )
    ax = viz.spectra(power, predicted)
    assert ax.get_title() == "mean over sensors"
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), power.mean("sensor").values)
    assert viz.spectra(power, predicted, region="R.01").get_title() == "R.01"
    with pytest.raises(ValueError, match="sensors start with"):
        viz.spectra(power, predicted, region="nowhere")


def test_counts_get_logarithmic_colours_of_themselves():
    from matplotlib.colors import LogNorm

    counts = np.exp(np.random.default_rng(0).normal(size=(6, 6)) * 3)
    for scale, expected in ((1.0, True), (0.01, False)):
        matrix = xr.DataArray(counts**scale, dims=("region", "region_2"))
        ax = viz.connectivity(matrix)
        assert isinstance(ax.images[0].norm, LogNorm) == expected
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("from", "to")


def test_every_region_is_drawn_once_from_above_and_once_from_its_side(tree):
    left, above, right = viz.brain(tree["posterior"]["model.tau"], tree["constant_data"]["centres"])
    counts = [len(ax.collections[0].get_array()) for ax in (left, above, right)]
    assert counts == [6, 12, 6]


def test_discs_carry_the_posterior_means(tree):
    values = tree["posterior"]["model.tau"]
    _, above, _ = viz.brain(values, tree["constant_data"]["centres"])
    np.testing.assert_allclose(
        np.sort(above.collections[0].get_array()), np.sort(values.mean(("chain", "draw")).values)
    )


def test_regions_are_sorted_by_their_medians(tree):
    ax = viz.regional_posterior(tree["posterior"]["model.tau"])
    medians = ax.lines[-1].get_ydata()
    assert np.all(np.diff(medians) >= 0)


def test_labels_are_thinned():
    n = 90
    names = [f"region {i}" for i in range(n)]
    matrix = xr.DataArray(
        np.random.default_rng(0).uniform(size=(n, n)),
        dims=("region", "region_2"),
        coords={"region": names, "region_2": names},
    )
    assert len(viz.connectivity(matrix).get_xticks()) <= 18


def test_a_rank_panel_shows_every_chain(tree):
    _, ranks = viz.traces(tree["posterior"].to_dataset(), variables=["coupling.G"])[0]
    assert sum(isinstance(patch, matplotlib.patches.StepPatch) for patch in ranks.patches) == 4


def test_one_chain_gets_a_histogram():
    axes = viz.traces(trees.single_chain()["posterior"].to_dataset(), variables=["coupling.G"])
    assert axes[0, 1].get_xlabel() == "value"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda t: viz.timeseries(t["posterior"]["coupling.G"]), "expected time"),
        (lambda t: viz.timeseries(simulated(), variable="x"), "it has V, W"),
        (lambda t: viz.connectivity(t["posterior_predictive"]["fc"]), "average over draws"),
        (lambda t: viz.spectra(t["observed_data"]["power"], region="X"), "regions start with L.00"),
        (lambda t: viz.spectra(None), "got neither"),
        (lambda t: viz.regional_posterior(t["posterior"]["coupling.G"]), "expected chain, draw, region"),
        (
            lambda t: viz.regional_posterior(t["posterior"]["model.tau"], interval_level=90),
            "fraction between 0 and 1",
        ),
        (
            lambda t: viz.brain(t["posterior"]["model.tau"], np.zeros((3, 3))),
            r"expected \(region,\) and \(region, 3\)",
        ),
        (lambda t: viz.traces(t["posterior"].to_dataset(), variables=["x"]), "has no x; it has coupling.G"),
        (lambda t: viz.phase_portrait(simulated(), "V", "V"), "needs two variables"),
        (lambda t: viz.phase_portrait(simulated(), region="X"), "regions start with L.A"),
    ],
)
def test_errors_say_what_to_pass(draw, message, tree):
    with pytest.raises(ValueError, match=message):
        draw(tree)


def test_only_a_prediction_with_draws_is_called_their_mean(tree):
    observed, drawn = tree["observed_data"]["fc"], tree["posterior_predictive"]["fc"]
    titles = [viz.functional_connectivity(observed, it)[1].get_title() for it in (drawn, observed)]
    assert titles == ["predicted (posterior mean)", "predicted"]


def test_global_style_is_left_alone(tree):
    before = dict(matplotlib.rcParams)
    viz.functional_connectivity(tree["observed_data"]["fc"], tree["posterior_predictive"]["fc"])
    assert dict(matplotlib.rcParams) == before
