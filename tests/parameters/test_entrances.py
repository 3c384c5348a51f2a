"""Whatever the container, the order and the unit: what enters is the plain array in the right order and unit,
or is refused by a sentence of our own.
"""

import re
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import xarray as xr
from entrances import ENTRANCES, PLAIN, REGIONS, W, labelled, names_of, network, table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import nmm_infer as nmm

OWN = str(Path(nmm.__file__).parent)
every = pytest.mark.parametrize("name", ENTRANCES)
some = settings(max_examples=5, deadline=None)


def refusal(use, value):
    """What is said against a value, by us."""
    with pytest.raises((TypeError, ValueError)) as caught:
        use(value)
    assert str(caught.traceback[-1].path).startswith(OWN), f"not ours: {caught.value!r}"
    return str(caught.value)


def same(name, value, right=None):
    np.testing.assert_allclose(
        ENTRANCES[name].use(value), ENTRANCES[name].values if right is None else right, rtol=1e-3
    )


# ---------------------------------------------------------------- what holds the numbers

ALIKE = {
    "float32": lambda v: v.astype(np.float32),
    "big endian": lambda v: v.astype(">f4"),
    "long double": lambda v: v.astype(np.longdouble),
    "column by column": np.asfortranarray,
    "every second": lambda v: np.repeat(v, 2, axis=-1)[..., ::2],
    "objects": lambda v: v.astype(object),
    "text": lambda v: v.astype(str),
    "list": lambda v: v.tolist(),
    "JAX": jnp.asarray,
    "nothing masked": lambda v: np.ma.masked_array(v, np.zeros(v.shape, bool)),
    "table": lambda v: pd.Series(v) if v.ndim == 1 else pd.DataFrame(v),
    "nullable table": lambda v: (pd.Series(v) if v.ndim == 1 else pd.DataFrame(v)).convert_dtypes(),
}


def read_only(values):
    values = values.copy()
    values.setflags(write=False)
    return values


@every
@pytest.mark.parametrize("kind", ALIKE)
def test_containers_of_the_same_numbers(name, kind):
    values = ENTRANCES[name].values
    if name == "edges" and kind in ("float32", "big endian", "long double", "objects", "text"):
        assert "expected booleans" in refusal(ENTRANCES[name].use, ALIKE[kind](values))
    else:
        same(name, ALIKE[kind](read_only(values)))
        if kind not in ("JAX", "list", "table", "nullable table"):
            same(name, labelled(ALIKE[kind](values), ENTRANCES[name].axes))


@every
def test_whole_numbers(name):
    values = ENTRANCES[name].values
    whole = np.round(10 * values).astype(int)
    if name == "edges":
        assert "expected booleans" in refusal(ENTRANCES[name].use, whole)
    else:
        for kind in (whole, jnp.asarray(whole), labelled(whole, ENTRANCES[name].axes), whole.tolist()):
            same(name, kind, whole)


# ---------------------------------------------------------------- order


@every
@some
@given(data=st.data())
def test_axes_and_entries_in_any_order(name, data):
    values, axes = ENTRANCES[name].values, ENTRANCES[name].axes
    array = labelled(values, axes)
    for axis, names in zip(axes, names_of(axes), strict=True):
        if names and axis != "sensor":
            array = array.sel({axis: data.draw(st.permutations(names))})
    same(name, array.transpose(*data.draw(st.permutations(axes))))


@every
def test_tables_in_another_order(name):
    frame = table(ENTRANCES[name].values, ENTRANCES[name].axes)
    for position, (axis, names) in enumerate(
        zip(ENTRANCES[name].axes, names_of(ENTRANCES[name].axes), strict=True)
    ):
        if names and axis != "sensor":
            frame = frame.reindex(list(names[::-1]), axis=position)
    same(name, frame)


def without(labels, array, axis):
    return array.isel({axis: slice(1, None)})


def twice(labels, array, axis):
    return array.assign_coords({axis: [labels[1], *labels[1:]]})


def unknown(labels, array, axis):
    return array.assign_coords({axis: [*labels[:-1], "other"]})


