"""Every coupling against the double loop over regions that its formula says, and against its own metadata."""

import functools
import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import COUPLINGS
from hypothesis import given
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer import couplings, models
from nmm_infer.couplings._base import AbstractCoupling
from nmm_infer.units import parse

each = pytest.mark.parametrize("name", COUPLINGS)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def additive(p, x, own, w):
    return p["G"] * sum(w[j] * x[j] for j in range(len(w)))


def difference(p, x, own, w):
    return p["G"] * sum(w[j] * (x[j] - own) for j in range(len(w)))


def hyperbolic_tangent(p, x, own, w):
    return p["G"] * sum(
        w[j] * 2 * p["a"] * logistic(2 * (p["b"] * x[j] - p["midpoint"]) / p["sigma"]) for j in range(len(w))
    )


def kuramoto(p, x, own, w):
    return p["K"] / len(w) * sum(w[j] * np.sin(x[j] - own - p["alpha"]) for j in range(len(w)))


def laplacian(p, x, own, w):
    return p["G"] * (np.dot(w, x) / np.sum(w) - own) if np.any(w) else 0.0


def sigmoidal(p, x, own, w):
    total = sum(w[j] * x[j] for j in range(len(w)))
    return p["cmin"] + (p["cmax"] - p["cmin"]) * logistic(p["a"] * (total - p["midpoint"]) / p["sigma"])


def sigmoidal_jansen_rit(p, x, own, w):
    return p["a"] * sum(
        w[j] * (p["cmin"] + (p["cmax"] - p["cmin"]) / (1 + np.exp(p["r"] * (p["midpoint"] - x[j]))))
        for j in range(len(w))
    )


# What one region gets: slots, what it sees of every region, its own variable, its incoming weights.
FORMULAS = {
    "Additive": additive,
    "Diffusive": difference,
    "HyperbolicTangent": hyperbolic_tangent,
    "Kuramoto": kuramoto,
    "Laplacian": laplacian,
    "Sigmoidal": sigmoidal,
    "SigmoidalJansenRit": sigmoidal_jansen_rit,
}


@functools.cache
def compiled(name):
    return eqx.filter_jit(COUPLINGS[name]())


def example(n=5, n_sent=2, seed=0):
    """What each region sees of each other (delayed, so it differs between receivers), its own variables,
    directed weights with zeros.
    """
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 1, (n, n)) * (rng.uniform(size=(n, n)) < 0.7)
    return rng.normal(size=(n_sent, n, n)), rng.normal(size=(n_sent, n)), weights


def test_battery_has_every_exported_coupling():
    exported = {
        c
        for c in vars(couplings).values()
        if inspect.isclass(c) and issubclass(c, AbstractCoupling) and not inspect.isabstract(c)
    }
    assert {type(make()) for make in COUPLINGS.values()} == exported


@each
def test_metadata_is_consistent(name):
    coupling = COUPLINGS[name]()
    for p in coupling.parameters().values():
        assert p.low <= p.default <= p.high, p
        assert p.doc, p
        parse(p.unit)
    assert type(coupling).__doc__
    assert type(coupling)().port is None
    named = type(coupling)(source=("V",), port=("W",))
    assert (named.source, named.port) == (("V",), ("W",))


@each
@pytest.mark.parametrize("n_sent", [1, 2])
def test_is_the_double_loop(name, n_sent):
    source, target, weights = example(n_sent=n_sent)
    coupling = COUPLINGS[name]()
    slots = {key: float(getattr(coupling, key)) for key in coupling.parameters()}
    expected = [
        [FORMULAS[name](slots, source[s, i], target[s, i], weights[i]) for i in range(5)]
        for s in range(n_sent)
    ]
    np.testing.assert_allclose(compiled(name)(source, target, weights), expected, rtol=1e-12, atol=1e-14)


@each
def test_without_weights_there_is_no_input(name):
    source, target, weights = example()
    nothing = {"Sigmoidal": -0.7 + 2.1 * logistic(1.3 * (0 - 0.2) / 0.6)}.get(name, 0.0)
    np.testing.assert_allclose(
        compiled(name)(source, target, 0 * weights), np.full((2, 5), nothing), rtol=1e-12
    )


@each
def test_permuting_regions_permutes_the_input(name):
    source, target, weights = example()
    order = np.array([3, 0, 4, 1, 2])
    grid = np.ix_(order, order)
    permuted = compiled(name)(np.stack([s[grid] for s in source]), target[:, order], weights[grid])
    np.testing.assert_allclose(
        permuted, np.asarray(compiled(name)(source, target, weights))[:, order], rtol=1e-12, atol=1e-14
    )


@each
def test_compiled_is_eager(name):
    arguments = example()
    np.testing.assert_allclose(
        compiled(name)(*arguments), COUPLINGS[name]()(*map(jnp.asarray, arguments)), rtol=1e-12, atol=1e-14
    )


@each
def test_message_works_on_any_trailing_shape(name):
    """Each sender computes one message, or one for each of its receivers: the same number."""
    coupling = COUPLINGS[name]()
    _, target, weights = example()
    message = coupling.pre(jnp.asarray(target))
    assert message.shape[1:] == (5,)
    to_each = coupling.pre(jnp.broadcast_to(target[:, None, :], (2, 5, 5)))
    assert to_each.shape == (len(message), 5, 5)
    np.testing.assert_allclose(to_each, np.broadcast_to(message[:, None, :], to_each.shape), rtol=1e-14)
    # Hence, without delays, the matrix product of messages is the sum over edges.
    split = coupling.post(message @ weights.T, jnp.asarray(target), weights.sum(axis=1))
    np.testing.assert_allclose(
        split,
        compiled(name)(np.broadcast_to(target[:, None, :], (2, 5, 5)), target, weights),
        rtol=1e-12,
        atol=1e-14,
    )


