"""Different models in different regions: each does what it does alone, and together they are one network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro import handlers

import nmm_infer as nmm
from nmm_infer import couplings, models, noises
from nmm_infer.linear import covariance, fixed_point, is_stable, linearise
from nmm_infer.linear._fixed_point import rest_drift

LABELS = ("L.A", "L.B", "R.A", "R.B", "R.C")
RNG = np.random.default_rng(3)
WEIGHTS = RNG.uniform(0.2, 1.0, (5, 5)) * (1 - np.eye(5))
CONNECTOME = nmm.Connectome(WEIGHTS / WEIGHTS.sum(1).max(), RNG.uniform(20.0, 60.0, (5, 5)), LABELS)
FOCUS = ("R.B", "L.B")
HOPF, COLUMN = models.Hopf(a=0.1, omega=0.3), models.JansenRit(v0=6.0, mu=np.array([0.22, 0.12]))


def network(coupling=None, **options):
    """Two Jansen–Rit columns, not beside each other, among Hopf oscillators."""
    return nmm.Network(
        {"focus": COLUMN, "rest": HOPF},
        CONNECTOME,
        coupling or couplings.Additive(G=0.02),
        groups={"focus": FOCUS},
        **options,
    )


def test_metadata_is_that_of_both():
    model = network().model
    assert model.title() == "Mixed(focus: JansenRit, rest: Hopf)"
    assert model.state_names() == ("y0", "y1", "y2", "y3", "y4", "y5", "x", "y")
    assert (model.sends, model.ports, model.observable) == (
        ("sent", "sent_2"),
        ("input", "input_2"),
        "observed",
    )
    assert model.noisy_states() == ("y4", "x", "y")
    assert model.variables()["psp"] == "mV"
    assert model.variables()["sent"] == "1"  # a rate from the columns, a number from the oscillators


def test_models_of_the_same_kind_keep_their_names():
    model = nmm.Network(
        {"a": models.Hopf(a=0.1), "b": models.StuartLandau()},
        CONNECTOME,
        couplings.Diffusive(),
        groups={"b": "L.A"},
    ).model
    assert (model.state_names(), model.sends, model.ports, model.observable) == (
        ("x", "y"),
        ("x", "y"),
        ("x", "y"),
        "x",
    )


def test_uncoupled_regions_do_what_they_do_alone():
    values = nmm.simulate(network(couplings.Additive(G=0.0)), 60.0, step=0.1)
    columns = nmm.simulate(
        nmm.Network(COLUMN, CONNECTOME.select(FOCUS), couplings.Additive(G=0.0)), 60.0, step=0.1
    )
    oscillator = nmm.simulate(HOPF, 60.0, step=0.1)
    for state in columns:
        np.testing.assert_allclose(
            values[state].sel(region=list(FOCUS)), columns[state], rtol=1e-12, atol=1e-15
        )
        assert np.isnan(values[state].sel(region="L.A")).all() or state == "y"
    for state in oscillator:
        np.testing.assert_allclose(values[state].sel(region="R.C"), oscillator[state].squeeze(), rtol=1e-12)
    assert values.attrs["model"] == "Mixed(focus: JansenRit, rest: Hopf)"


def test_drift_is_the_double_loop():
    """Every region's own equation with the messages of all others: rates of the columns, x of the
    oscillators.
    """
    net = network(couplings.Additive(G=0.3))
    y = RNG.normal(size=(8, 5))
    focus = [LABELS.index(label) for label in FOCUS]
    sent, second = y[6].copy(), y[7].copy()
    sent[focus], second[focus] = COLUMN.rate(jnp.asarray(y[:6, focus])), 0.0
    c, c2 = 0.3 * CONNECTOME.weights @ sent, 0.3 * CONNECTOME.weights @ second
    expected = -y.copy()  # surplus rows decay
    expected[:6, focus] = COLUMN.drift(0.0, jnp.asarray(y[:6, focus]), jnp.asarray(c[None, focus]))
    others = [i for i in range(5) if i not in focus]
    expected[6:, others] = HOPF.drift(0.0, jnp.asarray(y[6:, others]), jnp.stack([c[others], c2[others]]))
    np.testing.assert_allclose(net.drift(0.0, jnp.asarray(y)), expected, rtol=1e-12, atol=1e-14)


SELECTIVE = {
    "Kuramoto": (
        couplings.Kuramoto(K=0.3, alpha=0.2, source=("theta",), port=("input",)),
        lambda own, other: 0.3 / 5 * np.sin(other - own - 0.2),
    ),
    "Diffusive": (
        couplings.Diffusive(G=0.3, source=("theta",), port=("input",)),
        lambda own, other: 0.3 * (other - own),
    ),
    "HyperbolicTangent": (
        couplings.HyperbolicTangent(G=0.3, source=("theta",), port=("input",)),
        lambda own, other: 0.3 * (1 + np.tanh(other)),
    ),
}


def phases_and_rates(coupling, **options):
    """Phase oscillators in all regions but two."""
    start = np.stack([RNG.uniform(0.5, 3.0, 5), RNG.uniform(0.5, 3.0, 5)])
    groups = {"phases": models.Kuramoto(omega=0.06), "rates": models.LeakyIntegrator(tau=10.0)}
    return nmm.Network(groups, CONNECTOME, coupling, groups={"rates": FOCUS}, initial=start, **options)


@pytest.mark.parametrize("name", SELECTIVE)
def test_who_does_not_have_a_variable_does_not_send_it(name):
    """A phase of zero would pull at the others, and so would the tangent of it: the sum is over those that
    have phases.
    """
    coupling, pair = SELECTIVE[name]
    net = phases_and_rates(coupling)
    theta = net.initial[net.model.state_names().index("theta")]
    having = [i for i, label in enumerate(LABELS) if label not in FOCUS]
    expected = [sum(CONNECTOME.weights[i, j] * pair(theta[i], theta[j]) for j in having) for i in having]
    np.testing.assert_allclose(
        net.undelayed(jnp.asarray(net.initial))[0, np.array(having)], expected, rtol=1e-12
    )
    lin = linearise(net, point=jnp.asarray(net.initial))
    jacobian = jax.jacfwd(lambda x: rest_drift(net, x.reshape(net.initial.shape)).ravel())(
        jnp.asarray(net.initial).ravel()
    )
    np.testing.assert_allclose(lin.jacobian(), jacobian, rtol=1e-10, atol=1e-12)


def test_the_mean_is_over_those_that_have_the_variable():
    net = phases_and_rates(couplings.Laplacian(G=0.3, source=("theta",), port=("input",)))
    theta = net.initial[net.model.state_names().index("theta")]
    having = np.array([i for i, label in enumerate(LABELS) if label not in FOCUS])
    weights = CONNECTOME.weights[np.ix_(having, having)]
    expected = 0.3 * (weights @ theta[having] / weights.sum(axis=1) - theta[having])
    np.testing.assert_allclose(net.undelayed(jnp.asarray(net.initial))[0, having], expected, rtol=1e-12)


def test_of_two_variables_one_may_be_missing():
    """The oscillators send x and y; the columns send their rate as the first variable and have no
    second one.
    """
    net = network(couplings.Diffusive(G=0.3))
    y = RNG.normal(size=(8, 5))
    focus = [LABELS.index(label) for label in FOCUS]
    rest = [i for i in range(5) if i not in focus]
    first = y[6].copy()
    first[focus] = COLUMN.rate(jnp.asarray(y[:6, focus]))
    c = np.asarray(net.undelayed(jnp.asarray(y)))
    np.testing.assert_allclose(
        c[0],
        [0.3 * sum(CONNECTOME.weights[i, j] * (first[j] - first[i]) for j in range(5)) for i in range(5)],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        c[1, rest],
        [0.3 * sum(CONNECTOME.weights[i, j] * (y[7, j] - y[7, i]) for j in rest) for i in rest],
        rtol=1e-12,
    )


def test_delayed_messages_are_of_those_that_have_the_variable():
    """Phases move as in a network of phases alone, in which two regions listen and are not heard."""
    coupling = SELECTIVE["Kuramoto"][0]
    net = phases_and_rates(coupling, speed=5.0)
    heard = np.array([label not in FOCUS for label in LABELS])
    theta = net.model.state_names().index("theta")
    whole = nmm.Network(
        models.Kuramoto(omega=0.06),
        CONNECTOME.replace(weights=CONNECTOME.weights * heard),
        couplings.Kuramoto(K=0.3, alpha=0.2),
        speed=5.0,
        initial=net.initial[theta][None],
    )
    mixed, alone = (nmm.solve(n, 60.0, step=0.1).values for n in (net, whole))
    np.testing.assert_allclose(mixed[:, theta, heard], alone[:, 0, heard], rtol=1e-10)


def test_one_model_in_two_groups_is_the_same_network():
    """Delays and noise included: the groups change the order of work and nothing else."""
    options = {"speed": 5.0, "noise": noises.Additive(sigma=0.01)}
    a = np.array([0.1, 0.2, 0.05, 0.15, 0.3])
    whole = nmm.Network(models.Hopf(a=a, omega=0.3), CONNECTOME, couplings.Diffusive(G=0.2), **options)
    split = {"odd": models.Hopf(a=a[[3, 1]], omega=0.3), "even": models.Hopf(a=a[[0, 2, 4]], omega=0.3)}
    parts = nmm.Network(split, CONNECTOME, couplings.Diffusive(G=0.2), groups={"odd": FOCUS}, **options)
    key = jax.random.key(1)
    values = [nmm.solve(n, 30.0, step=0.1, key=key).values for n in (whole, parts)]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-10, atol=1e-13)


def test_groups_survive_a_compiled_function():
    """JAX sorts dictionaries by key: members must not go astray when a network passes through jit, grad and
    vmap.
    """
    net = nmm.Network({"z": HOPF, "a": COLUMN}, CONNECTOME, couplings.Additive(G=0.02), groups={"a": FOCUS})
    inside = eqx.filter_jit(lambda n: n.drift(0.0, jnp.asarray(n.initial)))(net)
    np.testing.assert_allclose(inside, net.drift(0.0, jnp.asarray(net.initial)), rtol=1e-12, atol=1e-15)


def test_gradients_reach_every_group():
    net = network()

    @jax.jit
    def loss(a, mu):
        changed = eqx.tree_at(lambda n: (n.model.groups["rest"].a, n.model.groups["focus"].mu), net, (a, mu))
        return jnp.sum(nmm.solve(changed, 20.0, step=0.1).variable().values ** 2)

    point = (0.1, jnp.array([0.22, 0.12]))
    by_a, by_mu = jax.grad(loss, argnums=(0, 1))(*point)
    h = 1e-5
    assert float(by_a) == pytest.approx(
        float(loss(0.1 + h, point[1]) - loss(0.1 - h, point[1])) / (2 * h), rel=1e-6
    )
    e = jnp.array([h, 0.0])
    assert float(by_mu[0]) == pytest.approx(
        float(loss(0.1, point[1] + e) - loss(0.1, point[1] - e)) / (2 * h), rel=1e-6
    )


def test_noise_acts_where_a_model_has_the_state():
    net = network(couplings.Additive(G=0.0), noise=noises.Additive(sigma=0.1))
    quiet = nmm.solve(network(couplings.Additive(G=0.0)), 1.0, step=0.1).values
    noisy = nmm.solve(net, 1.0, step=0.1, key=jax.random.key(0)).values
    moved = np.abs(noisy - quiet).max(axis=0) > 1e-9
    focus = [LABELS.index(label) for label in FOCUS]
    rest = [i for i in range(5) if i not in focus]
    assert moved[4, focus].all()
    assert moved[6:, rest].all()
    assert not moved[6:, focus].any()
    assert not moved[:6, rest].any()
    # Of the columns only y4 is noisy: after one step y0 has not heard of it.
    np.testing.assert_allclose(noisy[0, 0, focus], quiet[0, 0, focus], rtol=1e-12)


@pytest.mark.slow
def test_linear_theory_holds_for_mixed_networks():
    """Two leaky integrators of different classes: covariance by the quadrature against a homogeneous network
    that is the same.
    """
    tau = np.array([20.0, 10.0, 20.0, 10.0, 20.0])
    noise = noises.Additive(sigma=np.array([0.1, 0.2, 0.1, 0.2, 0.1]))
    whole = nmm.Network(models.LeakyIntegrator(tau=tau), CONNECTOME, couplings.Additive(G=0.5), noise=noise)
    groups = {"fast": models.LeakyIntegrator(tau=10.0), "slow": models.LeakyIntegrator(tau=20.0)}
    parts = nmm.Network(groups, CONNECTOME, couplings.Additive(G=0.5), groups={"fast": FOCUS}, noise=noise)
    np.testing.assert_allclose(
        eqx.filter_jit(covariance)(parts), eqx.filter_jit(covariance)(whole), rtol=1e-8
    )
    net = network(couplings.Additive(G=0.01), noise=noises.Additive(sigma=0.1))
    net = eqx.tree_at(lambda n: (n.model.groups["rest"].a, n.model.groups["focus"].mu), net, (-0.1, 0.05))
    y = eqx.filter_jit(fixed_point)(net)
    assert np.abs(rest_drift(net, y)).max() < 1e-9
    expected = jax.jacfwd(lambda x: rest_drift(net, x.reshape(y.shape)).ravel())(y.ravel())
    lin = eqx.filter_jit(lambda net, y: linearise(net, point=y))(net, y)
    np.testing.assert_allclose(lin.jacobian(), expected, rtol=1e-8, atol=1e-10)
    assert bool(eqx.filter_jit(is_stable)(lin)) == (np.linalg.eigvals(expected).real.max() < 0)


def test_priors_are_drawn_for_each_region_of_a_group():
    model = {
        "focus": models.JansenRit(
            mu=nmm.Prior(dist.Normal(0.2, 0.01), over="region"),
            A=nmm.Pooled(3.0, nmm.Prior(dist.HalfNormal(0.1))),
        ),
        "rest": models.Hopf(
            a=nmm.Prior(dist.Normal(0.0, 0.1), over="region"), omega=nmm.Prior(dist.LogNormal(-1.0, 0.1))
        ),
    }
    net = nmm.Network(model, CONNECTOME, couplings.Additive(G=0.02), groups={"focus": FOCUS})
    assert net.plates == {"region": 5, "edge": 10, "region_focus": 2, "region_rest": 3}
    with handlers.seed(rng_seed=1), handlers.trace() as trace:
        drawn = nmm.sample(net)
    plates = {
        name: [frame.name for frame in site["cond_indep_stack"]]
        for name, site in trace.items()
        if site["type"] == "sample"
    }
    assert plates == {
        "model.groups.focus.mu": ["region_focus"],
        "model.groups.focus.A.sd": [],
        "model.groups.focus.A.z": ["region_focus"],
        "model.groups.rest.a": ["region_rest"],
        "model.groups.rest.omega": [],
    }
    assert drawn.model.groups["focus"].mu.shape == (2,)
    assert np.all(np.isfinite(nmm.solve(drawn, 10.0, step=0.1).values))


@pytest.mark.slow
def test_a_posterior_has_the_regions_of_the_group():
    """Linear nodes: the excitability of two regions among five, with their labels in the result."""
    model = {
        "focus": models.LeakyIntegrator(tau=10.0, I=nmm.Prior(dist.Normal(0.0, 1.0), over="region")),
        "rest": models.LeakyIntegrator(tau=10.0),
    }
    net = nmm.Network(model, CONNECTOME, couplings.Additive(G=0.3), groups={"focus": FOCUS}, initial=[0.0])
    problem = nmm.Problem(
        net, nmm.observe.Subsample(period=5.0), nmm.likelihoods.Gaussian(scale=0.01), duration=50.0, step=0.5
    )
    truth = nmm.solve(
        eqx.tree_at(lambda n: n.model.groups["focus"].I, net, np.array([0.7, -0.4])),
        50.0,
        step=0.5,
        sample_every=5.0,
    )
    tree = nmm.infer.MAP(starts=1)(problem, truth.variable(), key=jax.random.key(0), progress=False)
    posterior = tree["posterior"]["model.groups.focus.I"]
    assert posterior.dims == ("chain", "draw", "region_focus")
    assert list(posterior["region_focus"].values) == list(FOCUS)
    np.testing.assert_allclose(posterior.mean(("chain", "draw")), [0.7, -0.4], atol=0.05)
    assert tree.attrs["model"] == "Mixed(focus: LeakyIntegrator, rest: LeakyIntegrator)"


@pytest.mark.parametrize(
    ("model", "groups", "message"),
    [
        (
            {"a": HOPF, "b": 3},
            {"b": "L.A"},
            r"got int for group 'b', expected a model such as nmm.models.Hopf\(\)",
        ),
        (
            {"a": HOPF, "b": COLUMN},
            None,
            r"groups does not say which regions 'a', 'b' have; only one group may take the rest",
        ),
        ({"a": HOPF, "b": COLUMN}, {"b": ["X"]}, r"the connectome has no regions X; labels start with L.A"),
        (
            {"a": HOPF, "b": COLUMN},
            {"c": ["L.A"]},
            r"groups names 'c', for which there is no model; there are models for 'a', 'b'",
        ),
        (
            {"a": HOPF, "b": COLUMN},
            {"a": ["L.A"], "b": ["L.A", "L.B"]},
            r"regions L.A are in more than one group",
        ),
        ({"a": HOPF, "b": COLUMN}, {"a": ["L.A"], "b": ["L.B", "R.A"]}, r"regions R.B, R.C are in no group"),
        ({"a": HOPF, "b": COLUMN}, {"a": LABELS}, r"group 'b' has no regions; leave it out"),
        ({"a b": HOPF}, None, r"got a group named 'a b', expected a name such as 'epileptogenic'"),
        (HOPF, {"a": ["L.A"]}, r"Network\(groups=...\) needs a dictionary of models"),
        (
            {"a": HOPF, "b": COLUMN},
            {"b": ["L.A"]},
            (
                r"in group 'b' of 1 regions, JansenRit\(mu=...\) has shape \(2,\), expected a scalar or shape"
                r" \(1,\)"
            ),
        ),
        (
            3,
            None,
            (
                r"Network\(model=...\) got int, expected Model: such as nmm.models.JansenRit\(\), or a"
                r" dictionary"
            ),
        ),
    ],
)
def test_bad_input_is_explained(model, groups, message):
    with pytest.raises((ValueError, TypeError), match=message):
        nmm.Network(model, CONNECTOME, couplings.Additive(), groups=groups)
