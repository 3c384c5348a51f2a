import brainunit as u
import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nmm_infer._networks._connectome import Connectome, single_region
from nmm_infer.priors._edges import SymmetricEdges
from nmm_infer.priors._prior import Prior
from nmm_infer.units import UnitError

LABELS = ("L.A", "L.B", "R.A", "R.B")
WEIGHTS = np.array([[0.0, 4.0, 1.0, 0.0], [4.0, 0.0, 2.0, 8.0], [1.0, 2.0, 0.0, 16.0], [0.0, 8.0, 16.0, 0.0]])
LENGTHS = np.array(
    [[0.0, 10.0, 60.0, 70.0], [10.0, 0.0, 50.0, 55.0], [60.0, 50.0, 0.0, 12.0], [70.0, 55.0, 12.0, 0.0]]
)
CENTRES = np.array([[-40.0, 10, 5], [-30, -20, 40], [40, 10, 5], [30, -20, 40]])

SYMMETRIC_SCALINGS = {
    "max": (Connectome.scaled_by_max, WEIGHTS / 16),
    # Strengths are 5, 14, 19 and 24.
    "mean strength": (Connectome.scaled_by_mean_strength, WEIGHTS / 15.5),
    "power": (lambda c: c.power(0.5), np.sqrt(WEIGHTS)),
    # Powers of two are evenly spaced in the logarithm: the weakest edge lies 1 % of the range above 0.
    "log": (
        Connectome.log_weights,
        np.where(WEIGHTS > 0, (np.log2(np.where(WEIGHTS > 0, WEIGHTS, 1)) / 4 + 0.01) / 1.01, 0),
    ),
    "spectral radius": (Connectome.scaled_by_spectral_radius, WEIGHTS / np.max(np.linalg.eigvalsh(WEIGHTS))),
}


def full() -> Connectome:
    return Connectome(WEIGHTS, LENGTHS, LABELS, CENTRES)


def matrices():
    """Symmetric non-negative weights with at least one edge, over seven decades."""
    values = arrays(np.float64, (5, 5), elements=st.one_of(st.just(0.0), st.floats(1e-2, 1e5)))
    return values.map(lambda w: np.triu(w, 1) + np.triu(w, 1).T).filter(np.any)


# What it holds


def test_fields_in_float64_and_numbered_labels_by_default():
    connectome = Connectome(WEIGHTS.astype(np.float32).tolist())
    assert connectome.weights.dtype == np.float64
    assert connectome.labels == ("0", "1", "2", "3")
    assert connectome.lengths is None
    assert connectome.centres is None
    assert connectome.n_regions == 4
    assert connectome.plates == {"region": 4, "edge": 6}


@pytest.mark.parametrize(
    "lengths", [LENGTHS, LENGTHS * u.mm, LENGTHS / 10 * u.cmeter], ids=["bare", "mm", "cm"]
)
def test_lengths_are_in_mm(lengths):
    np.testing.assert_allclose(Connectome(WEIGHTS, lengths).lengths, LENGTHS, rtol=1e-6)


def test_single_region_has_no_edges():
    assert single_region().n_regions == 1
    assert not single_region().edges.exists.any()


def test_edges_are_hashable_by_content():
    one, other = full().edges, full().edges
    assert one == other
    assert hash(one) == hash(other)
    assert one != full().replace(lengths=LENGTHS * 2).edges
    # Other weights on the same edges compile to the same program.
    assert one == full().scaled_by_max().edges


def test_edges_know_no_length_where_nothing_is_connected():
    edges = full().edges
    assert edges.exists.sum() == 10
    assert edges.lengths[0, 3] == 0.0
    assert edges.lengths[0, 2] == 60.0


def test_prior_over_edges_allows_every_pair():
    connectome = Connectome(Prior(dist.HalfNormal(1.0), over="edge"), LENGTHS)
    assert isinstance(connectome.weights, SymmetricEdges)
    np.testing.assert_array_equal(connectome.edges.exists, ~np.eye(4, dtype=bool))


def test_jax_weights_stay_jax_arrays():
    assert isinstance(Connectome(jnp.asarray(WEIGHTS)).weights, jnp.ndarray)


