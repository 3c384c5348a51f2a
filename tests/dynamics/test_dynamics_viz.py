"""Pictures of dynamics: what is drawn where."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import nmm_infer as nmm
from nmm_infer import dynamics, viz

QIF = nmm.models.MontbrioPazoRoxin()


def eta(n):
    return n.model.eta


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def branch():
    return dynamics.continuation(QIF, eta, (-10.0, 0.0))


@pytest.fixture(scope="module")
def swept():
    return dynamics.sweep(QIF, eta, [-7.0, -5.0, -2.0], duration=50.0, step=0.02)


def line(ax, label):
    return next(one for one in ax.lines if one.get_label() == label)


def test_nullclines_pass_through_the_fixed_points():
    points = dynamics.fixed_points(QIF)
    field = dynamics.vector_field(QIF, points=201)
    path = nmm.simulate(QIF, 20.0, step=0.02)
    ax = viz.phase_plane(field, points=points, trajectories=path)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("r (kHz)", "V")
    curves = [
        np.concatenate([p.vertices for p in c.get_paths()]) for c in ax.collections if hasattr(c, "levels")
    ]
    assert len(curves) == 2
    for point in points["value"].values[1:, :, 0]:
        for curve in curves:
            assert np.abs((curve - point) / [2.0, 3.5]).sum(axis=1).min() < 0.01
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "r' = 0",
        "V' = 0",
        "stable",
        "unstable",
    ]
    filled = [one for one in ax.lines if one.get_marker() == "o"]
    assert [len(one.get_xdata()) for one in filled] == [2, 2]
    assert filled[1].get_markerfacecolor() == "white"


def test_vector_field_is_the_drift_with_the_others_held():
    model = nmm.models.JansenRit()
    at = np.linspace(0.0, 1.0, 6)
    field = dynamics.vector_field(model, "y1", "y4", at=at, points=5, span={"y4": (-1.0, 1.0)})
    assert field["change_x"].dims == ("y4", "y1")
    state = at[:, None].copy()
    state[1], state[4] = field["y1"][2], field["y4"][3]
    expected = nmm.Network(model).drift(0.0, state)
    np.testing.assert_allclose(
        [field["change_x"][3, 2], field["change_y"][3, 2]], expected[[1, 4], 0], rtol=1e-12
    )


def test_branch_is_cut_at_its_folds(branch, swept):
    ax = viz.bifurcation(branch, swept)
    solid, dashed = line(ax, "stable"), line(ax, "unstable")
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    folds = np.sort(branch["special_parameter"].values)
    np.testing.assert_allclose([dashed.get_xdata().min(), dashed.get_xdata().max()], folds)
    assert solid.get_xdata().max() == pytest.approx(folds.max())
    np.testing.assert_allclose(np.sort(line(ax, "fold").get_xdata()), folds)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("model.eta", "r (kHz)")
    up = line(ax, "range, up")
    np.testing.assert_allclose(up.get_ydata(), swept["minimum"].sel(direction="up").values[:, 0])


def test_posterior_lies_along_the_axis_in_the_units_of_the_parameter():
    model = nmm.models.JansenRit(v0=6.0)
    branch = dynamics.continuation(model, lambda n: n.model.mu, (0.4, 0.3))
    draws = xr.DataArray(
        np.linspace(310.0, 330.0, 100).reshape(2, 50), dims=("chain", "draw"), attrs={"units": "Hz"}
    )
    for posterior in (draws, xr.Dataset({"model.mu": draws})):
        ax = viz.bifurcation(branch, posterior=posterior)
        edges = ax.patches[-1].get_data().edges
        np.testing.assert_allclose([edges[0], edges[-1]], [0.31, 0.33])
        assert ax.get_xlabel() == "model.mu (kHz)"


def test_a_narrow_posterior_is_marked(branch):
    rng = np.random.default_rng(0)
    for sd, marked in ((0.001, True), (1.0, False)):
        ax = viz.bifurcation(branch, posterior=rng.normal(-5.0, sd, 400))
        marks = [one for one in ax.lines if one.get_marker() == "v"]
        assert bool(marks) == marked
    assert not marks


def test_any_state_and_region(branch):
    ax = viz.bifurcation(branch, state="V", region="region")
    assert ax.get_ylabel() == "V"
    assert line(ax, "unstable").get_ydata().max() < 0


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda b, s: viz.bifurcation(s), "expected the dataset of nmm.dynamics.continuation"),
        (lambda b, s: viz.bifurcation(b, s, state="V"), "got r over model.eta, expected V over model.eta"),
        (lambda b, s: viz.bifurcation(b, state="W"), "the branch has r, V"),
        (lambda b, s: viz.bifurcation(b, region="X"), "regions start with region"),
        (
            lambda b, s: viz.bifurcation(b, posterior=xr.Dataset({"coupling.G": ("draw", [1.0])})),
            "has no model.eta; it has coupling.G",
        ),
        (lambda b, s: viz.phase_plane(b), "expected the dataset of nmm.dynamics.vector_field"),
    ],
)
def test_errors_say_what_to_pass(draw, message, branch, swept):
    with pytest.raises(ValueError, match=message):
        draw(branch, swept)