@every
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without, "missing|has dims"),
        (twice, "repeats|missing"),
        (unknown, "(unknown|missing) .*other|other.* missing"),
    ],
)
def test_labels_that_do_not_match_are_refused(name, change, said):
    axes = ENTRANCES[name].axes
    array = labelled(ENTRANCES[name].values, axes)
    for axis, labels in zip(axes, names_of(axes), strict=True):
        if labels and axis != "sensor":
            with pytest.raises(ValueError, match=said):
                ENTRANCES[name].use(change(labels, array, axis))


@every
@some
@given(size=st.integers(1, 3), coordinate=st.booleans(), place=st.integers(0, 1))
def test_axes_that_are_not_asked_for_are_refused(name, size, coordinate, place):
    entrance = ENTRANCES[name]
    more = labelled(entrance.values, entrance.axes).expand_dims(
        {"subject": [f"s{i}" for i in range(size)] if coordinate else size}, axis=place
    )
    assert entrance.name in refusal(entrance.use, more)
    assert refusal(entrance.use, np.stack([entrance.values] * size)[None])


# ---------------------------------------------------------------- units

WORTH = {
    "ms": {"s": 1e3, "ms": 1.0, "us": 1e-3},
    "mm": {"m": 1e3, "cm": 10.0, "mm": 1.0},
    "1": {"%": 0.01, "1": 1.0, "streamlines": 1.0},
}
MEASURED = [name for name, entrance in ENTRANCES.items() if entrance.unit]
QUANTITY = {"s": u.second, "ms": u.ms, "us": u.us, "m": u.meter, "cm": u.cm, "mm": u.mm, "1": u.UNITLESS}


@pytest.mark.parametrize("name", MEASURED)
@some
@given(data=st.data())
def test_units_are_converted(name, data):
    entrance = ENTRANCES[name]
    unit = data.draw(st.sampled_from(sorted(WORTH[entrance.unit])))
    if unit == "%" and name in ("initial", "recorded stimulus"):  # a share of what?
        return
    values = entrance.values / WORTH[entrance.unit][unit]
    same(name, labelled(values, entrance.axes).assign_attrs(units=unit))
    frame = table(values, entrance.axes)
    frame.attrs["units"] = unit
    same(name, frame)
    if unit in QUANTITY and unit != "1":
        same(name, values * QUANTITY[unit])


@pytest.mark.parametrize("name", MEASURED)
def test_units_of_another_dimension_are_refused(name):
    entrance = ENTRANCES[name]
    for wrong in (
        entrance.values * u.kilogram,
        labelled(entrance.values, entrance.axes).assign_attrs(units="kilogram"),
    ):
        with pytest.raises(nmm.units.UnitError, match=r"in (kg|kilogram)"):
            entrance.use(wrong)


def test_units_of_an_initial_state_are_converted():
    model = nmm.models.ZetterbergJansen()
    states = model.state_names()
    assert len({state.unit for state in model.states}) > 1
    array = xr.DataArray(
        np.zeros(len(states)), dims="state", coords={"state": list(states)}, attrs={"units": "volt"}
    )
    with pytest.raises(
        ValueError, match=r"Network\(initial=\.\.\.\): the states of ZetterbergJansen have different units"
    ):
        network(model=model, initial=array)


# ---------------------------------------------------------------- what is no number


def spoilt(values, entry):
    values = np.array(values, dtype=type(entry) if isinstance(entry, str) else float).astype(
        object if isinstance(entry, str) else float
    )
    values.flat[1] = entry
    return values