# Normalisations


@pytest.mark.parametrize("name", SYMMETRIC_SCALINGS)
def test_normalisation_values(name):
    function, expected = SYMMETRIC_SCALINGS[name]
    scaled = function(full())
    np.testing.assert_allclose(scaled.weights, expected, rtol=1e-12)
    assert scaled.labels == LABELS
    np.testing.assert_array_equal(scaled.lengths, LENGTHS)
    np.testing.assert_array_equal(scaled.centres, CENTRES)


@pytest.mark.parametrize("name", SYMMETRIC_SCALINGS)
@given(weights=matrices())
def test_normalisation_keeps_symmetry_and_edges(name, weights):
    scaled = SYMMETRIC_SCALINGS[name][0](Connectome(weights))
    assert scaled.is_symmetric
    np.testing.assert_array_equal(scaled.edges.exists, weights > 0)
    assert np.all(np.isfinite(scaled.weights))


@given(weights=matrices())
def test_spectral_radius_becomes_one(weights):
    scaled = Connectome(weights).scaled_by_spectral_radius().weights
    np.testing.assert_allclose(np.max(np.abs(np.linalg.eigvals(scaled))), 1.0, rtol=1e-9)


@given(weights=matrices())
def test_log_weights_keep_order_and_end_at_one(weights):
    logs = Connectome(weights).log_weights().weights
    assert logs.max() == pytest.approx(1.0)
    exists = weights > 0
    assert logs[exists].min() > 0
    order = np.argsort(weights[exists], kind="stable")
    assert np.all(np.diff(logs[exists][order]) >= 0)


def test_log_weights_of_equal_weights_are_one():
    binary = (WEIGHTS > 0) * 3.0
    np.testing.assert_array_equal(Connectome(binary).log_weights().weights, WEIGHTS > 0)


def test_row_sums_become_one_and_directed():
    isolated = np.pad(WEIGHTS, ((0, 1), (0, 1)))
    scaled = Connectome(isolated).scaled_by_row_sum()
    np.testing.assert_allclose(scaled.weights.sum(axis=1), [1, 1, 1, 1, 0])
    np.testing.assert_allclose(scaled.weights[0, :3], [0, 0.8, 0.2])
    assert not scaled.is_symmetric


@pytest.mark.parametrize("exponent", [0.0, -1.0, 2.0])
def test_power_leaves_missing_edges_alone(exponent):
    np.testing.assert_allclose(full().power(exponent).weights[0], [0, 4.0**exponent, 1, 0])


def test_without_self_connections():
    looped = Connectome(WEIGHTS + np.diag([1.0, 2, 3, 4]))
    np.testing.assert_array_equal(looped.without_self_connections().weights, WEIGHTS)


@pytest.mark.parametrize(
    "method", ["scaled_by_max", "scaled_by_mean_strength", "scaled_by_spectral_radius", "log_weights"]
)
def test_nothing_to_scale_by(method):
    with pytest.raises(
        ValueError, match=r"is 0, expected a positive number to scale by; is the connectome empty"
    ):
        getattr(Connectome(np.zeros((3, 3))), method)()


@pytest.mark.parametrize("function", [Connectome.log_weights, lambda c: c.power(0.5)])
def test_signed_weights_have_no_logarithm(function):
    with pytest.raises(ValueError, match=r"needs non-negative weights, got a smallest of -4"):
        function(Connectome(-WEIGHTS / 4, signed=True))


def test_symmetry_is_seen():
    lopsided = WEIGHTS.copy()
    lopsided[0, 1] *= 1.001
    assert full().is_symmetric
    assert not Connectome(lopsided).is_symmetric


# Selecting, replacing, converting


def test_select_reorders_everything():
    order = [3, 0, 1]
    chosen = full().select(["R.B", "L.A", "L.B"])
    assert chosen.labels == ("R.B", "L.A", "L.B")
    np.testing.assert_array_equal(chosen.weights, WEIGHTS[order][:, order])
    np.testing.assert_array_equal(chosen.lengths, LENGTHS[order][:, order])
    np.testing.assert_array_equal(chosen.centres, CENTRES[order])