@each
def test_slots_may_differ_between_regions(name):
    """An array over regions acts at the receiving region, in `post`, unless the formula puts it at the
    sender.
    """
    coupling = COUPLINGS[name]()
    at_receiver = {"SigmoidalJansenRit": ["a"], "HyperbolicTangent": ["G"]}.get(
        name, list(coupling.parameters())
    )
    regional = type(coupling)(
        **{
            key: getattr(coupling, key) * (np.linspace(1.0, 1.4, 5) if key in at_receiver else 1.0)
            for key in coupling.parameters()
        }
    )
    source, target, weights = example()
    result = np.asarray(regional(jnp.asarray(source), jnp.asarray(target), jnp.asarray(weights)))
    for i in range(5):
        slots = {key: np.broadcast_to(getattr(regional, key), (5,))[i] for key in coupling.parameters()}
        np.testing.assert_allclose(
            result[:, i],
            [FORMULAS[name](slots, source[s, i], target[s, i], weights[i]) for s in range(2)],
            rtol=1e-12,
        )


@each
def test_gradient_is_the_finite_difference(name):
    coupling = COUPLINGS[name]()
    keys = list(coupling.parameters())
    source, target, weights = map(jnp.asarray, example())

    @jax.jit
    def total(slots, weights):
        part = eqx.tree_at(lambda c: [getattr(c, key) for key in keys], coupling, list(slots))
        return jnp.sum(jnp.sin(jnp.arange(10.0)).reshape(2, 5) * part(source, target, weights))

    slots = jnp.stack([getattr(coupling, key) for key in keys])
    by_slot, by_weight = jax.grad(total, argnums=(0, 1))(slots, weights)
    for k in range(len(keys)):
        h = 1e-5 * jnp.eye(len(keys))[k]
        np.testing.assert_allclose(
            by_slot[k],
            (total(slots + h, weights) - total(slots - h, weights)) / 2e-5,
            rtol=1e-6,
            atol=1e-9,
            err_msg=keys[k],
        )
    h = jnp.zeros((5, 5)).at[3, 1].set(1e-5)
    np.testing.assert_allclose(
        by_weight[3, 1], (total(slots, weights + h) - total(slots, weights - h)) / 2e-5, rtol=1e-6, atol=1e-9
    )


@each
def test_finite_everywhere_in_the_declared_ranges(name):
    part = COUPLINGS[name]()
    declared = list(part.parameters().values())

    @jax.jit
    def slopes(slots, source):
        def total(slots):
            filled = eqx.tree_at(lambda c: [getattr(c, p.name) for p in declared], part, list(slots))
            return jnp.sum(filled(source, source[:, 0], jnp.ones((2, 2))))

        return jax.value_and_grad(total)(slots)

    @given(st.lists(st.floats(0, 1), min_size=len(declared), max_size=len(declared)), st.floats(-100, 100))
    def check(numbers, level):
        slots = np.array(
            [p.low + number * (p.high - p.low) for number, p in zip(numbers, declared, strict=True)]
        )
        total, gradient = slopes(slots, np.full((1, 2, 2), level))
        assert np.isfinite(total)
        assert np.all(np.isfinite(gradient))

    check()


def test_sigmoidal_jansen_rit_is_additive_coupling_of_the_columns_rate():
    """With cmax = 2 nu_max, midpoint = v0 and the same r."""
    model = models.JansenRit(v0=6.0, nu_max=0.003, r=0.5)
    y = jnp.asarray(np.random.default_rng(1).normal(5.0, 5.0, (6, 5)))
    weights = jnp.asarray(example()[2])
    sigmoid = couplings.SigmoidalJansenRit(cmax=0.006, midpoint=6.0, r=0.5, a=0.3)
    rates = couplings.Additive(G=0.3)

    def arrived(coupling):
        sent = model.sent(coupling.source or model.sends, y)
        return coupling(jnp.broadcast_to(sent[:, None, :], (1, 5, 5)), sent, weights)

    assert np.abs(arrived(rates)).max() > 1e-4
    np.testing.assert_allclose(arrived(sigmoid), arrived(rates), rtol=1e-12)


@each
def test_quantities_in_other_units_give_the_same_coupling(name):
    import brainunit as u

    other = {
        "kHz": ("Hz", 1e3),
        "mV": ("volt", 1e-3),
        "1/mV": ("1/volt", 1e3),
        "rad/ms": ("radian/second", 1e3),
        "rad": (None, 1.0),
        "1": (None, 1.0),
    }
    coupling = COUPLINGS[name]()
    slots = {}
    for p in coupling.parameters().values():
        unit, worth = other[p.unit]
        value = getattr(coupling, p.name)
        slots[p.name] = value if unit is None else u.Quantity(value * worth, unit=parse(unit))
    rescaled = type(coupling)(**slots)
    for p in coupling.parameters():
        np.testing.assert_allclose(getattr(rescaled, p), getattr(coupling, p), rtol=1e-12)


def test_laplacian_leaves_unconnected_regions_alone_and_keeps_their_gradient_finite():
    weights = np.array([[0.0, 2.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    network = nmm.Network(models.Linear(), nmm.Connectome(weights), couplings.Laplacian(G=0.5))

    def inputs(w, y):
        return eqx.tree_at(lambda n: n.connectome.weights, network, w).undelayed(y)[0]

    y = jnp.array([[1.0, 2.0, 4.0]])
    np.testing.assert_allclose(
        inputs(jnp.asarray(weights), y), [0.5 * ((2 * 2 + 4) / 3 - 1), 0.0, 0.5 * (1 - 4)], rtol=1e-12
    )
    assert np.all(np.isfinite(jax.jacrev(inputs)(jnp.asarray(weights), y)))