BAD = {
    "complex": (lambda v: v + 1j, "complex"),
    "complex JAX": (lambda v: jnp.asarray(v) + 1j, "complex"),
    "masked": (lambda v: np.ma.masked_array(v, np.arange(v.size).reshape(v.shape) == 1), "1 masked"),
    "NaN": (lambda v: spoilt(v, np.nan), "NaN"),
    "NaN in JAX": (lambda v: jnp.asarray(spoilt(v, np.nan)), "NaN"),
    "infinite": (lambda v: spoilt(v, np.inf), "infinite|NaN"),
    "a gap": (lambda v: pd.DataFrame(np.atleast_2d(spoilt(v, np.nan))).convert_dtypes().squeeze(), "NaN"),
    "a word": (lambda v: spoilt(v, "word"), r"'word' at \[(0, )?1\]"),
    "dates": (
        lambda v: (1e3 * abs(v)).astype("datetime64[s]"),
        r"got datetime64\[s\], .*count time spans in a unit",
    ),
    "time spans": (
        lambda v: (1e3 * abs(v)).astype("timedelta64[ms]"),
        r"got timedelta64\[ms\], .*count time spans in a unit",
    ),
}
NOT_AN_ARRAY = {
    "ragged": [[1.0], [1.0, 2.0]],
    "mapping": {"a": 1.0},
    "set": {1.0, 2.0},
    "sparse": sparse.csr_matrix(W),
    "quantities": [1.0 * u.mm, 2.0 * u.mm],
    "several": xr.Dataset({"x": ("region", [1.0, 2.0])}),
    "nothing": np.zeros((0, 0)),
    "a function": len,
    "a class": np.ndarray,
    "a signal": nmm.Signal(jnp.zeros(4), 1.0, ("region",), ((),), "x", "1"),
}


@every
@pytest.mark.parametrize("kind", BAD)
def test_entries_that_are_no_real_numbers_are_refused(name, kind):
    entrance, (spoil, said) = ENTRANCES[name], BAD[kind]
    said = "booleans|'False' at" if name == "edges" and ("NaN" in said or kind == "a word") else said
    spoilt_values = spoil(entrance.values)
    for value in (
        spoilt_values,
        *([] if kind in ("masked", "a gap") else [labelled(np.asarray(spoilt_values), entrance.axes)]),
    ):
        message = refusal(entrance.use, value)
        assert re.search(said, message)
        assert entrance.name in message


@every
@pytest.mark.parametrize("kind", NOT_AN_ARRAY)
def test_what_is_no_array_is_refused(name, kind):
    entrance = ENTRANCES[name]
    said = refusal(entrance.use, NOT_AN_ARRAY[kind])
    assert len(said) < 500
    assert "expected" in said


# ---------------------------------------------------------------- labels

