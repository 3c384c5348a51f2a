"""What data say of themselves: when they begin, how often they were sampled, what they are."""

import warnings

import brainunit as u
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer.likelihoods import read_recording
from nmm_infer.likelihoods._rank import rank_of

LIKELIHOODS = nmm.likelihoods
REGIONS = ("a", "b", "c")
RNG = np.random.default_rng(11)
X = RNG.normal(size=(40, 3))
CONNECTOME = nmm.Connectome(np.ones((3, 3)) - np.eye(3), labels=REGIONS)
FREE = nmm.Prior(dist.Normal(0.2, 0.1))
PERIOD = 4.0


def network(noise=None, stimulus=None):
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=20.0),
        CONNECTOME,
        nmm.couplings.Additive(G=FREE),
        noise=noise,
        stimulus=stimulus,
    )


NOISY, DRIVEN = (
    network(nmm.noises.Additive(sigma=0.1)),
    network(stimulus=nmm.stimuli.Gaussian(amplitude=1.0, centre=60.0, width=10.0)),
)
SUBSAMPLE = nmm.observe.Subsample(period=PERIOD)
TIMED = {"duration": PERIOD * len(X), "step": 1.0}
BOTH = network(nmm.noises.Additive(sigma=0.1), DRIVEN.stimulus)
PROBLEMS = {
    "Gaussian": nmm.Problem(DRIVEN, SUBSAMPLE, LIKELIHOODS.Gaussian(), **TIMED),
    "StudentT": nmm.Problem(DRIVEN, SUBSAMPLE, LIKELIHOODS.StudentT(), **TIMED),
    "AR1": nmm.Problem(DRIVEN, SUBSAMPLE, LIKELIHOODS.AR1(), **TIMED),
    "LatentPath": nmm.Problem(
        BOTH, SUBSAMPLE, LIKELIHOODS.LatentPath(LIKELIHOODS.Gaussian(), steps=4), **TIMED
    ),
    "ExtendedKalman": nmm.Problem(BOTH, SUBSAMPLE, LIKELIHOODS.ExtendedKalman()),
}
LINEAR = {
    "Spectral": nmm.Problem(
        NOISY, nmm.observe.Subsample(), LIKELIHOODS.Spectral(band=(0.01 * u.kHz, 0.1 * u.kHz), bands=2)
    ),
    "Covariance": nmm.Problem(NOISY, nmm.observe.Subsample(), LIKELIHOODS.Covariance()),
}


def recorded(start, unit="ms", scale=1.0, values=X):
    times = (start + PERIOD * np.arange(len(values))) * scale
    return xr.DataArray(
        values,
        dims=("time", "region"),
        coords={"time": ("time", times, {"units": unit}), "region": list(REGIONS)},
    )


# ---------------------------------------------------------------- times


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("start", [-100.0, 0.0, 8.0])
def test_time_courses_begin_where_the_simulation_does(name, start):
    problem = PROBLEMS[name]
    np.testing.assert_array_equal(problem.condition(recorded(PERIOD)).values, X)
    with pytest.raises(
        ValueError,
        match=(
            rf"data begin at {start:g} ms, the simulation's first sample is at 4 ms.*cut the data,"
            r" data\.sel\(time=slice\(4"
        ),
    ):
        problem.condition(recorded(start))


def test_times_are_free_where_nothing_refers_to_them_and_are_kept():
    problem = nmm.Problem(NOISY, SUBSAMPLE, LIKELIHOODS.ExtendedKalman())
    conditioned = problem.condition(recorded(-100.0))
    np.testing.assert_array_equal(conditioned.observed_data().time, -100.0 + PERIOD * np.arange(len(X)))
    spectral = LINEAR["Spectral"]
    np.testing.assert_array_equal(
        spectral.condition(recorded(0.0)).constant_data().time, PERIOD * np.arange(len(X))
    )


@given(st.sampled_from(["ns", "us", "ms"]))
def test_time_spans_say_their_unit(unit):
    spans = pd.to_timedelta(PERIOD * np.arange(1, 41), unit="ms").to_numpy().astype(f"timedelta64[{unit}]")
    data = xr.DataArray(X, dims=("time", "region"), coords={"time": spans})
    found = read_recording(data)
    assert (found.start, found.interval) == (PERIOD, PERIOD)
    table = read_recording(pd.DataFrame(X, pd.to_timedelta(PERIOD * np.arange(40), unit="ms"), REGIONS))
    assert (table.start, table.interval, table.channels) == (0.0, PERIOD, REGIONS)


def test_dates_say_the_interval_alone_and_a_table_of_numbers_nothing():
    dates = np.datetime64("2026-01-01") + (1000 * np.arange(40)).astype("timedelta64[ms]")
    assert (
        read_recording(recorded(0.0).assign_coords(time=dates)).start,
        read_recording(recorded(0.0).assign_coords(time=dates)).interval,
    ) == (None, 1000.0)
    with pytest.raises(ValueError, match=r"a table whose index is 0\.5, 0\.6"):
        read_recording(pd.DataFrame(X, 0.5 + 0.1 * np.arange(40)))


