"""Regions are found by their names, however their hemisphere is written."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer.datasets import match
from nmm_infer.datasets._match import words

LABELS = ("L.cuneus", "L.superiorfrontal", "R.cuneus", "R.superiorfrontal")
WEIGHTS = np.array([[0, 2, 3, 4], [2, 0, 5, 6], [3, 5, 0, 7], [4, 6, 7, 0]], dtype=float)
CONNECTOME = nmm.Connectome(WEIGHTS, labels=LABELS)


def bold(labels, volumes=5):
    values = np.arange(volumes)[:, None] % 7 + 10.0 * np.arange(len(labels))
    return xr.DataArray(
        values,
        dims=("time", "region"),
        coords={"time": ("time", 2.0 * np.arange(volumes), {"units": "s"}), "region": list(labels)},
    )


@pytest.mark.parametrize(
    "labels",
    [
        ("lh_cuneus", "lh_superiorfrontal", "rh_cuneus", "rh_superiorfrontal"),
        ("ctx-lh-cuneus", "ctx-lh-superiorfrontal", "ctx-rh-cuneus", "ctx-rh-superiorfrontal"),
        ("Atlas_LH_cuneus"[6:], "LH_superiorfrontal", "RH_cuneus", "RH_superiorfrontal"),
        ("Left-Cuneus", "Left-Superior-Frontal", "Right-Cuneus", "Right-Superior-Frontal"),
        ("Cuneus_L", "SuperiorFrontal_L", "Cuneus_R", "SuperiorFrontal_R"),
        ("cuneus (left)", "superior frontal (left)", "cuneus (right)", "superior frontal (right)"),
    ],
)
def test_hemispheres_may_be_written_in_any_way(labels):
    order = [2, 0, 3, 1]
    data = bold(labels).isel(region=order)
    found = match(CONNECTOME, data)
    assert [pair.data for pair in found.pairs] == list(labels)
    assert {pair.how for pair in found.pairs} == {"by hemisphere and words"}
    assert found.data["region"].values.tolist() == list(LABELS)
    np.testing.assert_array_equal(found.data.values, bold(labels).values)
    np.testing.assert_array_equal(found.connectome.weights, WEIGHTS)


def test_what_only_one_of_them_has_is_left_out_and_said():
    found = match(CONNECTOME, bold(("R.cuneus", "rh.unknown", "lh_cuneus")))
    assert found.connectome.labels == ("L.cuneus", "R.cuneus")
    np.testing.assert_array_equal(found.connectome.weights, [[0, 3], [3, 0]])
    np.testing.assert_array_equal(found.data.values[0], [20.0, 0.0])
    assert found.only_connectome == ("L.superiorfrontal", "R.superiorfrontal")
    assert found.only_data == ("rh.unknown",)
    said = str(found)
    assert "2 regions matched: 1 by hemisphere and words, 1 by the same name" in said
    assert "left out of the connectome (2): L.superiorfrontal, R.superiorfrontal" in said
    assert "left out of the data (1): rh.unknown" in said
    assert "L.cuneus = lh_cuneus" in said


def test_a_table_knows_what_no_rule_can():
    found = match(CONNECTOME, bold(("V2_L", "R.cuneus")), table={"V2_L": "L.cuneus"})
    assert [tuple(pair) for pair in found.pairs] == [
        ("L.cuneus", "V2_L", "by the table"),
        ("R.cuneus", "R.cuneus", "by the same name"),
    ]


def test_a_name_that_could_be_two_regions_is_none():
    found = match(CONNECTOME, bold(("lh_cuneus", "cuneus.L", "R.cuneus")))
    assert [pair.data for pair in found.pairs] == ["R.cuneus"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Schaefer2018_7Networks_LH_Vis_1", "Schaefer2018_7Networks_RH_Vis_1"),
        ("Area 4a (PreCG) left hemisphere", "Area 4a (PreCG) - right hemisphere"),
        ("L_OFC_r", "lh_OFC_l"),
        ("L_Parietal_R", "lh_parietal"),
        ("L_sfg_1_1", "lh_sfg_11"),
        ("Left-Cerebellum-Cortex", "L Cerebellum"),
        ("Left-Cerebral-Cortex", "L Cerebral"),
    ],
)
def test_what_only_looks_alike_is_not_matched(mine, theirs):
    connectome = nmm.Connectome(np.ones((2, 2)) - np.eye(2), labels=[mine, "same"])
    found = match(connectome, bold((theirs, "same")))
    assert [pair.connectome for pair in found.pairs] == ["same"]


def test_whole_atlases_of_long_names_are_matched():
    mine = [f"Schaefer2018_7Networks_{side}_Vis_{i}" for side in ("LH", "RH") for i in (1, 2, 11)]
    theirs = [label.replace("_", "-") for label in mine]
    found = match(nmm.Connectome(np.ones((6, 6)) - np.eye(6), labels=mine), bold(theirs[::-1]))
    assert [pair.data for pair in found.pairs] == theirs


def test_tables_and_signals_stay_what_they_are():
    frame = bold(("rh_cuneus", "lh_cuneus")).to_pandas().reset_index(drop=True)
    table = match(CONNECTOME, frame).data
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["L.cuneus", "R.cuneus"]
    signal = match(CONNECTOME, nmm.Signal.of(bold(("rh_cuneus", "lh_cuneus")))).data
    assert signal.labels[signal.dims.index("region")] == ("L.cuneus", "R.cuneus")
    assert signal.interval == 2000.0
    np.testing.assert_array_equal(signal.values, table.values)


def test_a_connectome_without_labels_takes_them_on_request_alone():
    bare = nmm.Connectome(WEIGHTS)
    with pytest.raises(ValueError, match=r"without labels, and data of 4 regions.*in_order=True"):
        match(bare, bold(LABELS))
    found = match(bare, bold(LABELS), in_order=True)
    assert found.connectome.labels == LABELS
    assert {pair.how for pair in found.pairs} == {"by position"}
    with pytest.raises(ValueError, match="a connectome of 4 regions and data of 2"):
        match(bare, bold(LABELS[:2]), in_order=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: match(CONNECTOME, bold(("a", "b"))), "found no region that both have: the connectome has L"),
        (lambda: match(CONNECTOME, np.ones((5, 4))), "got regions without labels"),
        (lambda: match(CONNECTOME, bold(("L.cuneus", "L.cuneus"))), "labels that come twice: L.cuneus"),
        (lambda: match(CONNECTOME, bold(LABELS), in_order=True), "labels of its own"),
        (
            lambda: match(CONNECTOME, bold(("a", "b")), table={"a": "L.cuneus", "b": "L.cuneus"}),
            "gives L.cuneus to several",
        ),
        (lambda: match(nmm.Connectome(WEIGHTS), bold(("1", "2", "4", "17"))), "without labels"),
        (
            lambda: match(CONNECTOME, bold(LABELS), table={"x": "L.cuneus"}),
            "names 'x', which the data have not",
        ),
        (
            lambda: match(CONNECTOME, bold(LABELS), table={"L.cuneus": "y"}),
            "names 'y', which the connectome have not",
        ),
    ],
)
def test_errors_say_what_to_pass(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_matched_parts_fit_together():
    import brainunit as u
    import numpyro.distributions as dist

    found = match(CONNECTOME, bold(("rh_cuneus", "lh_cuneus", "lh_superiorfrontal"), 100))
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(0.0, 1.0), unit="s")),
        found.connectome.scaled_by_max(),
        nmm.couplings.Additive(G=0.1),
        noise=nmm.noises.Additive(sigma=0.1),
    )
    likelihood = nmm.likelihoods.Spectral(band=(0.02 * u.Hz, 0.1 * u.Hz), bands=2)
    problem = nmm.Problem(network, nmm.observe.Bold(), likelihood)
    noise = np.random.default_rng(0).normal(size=found.data.shape)
    conditioned = problem.condition(found.data + noise)
    assert conditioned.coords()["region"] == ["L.cuneus", "L.superiorfrontal", "R.cuneus"]


@given(st.permutations(range(68)))
def test_any_order_of_the_shipped_regions(order):
    connectome = nmm.datasets.desikan_killiany(cortical=True)
    renamed = [label.replace("L.", "lh_").replace("R.", "rh_") for label in connectome.labels]
    found = match(connectome, bold(renamed).isel(region=list(order)))
    assert found.connectome.labels == connectome.labels
    np.testing.assert_array_equal(found.data.values, bold(renamed).values)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("7Networks_LH_Vis_1", ("L", "7networksvis1")),
        ("L_sfg_1_1", ("L", "sfg1 1")),
        ("L_OFC_r", None),
        ("Left-Hippocampus", ("L", "hippocampus")),
        ("Frontal_Sup_R", ("R", "frontalsup")),
        ("lcuneus", ("lcuneus",)),
        ("ctx-rh-bankssts", ("R", "bankssts")),
    ],
)
def test_words_of_a_label(label, said):
    assert words(label) == said