LABELS = {
    "list": list(REGIONS),
    "array": np.array(REGIONS),
    "bytes": np.array(REGIONS).astype("S3"),
    "filled up": ["a  ", "b  ", "c  ", "d  "],
    "coordinate": xr.DataArray(list(REGIONS), dims="region"),
    "index": pd.Index(REGIONS),
    "series": pd.Series(REGIONS),
    "categories": pd.Categorical(REGIONS),
    "cells": np.array([[[label]] for label in REGIONS], dtype=object),
    "keys": dict.fromkeys(REGIONS).keys(),
}
NO_LABELS = (4, {"a": 1}, ["a", None, "c", "d"], ["a", np.nan, "c", "d"], [object()] * 4, [["a", "b"]] * 4)
NAMED = {
    "connectome": ("Connectome(labels=...)", lambda x: nmm.Connectome(W, labels=x).labels),
    "selection": ("select(labels)", lambda x: PLAIN.select(x).labels),
    "sensors": ("LeadField(sensors=...)", lambda x: nmm.observe.LeadField(np.ones((4, 4)), x).sensors),
    "driven regions": ("stimulus(regions=...)", lambda x: nmm.stimuli.Pulse(regions=x).regions),
    "group": (
        "groups",
        lambda x: network(model={"one": nmm.models.LeakyIntegrator()}, groups={"one": x}).model.plates[
            "region_one"
        ],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_labels_in_any_sequence(name):
    called, use = NAMED[name]
    for labels in LABELS.values():
        assert use(labels) == REGIONS
    for labels in (*NO_LABELS, *((set(REGIONS),) if name in ("connectome", "selection", "sensors") else ())):
        said = refusal(use, labels)
        assert called in said
        assert "expected a sequence of labels, such as" in said
    if name in ("driven regions", "group"):  # their order means nothing
        assert use(set(REGIONS)) == REGIONS


# ---------------------------------------------------------------- time courses


@pytest.mark.parametrize("use", [lambda x: nmm.Signal.of(x), lambda x: ENTRANCES["data"].use(x)])
def test_columns_and_times_that_say_nothing_of_a_channel_are_refused(use):
    frame = table(ENTRANCES["data"].values, ENTRANCES["data"].axes)
    for name in ("time", "Epoch", "condition"):
        assert f"a column {name!r}, expected a column for each channel" in refusal(
            use, frame.assign(**{name: np.arange(5.0)})
        )
    for times in (
        [0.0, np.nan, 2.0, 3.0, 4.0],
        [4.0, 3.0, 2.0, 1.0, 0.0],
        pd.to_datetime(["2026-01-01", None] * 2 + ["2026-01-02"]),
    ):
        assert "irregular or decreasing times" in refusal(
            use, labelled(frame.to_numpy(), ("time", "region"), time=times)
        )
    words = labelled(frame.to_numpy(), ("time", "region"), time=list("abcde"))
    assert "time got 'a' at [0], expected numbers" in refusal(use, words)
    one = labelled(frame.to_numpy()[:1], ("time", "region"), time=[0.0])
    assert "the time of 1 samples, from which no interval is known" in refusal(use, one)


def test_time_courses_with_gaps_are_not_observed():
    for values in (
        spoilt(ENTRANCES["data"].values, np.nan),
        jnp.asarray(spoilt(ENTRANCES["data"].values, np.inf)),
    ):
        with pytest.raises(ValueError, match=r"Signal\.of\(\.\.\.\) got NaN or infinite values in regions 1"):
            nmm.observe.FunctionalConnectivity()(values)


# ---------------------------------------------------------------- data of every likelihood

NOISE = nmm.noises.Additive(sigma=0.1)
TIMED = {"duration": 40.0, "step": 1.0}
SAMPLED = nmm.observe.Subsample(period=1.0)
FREE = nmm.Prior(dist.Normal(0.2, 0.1))
SERIES = np.random.default_rng(5).normal(size=(40, 4))
VARIANCE = nmm.likelihoods.Log(nmm.observe.Variance())
LIKELIHOODS = {
    "Gaussian": lambda: nmm.Problem(network(G=FREE), SAMPLED, nmm.likelihoods.Gaussian(), **TIMED),
    "StudentT": lambda: nmm.Problem(network(G=FREE), SAMPLED, nmm.likelihoods.StudentT(), **TIMED),
    "AR1": lambda: nmm.Problem(network(G=FREE), SAMPLED, nmm.likelihoods.AR1(), **TIMED),
    "LatentPath": lambda: nmm.Problem(
        network(G=FREE, noise=NOISE),
        SAMPLED,
        nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian(), steps=4),
        **TIMED,
    ),
    "ExtendedKalman": lambda: nmm.Problem(
        network(G=FREE, noise=NOISE), SAMPLED, nmm.likelihoods.ExtendedKalman()
    ),
    "Features": lambda: nmm.Problem(
        network(G=FREE, noise=NOISE), SAMPLED, nmm.likelihoods.Features(VARIANCE, repetitions=6), **TIMED
    ),
    "Spectral": lambda: nmm.Problem(
        network(G=FREE, noise=NOISE),
        nmm.observe.Subsample(),
        nmm.likelihoods.Spectral(band=(0.05, 0.4), bands=2, repetition_time=1.0),
    ),
    "Covariance": lambda: nmm.Problem(
        network(G=FREE, noise=NOISE), nmm.observe.Subsample(), nmm.likelihoods.Covariance(dof=20.0)
    ),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_has_its_data_in_order(name):
    problem = LIKELIHOODS[name]()
    right = problem.condition(SERIES).values
    array = labelled(SERIES, ("time", "region"))
    turned = array.sel(region=list("dbca")).T.assign_coords(
        time=("time", 1e-3 * np.arange(1, 41), {"units": "s"})
    )
    frame = table(SERIES, ("time", "region"))[list("cabd")]
    for data in (
        turned,
        frame,
        SERIES.astype(">f4"),
        np.asfortranarray(SERIES),
        SERIES.tolist(),
        jnp.asarray(SERIES),
    ):
        np.testing.assert_allclose(problem.condition(data).values, right, rtol=1e-4, atol=1e-6)
    unlike = (array.isel(region=[0, 1, 2]), array.assign_coords(region=list("abcx")), SERIES[:, :3])
    for wrong in (*unlike, spoilt(SERIES, np.nan), spoilt(SERIES, 1e300), SERIES + 1j, np.zeros((0, 4)), 0.3):
        assert "data" in refusal(problem.condition, wrong)