def test_select_keeps_directions():
    directed = Connectome(np.triu(WEIGHTS), labels=LABELS)
    chosen = directed.select(["R.B", "L.B"])
    np.testing.assert_array_equal(chosen.weights, [[0, 0], [8, 0]])


def test_select_takes_one_label_and_signed_weights():
    assert full().select("L.B").labels == ("L.B",)
    assert Connectome(-WEIGHTS, labels=LABELS, signed=True).select(["L.A", "L.B"]).weights[0, 1] == -4.0


def test_select_names_what_is_unknown():
    with pytest.raises(ValueError, match=r"no regions nowhere, either; labels start with L\.A, L\.B"):
        full().select(["L.A", "nowhere", "either"])
    with pytest.raises(ValueError, match=r"no region 'r\.'; did you mean R\.A, R\.B\?"):
        full().select(["r."])


def test_index():
    assert full().index("R.A") == 2
    with pytest.raises(ValueError, match=r"no region 'V1'; labels start with L\.A"):
        full().index("V1")


def test_replace_is_checked_anew():
    assert full().replace(labels=list("abcd")).labels == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match=r"has 2 labels, expected 4"):
        full().replace(labels=["a", "b"])


@pytest.mark.parametrize(
    "connectome",
    [
        full(),
        Connectome(WEIGHTS),
        Connectome(np.triu(WEIGHTS), LENGTHS, LABELS),
        Connectome(-WEIGHTS, labels=LABELS, signed=True),
    ],
    ids=["full", "weights", "directed", "signed"],
)
def test_xarray_round_trip(connectome):
    back = Connectome.from_xarray(connectome.to_xarray(), signed=True)
    assert back.labels == connectome.labels
    assert back.edges == connectome.edges
    np.testing.assert_array_equal(back.weights, connectome.weights)
    for name in ("lengths", "centres"):
        if getattr(connectome, name) is None:
            assert getattr(back, name) is None
        else:
            np.testing.assert_array_equal(getattr(back, name), getattr(connectome, name))


def test_from_xarray_goes_by_names_of_dimensions():
    dataset = Connectome(np.triu(WEIGHTS), LENGTHS, LABELS).to_xarray().transpose("from", "to")
    np.testing.assert_array_equal(Connectome.from_xarray(dataset).weights, np.triu(WEIGHTS))
    assert dataset["lengths"].attrs["units"] == "mm"


def test_from_xarray_errors():
    with pytest.raises(ValueError, match=r"got variables \['lengths'\], expected 'weights'"):
        Connectome.from_xarray(full().to_xarray()[["lengths"]])
    with pytest.raises(ValueError, match="other labels along 'from'"):
        Connectome.from_xarray(full().to_xarray().assign_coords({"from": ["x", *LABELS[1:]]}))


# Errors

_NAN = np.where(np.eye(4, k=1) * np.arange(4)[:, None] == 1, np.nan, WEIGHTS)