# ---------------------------------------------------------------- sampling intervals


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("who", ["likelihood", "observation"])
def test_intervals_that_contradict_each_other_are_refused(name, who):
    problem = LINEAR[name]
    observe, likelihood = problem.observe, problem.likelihood
    if who == "observation":
        observe = nmm.observe.Subsample(period=3.0)
    elif name == "Spectral":
        likelihood = LIKELIHOODS.Spectral(band=likelihood.band, bands=2, repetition_time=3.0)
    else:
        likelihood = LIKELIHOODS.Covariance(repetition_time=3.0)
    other = nmm.Problem(NOISY, observe, likelihood)
    with pytest.raises(
        ValueError, match=r"said more than once, and not the same \(the data: 4 ms, .*: 3 ms\); expected one"
    ):
        other.condition(recorded(0.0))
    np.testing.assert_array_equal(problem.condition(recorded(0.0)).observed.recording.values, X)


# ---------------------------------------------------------------- sensors that were referenced or projected

SENSORS = 6
GAIN = RNG.normal(size=(SENSORS, 3))


def lead(**options):
    return nmm.observe.Chain(SUBSAMPLE, nmm.observe.LeadField(GAIN, **options))


@pytest.mark.parametrize("name", PROBLEMS)
def test_sensors_of_lower_rank_are_refused(name):
    problem = PROBLEMS[name]
    full = RNG.normal(size=(40, SENSORS))
    dims = ("time", "sensor")
    projected = full @ np.linalg.qr(RNG.normal(size=(SENSORS, 4)))[0] @ RNG.normal(size=(4, SENSORS))
    referenced = full - full.mean(axis=1, keepdims=True)
    options = {} if name == "ExtendedKalman" else TIMED
    plain, average = (
        nmm.Problem(problem.network, lead(average_reference=how), problem.likelihood, **options)
        for how in (False, True)
    )
    plain.condition(xr.DataArray(full, dims=dims))
    average.condition(xr.DataArray(referenced, dims=dims))
    for values, rank, asked in ((projected, 4, (plain, average)), (referenced, 5, (plain,))):
        for one in asked:
            with pytest.raises(
                ValueError,
                match=(
                    f"data of 6 sensors vary in {rank} directions: they were referenced, projected or"
                    " interpolated"
                ),
            ):
                one.condition(xr.DataArray(values, dims=dims))
            with pytest.raises(ValueError, match=f"in {rank} directions"):
                one.condition(values)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.floats(1e-6, 1e6))
def test_rank_does_not_depend_on_the_unit(rank, scale):
    values = np.random.default_rng(rank).normal(size=(50, rank)) @ np.random.default_rng(9).normal(
        size=(rank, 5)
    )
    assert rank_of(scale * (values - values.mean(axis=0))) == rank


# ---------------------------------------------------------------- what the array is

C = np.cov(X.T)
FC = np.corrcoef(X.T)
PAIR = ("region", "region_2")


def matrix_of(form, dof=30.0, **options):
    return nmm.Problem(NOISY, nmm.observe.Subsample(), LIKELIHOODS.Covariance(form=form, dof=dof, **options))


@pytest.mark.parametrize(
    ("values", "form"),
    [(C, LIKELIHOODS.AsCovariance()), (FC, LIKELIHOODS.AsCorrelation()), (C, LIKELIHOODS.AsCorrelation())],
)
@settings(deadline=None, max_examples=6)
@given(st.permutations(range(3)), st.permutations(range(3)))
def test_covariance_takes_matrices_as_what_they_are(values, form, rows, columns):
    problem = matrix_of(form)
    right = form.of(values)
    order, names = [list(rows), list(columns)], [[REGIONS[i] for i in rows], [REGIONS[i] for i in columns]]
    turned = values[np.ix_(*order)]
    for data in (
        values,
        pd.DataFrame(turned, *names),
        xr.DataArray(turned, dims=PAIR, coords=dict(zip(PAIR, names, strict=True))),
    ):
        conditioned = problem.condition(data)
        np.testing.assert_allclose(conditioned.values, right, rtol=1e-6)
        assert conditioned.observed.dof == 30.0
    again = problem.condition(conditioned.constant_data()["data"])
    np.testing.assert_allclose(again.values, right, rtol=1e-6)


def test_what_observations_of_pairs_give_is_data():
    signal = nmm.observe.FunctionalConnectivity()(recorded(0.0))
    np.testing.assert_allclose(matrix_of(LIKELIHOODS.AsCorrelation()).condition(signal).values, FC, atol=1e-5)


