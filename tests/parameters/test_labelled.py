"""What labels, units and times mean, one rule at a time; `tests/parameters/test_entrances.py` asks all
entrances.
"""

import brainunit as u
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import xarray as xr
from entrances import COURSES, GAIN, LENGTHS, ONE, REGIONS, W, network
from hypothesis import given
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer.likelihoods import Recording
from nmm_infer.likelihoods._recording import check_channels


def test_the_labels_of_weights_are_those_of_the_connectome():
    assert nmm.Connectome(pd.DataFrame(W, REGIONS, REGIONS)).labels == REGIONS
    assert nmm.Connectome(W, pd.DataFrame(LENGTHS, REGIONS, REGIONS)).labels == REGIONS
    assert nmm.Connectome(pd.DataFrame(W)).labels == ("0", "1", "2", "3")
    with pytest.raises(ValueError, match=r"labels=\.\.\.\) got the text 'abcd'"):
        nmm.Connectome(W, labels="abcd")


def test_units_of_labelled_arrays_are_converted():
    dims, names = ("to", "from"), {"to": list(REGIONS), "from": list(REGIONS)}
    dataset = xr.Dataset({"weights": (dims, W), "lengths": (dims, LENGTHS, {"units": "cm"})}, coords=names)
    np.testing.assert_allclose(nmm.Connectome.from_xarray(dataset).lengths, 10 * LENGTHS)
    tau = xr.DataArray(np.full(4, 2.0), dims="region", coords={"region": list(REGIONS)}, attrs={"units": "s"})
    np.testing.assert_allclose(network(model=nmm.models.LeakyIntegrator(tau=tau)).model.tau, 2000.0)


@pytest.mark.parametrize(
    ("unit", "kept"),
    [
        ("uV", "uV"),
        ("fT", "fT"),
        ("T/m", "T/m"),
        ("V/(A m)", "a.u."),
        ("uV / nAm", "a.u."),
        ("V/(A*m)", "a.u."),
        ("", "a.u."),
    ],
)
def test_the_unit_of_a_gain_is_that_of_its_sensors_unless_it_is_per_dipole_moment(unit, kept):
    assert (
        nmm.observe.LeadField(xr.DataArray(GAIN, dims=("sensor", "region"), attrs={"units": unit})).unit
        == kept
    )


def test_labels_that_only_count():
    counted = Recording(COURSES, None, "region", tuple("0123"), "")
    np.testing.assert_array_equal(check_channels(counted, REGIONS, "region").values, COURSES)
    turned = Recording(COURSES[:, ::-1], None, "region", tuple("3210"), "")
    np.testing.assert_array_equal(check_channels(turned, tuple("0123"), "region").values, COURSES)
    with pytest.raises(ValueError, match="name different regions"):
        check_channels(turned, REGIONS, "region")


def test_a_likelihood_is_not_told_the_order_of_channels():
    with pytest.raises(ValueError, match=r"Gaussian\(scale=\.\.\.\) got labelled values"):
        nmm.likelihoods.Gaussian(scale=pd.Series(abs(ONE), REGIONS))


def test_observations_take_labelled_slots():
    gain = pd.Series([1e-3, 2e-3, 3e-3, 4e-3], REGIONS[::-1])
    start = network(initial=np.ones((1, 4)))
    found, right = (
        nmm.solve(start, 200.0, observe=nmm.observe.Bold(period=100.0, gain=g), step=1.0)
        for g in (gain, gain.to_numpy()[::-1])
    )
    np.testing.assert_array_equal(found.values, right.values)


def test_time_courses_from_elsewhere_are_observed():
    array = xr.DataArray(
        COURSES,
        dims=("time", "region"),
        coords={"time": ("time", 2.0 * np.arange(5), {"units": "s"}), "region": list(REGIONS)},
    )
    right = np.corrcoef(COURSES.T)
    connectivity = nmm.observe.FunctionalConnectivity()
    for courses in (
        array,
        array.T,
        COURSES,
        pd.DataFrame(COURSES, columns=REGIONS),
        COURSES * u.mV,
        nmm.Signal.of(COURSES, 2 * u.second),
    ):
        np.testing.assert_allclose(connectivity(courses).values, right, atol=1e-5)
    assert connectivity(array).labels[0] == REGIONS
    subsample = nmm.observe.Subsample(period=4 * u.second)
    for courses in (array, nmm.Signal.of(COURSES, 2 * u.second)):
        np.testing.assert_allclose(subsample(courses).values, COURSES[1::2], atol=1e-6)
    with pytest.raises(
        ValueError, match=r"do not say the time between samples; give it, such as nmm\.Signal\.of\(array"
    ):
        subsample(COURSES)
    with pytest.raises(ValueError, match=r"got 1000 ms, the data say 2000 ms"):
        nmm.Signal.of(array, 1 * u.second)
    with pytest.raises(
        TypeError, match=r"got a Dataset of x, y, expected one of these, such as dataset\['x'\]"
    ):
        connectivity(nmm.simulate(nmm.models.Hopf(), 10.0, step=1.0))


@pytest.mark.parametrize(
    "model", [nmm.models.Hopf, nmm.models.Kuramoto, nmm.models.StuartLandau, nmm.models.HORN]
)
@given(st.floats(0.1, 1000.0))
def test_hertz_are_cycles_and_radians_are_radians(model, hertz):
    right = 2e-3 * np.pi * hertz
    for given_ in (hertz * u.Hz, 1e-3 * hertz * u.kHz, 2 * np.pi * hertz * u.radian / u.second):
        np.testing.assert_allclose(model(omega=given_).omega, right)
    for unit, worth in (
        (u.Hz, 2e-3 * np.pi),
        ("Hz", 2e-3 * np.pi),
        ("rad/s", 1e-3),
        (u.radian / u.second, 1e-3),
        (None, 1.0),
    ):
        np.testing.assert_allclose(
            model(omega=nmm.Prior(dist.Normal(1.0, 1.0), unit=unit)).omega.scale, worth
        )
    np.testing.assert_allclose(
        nmm.stimuli.Sine(frequency=2 * np.pi * hertz * u.radian / u.second).frequency, 1e-3 * hertz
    )