WRONG = {
    "nan": (
        lambda: Connectome(_NAN),
        r"weights=\.\.\.\) has 1 NaN or infinite entries, the first at \[1, 2\]; expected finite numbers",
    ),
    "nan lengths": (lambda: Connectome(WEIGHTS, _NAN), r"lengths=\.\.\.\) has 1 NaN or infinite entries"),
    "infinite": (
        lambda: Connectome(np.full((2, 2), np.inf)),
        r"4 NaN or infinite entries, the first at \[0, 0\]",
    ),
    "not square": (
        lambda: Connectome(WEIGHTS[:3]),
        r"shape \(3, 4\), expected a square matrix weights\[to, from\]",
    ),
    "vector": (lambda: Connectome(WEIGHTS[0]), r"shape \(4,\), expected a square matrix"),
    "lengths shape": (
        lambda: Connectome(WEIGHTS, LENGTHS[:3, :3]),
        r"lengths=\.\.\.\) has shape \(3, 3\), expected \(4, 4\)",
    ),
    "negative": (
        lambda: Connectome(-WEIGHTS),
        r"negative entries, the first -4 at \[0, 1\]; expected values ≥ 0; pass signed=True",
    ),
    "negative lengths": (
        lambda: Connectome(WEIGHTS, -LENGTHS, signed=True),
        r"lengths=\.\.\.\) has negative entries, .* distances in mm",
    ),
    "few labels": (
        lambda: Connectome(WEIGHTS, labels=["a", "b"]),
        r"has 2 labels, expected 4: one for each region",
    ),
    "repeated": (
        lambda: Connectome(WEIGHTS, labels=["a", "b", "a", "c"]),
        r"repeats a; expected unique labels",
    ),
    "centres": (
        lambda: Connectome(WEIGHTS, centres=CENTRES[:, :2]),
        r"centres=\.\.\.\) has shape \(4, 2\) .* shape \(4, 3\)",
    ),
    "nan centres": (
        lambda: Connectome(WEIGHTS, centres=CENTRES * np.nan),
        r"or NaN, expected finite coordinates in mm",
    ),
    "wrong unit": (
        lambda: Connectome(WEIGHTS, LENGTHS * u.ms),
        r"lengths=\.\.\.\) got a quantity in ms, expected a quantity convertible to mm",
    ),
    "weights with unit": (
        lambda: Connectome(WEIGHTS * u.mV),
        r"weights=\.\.\.\) got a quantity in mV, expected a dimensionless number",
    ),
    "prior of a size unknown": (
        lambda: Connectome(Prior(dist.HalfNormal(1.0), over="edge")),
        r"does not say how many regions .* pass labels= or lengths=",
    ),
    "prior over regions": (
        lambda: Connectome(Prior(dist.HalfNormal(1.0), over="region"), LENGTHS),
        r"over='region'\)\): expected over='edge'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_was_got_and_expected(name):
    make, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        make()


def test_a_wrong_unit_is_a_unit_error():
    with pytest.raises(UnitError):
        Connectome(WEIGHTS, LENGTHS * u.mV)


def test_rows_without_a_positive_sum_are_not_scaled():
    for row, total in (([0.0, -3.0, 1.0], "-2"), ([0.3, -0.1, -0.2], r"\S+")):
        weights = np.array([[0.0, 1.0, 2.0], row, [0.0, 0.0, 0.0]])
        with pytest.raises(
            ValueError,
            match=(
                rf"scaled_by_row_sum\(\) got weights into '1' with a sum of {total}, expected a positive sum"
                r" in every row"
            ),
        ):
            Connectome(weights, signed=True).scaled_by_row_sum()
    mixed = Connectome([[0.0, 2.0], [-1.0, 3.0]], signed=True).scaled_by_row_sum()
    np.testing.assert_allclose(np.asarray(mixed.weights).sum(axis=1), 1.0)


def test_declared_edges_stay():
    """Through everything that scales or selects; edges of weights that go, go with them."""
    weights, extra = (
        np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0], [4.0, 0.0, 0.0]]),
        np.zeros((3, 3), dtype=bool),
    )
    extra[0, 2] = True
    connectome = Connectome(weights, 10.0 * np.ones((3, 3)), edges=extra)
    expected = (weights != 0) | extra
    for same in (
        connectome,
        connectome.scaled_by_max(),
        connectome.replace(labels=list("abc")),
        connectome.with_edges_of_weights(),
    ):
        np.testing.assert_array_equal(same.edges.exists, expected)
        np.testing.assert_array_equal(same.edges.lengths, np.where(expected, 10.0, 0.0))
    assert not connectome.without_self_connections().edges.exists[0, 0]
    np.testing.assert_array_equal(
        connectome.select(["2", "0"]).edges.exists, expected[np.ix_([2, 0], [2, 0])]
    )
    changed = eqx.tree_at(lambda c: c.weights, connectome, np.eye(3)).with_edges_of_weights()
    np.testing.assert_array_equal(changed.edges.exists, expected | np.eye(3, dtype=bool))
    for wrong in (np.ones((3, 3)), np.ones((2, 2), dtype=bool)):
        with pytest.raises(
            ValueError,
            match=r"Connectome\(edges=...\) got \w+ of shape .*, expected booleans of shape \(3, 3\)",
        ):
            Connectome(weights, edges=wrong)