def test_units_of_a_matrix_are_squares():
    for own, wanted in (("V^2", "mV"), ("(V/s)^2", "mV/s"), ("(V/ms)^2", "V/s")):
        matrix = LIKELIHOODS.CovarianceMatrix(C, None, "region", REGIONS, own)
        np.testing.assert_allclose(matrix.converted(wanted).values, 1e6 * C)
    assert matrix.converted("a.u.") is matrix


WRONG = {
    "worth": (
        lambda: matrix_of(LIKELIHOODS.AsCovariance(), None).condition(C),
        "does not say how many independent samples it is worth; give Covariance",
    ),
    "correlation": (
        lambda: matrix_of(LIKELIHOODS.AsCovariance()).condition(FC),
        r"a correlation; use Covariance\(form=nmm\.likelihoods\.AsCorrelation",
    ),
    "lags": (
        lambda: matrix_of(LIKELIHOODS.AsCovariance(), lags=(0.0, 4.0), repetition_time=4.0).condition(C),
        "holds no lags",
    ),
    "no diagonal": (
        lambda: matrix_of(LIKELIHOODS.AsCorrelation()).condition(FC - np.eye(3)),
        "its smallest diagonal entry is .*expected both above 0",
    ),
    "no covariance": (
        lambda: matrix_of(LIKELIHOODS.AsCorrelation()).condition(np.full((3, 3), -0.9) + 1.9 * np.eye(3)),
        "smallest eigenvalue -0.8",
    ),
    "gaussian": (
        lambda: PROBLEMS["Gaussian"].condition(FC),
        r"symmetric matrix, such as functional connectivity, but Gaussian compares time courses",
    ),
    "spectral": (lambda: LINEAR["Spectral"].condition(C), r"symmetric matrix, .* but Spectral compares"),
    "spectra": (
        lambda: LINEAR["Spectral"].condition(
            recorded(0.0, values=1.0 / (1.0 + np.arange(40.0)[:, None] ** 2) * np.ones(3))
        ),
        "as a table of spectra does",
    ),
    "complex": (lambda: LINEAR["Spectral"].condition(X + 1j), "data is complex"),
    "masked": (lambda: LINEAR["Spectral"].condition(np.ma.masked_greater(X, 2.0)), "masked entries"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_data_is_refused_by_name(name):
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_there_is_no_plate_over_sensors():
    network = nmm.Network(
        nmm.models.Linear(), nmm.Connectome(np.ones((3, 3)) - np.eye(3)), nmm.couplings.Additive()
    )
    sensors = nmm.observe.LeadField(RNG.normal(size=(5, 3)))
    for scale, right in (
        (nmm.Prior(dist.HalfNormal(1.0), over="region"), False),
        (nmm.Prior(dist.HalfNormal(1.0).expand([5]).to_event(1)), True),
    ):
        problem = nmm.Problem(network, sensors, nmm.likelihoods.Gaussian(scale=scale), duration=5.0, step=1.0)
        if right:
            assert problem.condition(RNG.normal(size=(5, 5))).values.shape == (5, 5)
        else:
            with pytest.raises(
                ValueError,
                match=(
                    r"likelihood.scale has a prior over 'region', but sensors are observed, .*expand\(\[5\]\)"
                ),
            ):
                problem.condition(RNG.normal(size=(5, 5)))


@pytest.mark.parametrize(
    "form", [np.asarray, lambda values: nmm.Signal.of(values, 5.0)], ids=["array", "signal"]
)
@pytest.mark.parametrize(
    "likelihood",
    [
        nmm.likelihoods.Spectral(band=(1e-3, 40e-3), bands=4, repetition_time=5.0),
        nmm.likelihoods.Covariance(repetition_time=5.0),
    ],
)
def test_an_array_behind_a_lead_field_is_of_sensors(form, likelihood):
    """Also where there are more sensors than regions: a result keeps both."""
    rng = np.random.default_rng(0)
    connectome = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], labels=["left", "right"])
    model = nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(3.0, 0.1)))
    network = nmm.Network(
        model, connectome, nmm.couplings.Additive(G=0.1), noise=nmm.noises.Additive(sigma=0.1)
    )
    problem = nmm.Problem(
        network, nmm.observe.LeadField(rng.normal(size=(3, 2)), sensors=("Fz", "Cz", "Pz")), likelihood
    )
    values = rng.normal(size=(400, 3))
    kept = problem.condition(form(values)).constant_data()
    assert kept["data"].dims == ("time", "sensor")
    assert list(kept["sensor"].values) == ["Fz", "Cz", "Pz"]
    np.testing.assert_array_equal(kept["data"].values, values)


def test_single_precision_is_no_overflow():
    """The mark of what is missing is beyond its range."""
    signal = nmm.Signal(
        np.ones((20, 2), np.float32) * np.arange(20, dtype=np.float32)[:, None],
        1.0,
        ("time", "region"),
        ((), ("a", "b")),
        "x",
        "",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_recording(signal).values.shape == (20, 2)
