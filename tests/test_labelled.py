"""Names of axes and entries are heard at every entrance, whatever the container and the order."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer.likelihoods import Recording, read_recording
from nmm_infer.likelihoods.recording import check_channels

REGIONS = ("a", "b", "c", "d")
RNG = np.random.default_rng(0)
W = np.where(np.eye(4, dtype=bool), 0.0, RNG.uniform(1.0, 2.0, (4, 4)))
LENGTHS = np.where(np.eye(4, dtype=bool), 0.0, RNG.uniform(10.0, 20.0, (4, 4)))
CENTRES, COURSES, GAIN, ONE = (RNG.normal(size=shape) for shape in ((4, 3), (5, 4), (3, 4), (4,)))
PLAIN = nmm.Connectome(W, labels=REGIONS)
START = RNG.normal(size=(2, 4))


def network(**options):
    options = {"model": nmm.models.LeakyIntegrator()} | options
    return nmm.Network(options.pop("model"), PLAIN, nmm.couplings.Additive(G=options.pop("G", 0.1)), **options)


def seen(gain):
    return nmm.observe.LeadField(gain)(nmm.Signal(jnp.eye(4), 1.0, ("time", "region"), ((), REGIONS), "x", "1")).values.T


def drawn(maps):
    from numpyro import handlers

    prior = nmm.FromMaps(0.0, 1.0, maps)
    with handlers.seed(rng_seed=0):
        return nmm.sample(network(model=nmm.models.LeakyIntegrator(I=prior))).model.I


# What is labelled, its axes, which of them are regions, and what becomes of it.
ENTRANCES = {
    "weights": (W, ("to", "from"), lambda x: nmm.Connectome(x, labels=REGIONS).weights),
    "lengths": (LENGTHS, ("to", "from"), lambda x: nmm.Connectome(W, x, REGIONS).lengths),
    "centres": (CENTRES, ("region", "axis"), lambda x: nmm.Connectome(W, labels=REGIONS, centres=x).centres),
    "slot of a model": (ONE, ("region",), lambda x: network(model=nmm.models.LeakyIntegrator(I=x)).model.I),
    "slot of a group": (ONE, ("region",), lambda x: network(model={"one": nmm.models.LeakyIntegrator(I=x)}, groups={}).model.groups["one"].I),
    "slot of a coupling": (ONE, ("region",), lambda x: network(G=x).coupling.G),
    "slot of noise": (abs(ONE), ("region",), lambda x: network(noise=nmm.noises.Additive(sigma=x)).noise.sigma),
    "slot of a stimulus": (ONE, ("region",), lambda x: network(stimulus=nmm.stimuli.Pulse(amplitude=x)).stimulus.amplitude),
    "maps of a prior": (ONE, ("region",), drawn),
    "initial": (START, ("state", "region"), lambda x: network(model=nmm.models.Hopf(), initial=x).initial),
    "recorded stimulus": (COURSES, ("time", "region"), lambda x: network(stimulus=nmm.stimuli.FromArray(x, 1.0)).stimulus.values),
    "gain": (GAIN, ("sensor", "region"), seen),
    "data": (COURSES, ("time", "region"), lambda x: check_channels(read_recording(x), REGIONS, "region").values),
}
OTHER = {"axis": ("x", "y", "z"), "state": ("x", "y"), "sensor": ("s", "t", "v"), "time": None}


def names_of(axes):
    return [OTHER.get(axis, REGIONS) for axis in axes]


@pytest.mark.parametrize("name", ENTRANCES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_xarray_in_any_order(name, data):
    values, axes, use = ENTRANCES[name]
    array = xr.DataArray(values, dims=axes, coords={axis: list(names) for axis, names in zip(axes, names_of(axes), strict=True) if names})
    for axis, names in zip(axes, names_of(axes), strict=True):
        if names and axis != "sensor":
            array = array.sel({axis: data.draw(st.permutations(names))})
    np.testing.assert_allclose(use(array.transpose(*data.draw(st.permutations(axes)))), values)


@pytest.mark.parametrize("name", ENTRANCES)
def test_tables_in_another_order(name):
    values, axes, use = ENTRANCES[name]
    if values.ndim == 1:
        table = pd.Series(values, REGIONS)[list(REGIONS[::-1])]
    else:
        rows, columns = names_of(axes)
        table = pd.DataFrame(values, rows, columns)
        table = table[list(columns[::-1])] if rows is None or axes[0] == "sensor" else table.loc[list(rows[::-1]), list(columns[::-1])]
    np.testing.assert_allclose(use(table), values)


@pytest.mark.parametrize("name", ENTRANCES)
def test_other_names_are_refused(name):
    values, axes, use = ENTRANCES[name]
    for axis, names in zip(axes, names_of(axes), strict=True):
        if names and axis != "sensor":
            coords = {other: list(labels) for other, labels in zip(axes, names_of(axes), strict=True) if labels} | {axis: [*names[:-1], "other"]}
            with pytest.raises(ValueError, match=r"unknown .*other"):
                use(xr.DataArray(values, dims=axes, coords=coords))


@pytest.mark.parametrize("name", ENTRANCES)
def test_numbers_that_are_no_real_numbers_are_refused(name):
    values, _, use = ENTRANCES[name]
    mask = np.zeros(values.shape, bool)
    mask.flat[1] = True
    for wrong, message in ((values + 1j, "complex"), (np.ma.masked_array(values, mask), "1 masked")):
        with pytest.raises(ValueError, match=message):
            use(wrong)


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
    ("unit", "kept"), [("uV", "uV"), ("fT", "fT"), ("T/m", "T/m"), ("V/(A m)", "a.u."), ("uV / nAm", "a.u."), ("V/(A*m)", "a.u."), ("", "a.u.")]
)
def test_the_unit_of_a_gain_is_that_of_its_sensors_unless_it_is_per_dipole_moment(unit, kept):
    assert nmm.observe.LeadField(xr.DataArray(GAIN, dims=("sensor", "region"), attrs={"units": unit})).unit == kept


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
    found, right = (nmm.solve(start, 200.0, observe=nmm.observe.Bold(period=100.0, gain=g), step=1.0) for g in (gain, gain.to_numpy()[::-1]))
    np.testing.assert_array_equal(found.values, right.values)


def test_time_courses_from_elsewhere_are_observed():
    array = xr.DataArray(COURSES, dims=("time", "region"), coords={"time": ("time", 2.0 * np.arange(5), {"units": "s"}), "region": list(REGIONS)})
    right = np.corrcoef(COURSES.T)
    connectivity = nmm.observe.FunctionalConnectivity()
    for courses in (array, array.T, COURSES, pd.DataFrame(COURSES, columns=REGIONS), COURSES * u.mV, nmm.Signal.of(COURSES, 2 * u.second)):
        np.testing.assert_allclose(connectivity(courses).values, right, atol=1e-5)
    assert connectivity(array).labels[0] == REGIONS
    subsample = nmm.observe.Subsample(period=4 * u.second)
    for courses in (array, nmm.Signal.of(COURSES, 2 * u.second)):
        np.testing.assert_allclose(subsample(courses).values, COURSES[1::2], atol=1e-6)
    with pytest.raises(ValueError, match=r"do not say the time between samples; give it, such as nmm\.Signal\.of\(array"):
        subsample(COURSES)
    with pytest.raises(ValueError, match=r"got 1000 ms, the data say 2000 ms"):
        nmm.Signal.of(array, 1 * u.second)
    with pytest.raises(TypeError, match=r"got a Dataset of x, y, expected one of these, such as dataset\['x'\]"):
        connectivity(nmm.simulate(nmm.models.Hopf(), 10.0, step=1.0))


@pytest.mark.parametrize("model", [nmm.models.Hopf, nmm.models.Kuramoto, nmm.models.StuartLandau, nmm.models.HORN])
@given(st.floats(0.1, 1000.0))
def test_hertz_are_cycles_and_radians_are_radians(model, hertz):
    right = 2e-3 * np.pi * hertz
    for given_ in (hertz * u.Hz, 1e-3 * hertz * u.kHz, 2 * np.pi * hertz * u.radian / u.second):
        np.testing.assert_allclose(model(omega=given_).omega, right)
    for unit, worth in ((u.Hz, 2e-3 * np.pi), ("Hz", 2e-3 * np.pi), ("rad/s", 1e-3), (u.radian / u.second, 1e-3), (None, 1.0)):
        np.testing.assert_allclose(model(omega=nmm.Prior(dist.Normal(1.0, 1.0), unit=unit)).omega.scale, worth)
    np.testing.assert_allclose(nmm.stimuli.Sine(frequency=2 * np.pi * hertz * u.radian / u.second).frequency, 1e-3 * hertz)
