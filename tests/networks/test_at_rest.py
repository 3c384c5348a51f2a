"""Networks that are told where to rest: what is solved for solves it, its derivatives, its neighbours, its
errors.
"""

import dataclasses

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions.transforms import SigmoidTransform
from scipy.special import logit

import nmm_infer as nmm
from nmm_infer import couplings, models, noises, units
from nmm_infer.infer._engine import precision
from nmm_infer.infer._target import Target
from nmm_infer.linear import fixed_point, is_stable, linearise, loop_gain
from nmm_infer.linear._fixed_point import expansion_point, rest_drift
from nmm_infer.linear._loop_gain import perron

CORTEX = nmm.datasets.desikan_killiany(cortical=True)
CONNECTOME = CORTEX.select(CORTEX.labels[:6]).scaled_by_spectral_radius()
N = CONNECTOME.n_regions
RNG = np.random.default_rng(0)
SPREAD = np.exp(0.2 * RNG.normal(size=N))

# Of each model: where it is told to rest, and by which parameter.
CASES = {
    "ReducedWongWang": (models.ReducedWongWang(), {"S": 0.16 * SPREAD}, "I_o"),
    "WongWangExcInh": (models.WongWangExcInh(), {"S_e": 0.16 * SPREAD}, "J_i"),
    "MontbrioPazoRoxin": (models.MontbrioPazoRoxin(), {"r": 0.1 * SPREAD}, "eta"),
    "WilsonCowan": (models.WilsonCowan(), {"E": 0.1 * SPREAD}, "P"),
    "JansenRit": (models.JansenRit(), {"y1": 0.016 * SPREAD}, "mu"),
    "two_states": (models.WilsonCowan(), {"E": 0.1 * SPREAD, "I": 0.08 * SPREAD}, ("P", "Q")),
}


def network(model, G=1.0):
    return nmm.Network(model, CONNECTOME, couplings.Additive(G=G), noise=noises.Additive(sigma=0.01))


@pytest.mark.parametrize("unit", [u.Hz, u.kHz])
def test_states_are_told_in_units(unit):
    """Quantities and priors in a unit of their own mean what the number means in the state's unit."""
    bare = prepared(nmm.AtRest({"r": np.full(N, 0.03)}, by="eta"), network(models.MontbrioPazoRoxin()))
    amount = 0.03 / units.factor(unit, "kHz", "a test")
    given = nmm.AtRest({"r": np.full(N, amount) * unit}, by="eta")
    np.testing.assert_allclose(
        prepared(given, network(models.MontbrioPazoRoxin())).model.eta, bare.model.eta, rtol=1e-9
    )
    prior = nmm.AtRest({"r": nmm.Prior(dist.Delta(amount), over="region", unit=unit)}, by="eta")
    prior.check(network(models.MontbrioPazoRoxin()))
    with numpyro.handlers.seed(rng_seed=0):
        drawn = nmm.sample(prior, plates={"region": N})(network(models.MontbrioPazoRoxin()))
    np.testing.assert_allclose(drawn.model.eta, bare.model.eta, rtol=1e-9)
    with pytest.raises(
        nmm.UnitError,
        match=r"AtRest\(rest='r'\) got a quantity in mV, expected a quantity convertible to kHz",
    ):
        nmm.AtRest({"r": 30 * u.mV}, by="eta").check(network(models.MontbrioPazoRoxin()))
    with pytest.raises(nmm.UnitError, match=r"AtRest\(loop_gain=...\) got a quantity in mV"):
        nmm.AtRest({"r": 30 * u.Hz}, by="eta", loop_gain=0.5 * u.mV)


@eqx.filter_jit
def prepared(told, net):
    return told(net)


@pytest.mark.parametrize("name", CASES)
def test_regions_rest_where_they_are_told_to(name):
    model, rest, by = CASES[name]
    net = prepared(nmm.AtRest(rest, by=by), network(model, 0.1))
    assert float(jnp.abs(rest_drift(net, net.initial)).max()) < 1e-9
    for state, values in rest.items():
        np.testing.assert_allclose(net.initial[model.state_names().index(state)], values, rtol=1e-9)


@pytest.mark.parametrize("name", ["ReducedWongWang", pytest.param("WongWangExcInh", marks=pytest.mark.slow)])
@pytest.mark.parametrize("gain", [0.3, 0.98])
def test_the_coupling_is_as_near_to_instability_as_it_is_told(name, gain):
    model, rest, by = CASES[name]
    net = prepared(nmm.AtRest(rest, by=by, loop_gain=gain), network(model))
    lin = linearise(net, point=net.initial)
    np.testing.assert_allclose(loop_gain(lin), gain, rtol=1e-8)
    assert bool(is_stable(lin))
    np.testing.assert_allclose(fixed_point(net), net.initial, rtol=1e-7)


def test_beyond_one_a_network_without_inhibition_is_unstable():
    model, rest, by = CASES["ReducedWongWang"]
    for gain, stable in ((0.999, True), (1.001, False)):
        net = prepared(nmm.AtRest(rest, by=by, loop_gain=gain), network(model))
        lin = linearise(net, point=net.initial)
        assert bool(is_stable(lin)) == stable
        assert (np.linalg.eigvals(lin.jacobian()).real.max() < 0) == stable


def test_it_agrees_with_balance():
    net = network(models.WongWangExcInh(), 0.5)
    drive = 100.0 * 0.641 * 0.003
    np.testing.assert_allclose(
        prepared(nmm.AtRest({"S_e": drive / (1 + drive)}, by="J_i"), net).model.J_i,
        nmm.balance(net).model.J_i,
        rtol=1e-7,
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ReducedWongWang", marks=pytest.mark.slow),
        pytest.param("WongWangExcInh", marks=pytest.mark.by_hand),
    ],
)
def test_derivatives_of_what_follows(name):
    model, rest, by = CASES[name]
    (state,) = rest

    @jax.jit
    def followed(x):
        net = nmm.AtRest({state: x[:N]}, by=by, loop_gain=x[N])(network(model))
        return jnp.concatenate([getattr(net.model, by), net.coupling.G[None]])

    x = jnp.concatenate([jnp.asarray(rest[state]), jnp.array([0.8])])
    direction = jnp.asarray(RNG.normal(size=N + 1)) * x
    h = 1e-6
    _, forward = jax.jvp(followed, (x,), (direction,))
    np.testing.assert_allclose(
        forward, (followed(x + h * direction) - followed(x - h * direction)) / (2 * h), rtol=1e-5, atol=1e-8
    )
    cotangent = jnp.asarray(RNG.normal(size=N + 1))
    (backward,) = jax.vjp(followed, x)[1](cotangent)
    np.testing.assert_allclose(backward @ direction, cotangent @ forward, rtol=1e-8)
    np.testing.assert_allclose(jax.vmap(followed)(jnp.stack([x, 1.01 * x]))[0], followed(x), rtol=1e-8)


def test_a_state_may_be_a_number_beside_an_unknown_loop_gain():
    """What is told has no derivative then, and what follows from the gain has one."""
    model = models.ReducedWongWang()

    @jax.jit
    def coupling(gain):
        return nmm.AtRest({"S": 0.16}, by="I_o", loop_gain=gain)(network(model)).coupling.G

    h = 1e-6
    np.testing.assert_allclose(
        jax.grad(coupling)(0.8), (coupling(0.8 + h) - coupling(0.8 - h)) / (2 * h), rtol=1e-6
    )


def test_perron_root_and_its_second_derivative():
    M = jnp.asarray(RNG.uniform(size=(5, 5)))
    np.testing.assert_allclose(perron(M), np.abs(np.linalg.eigvals(M)).max(), rtol=1e-12)
    direction = jnp.asarray(RNG.normal(size=(5, 5)))

    def slope(t):
        return jax.grad(lambda t: perron(M + t * direction))(t)

    h = 1e-5
    np.testing.assert_allclose(jax.grad(slope)(0.0), (slope(h) - slope(-h)) / (2 * h), rtol=1e-6)


def test_where_nothing_lets_it_rest_there_the_density_is_zero():
    # A gate cannot be more than open.
    net = prepared(nmm.AtRest({"S": 1.2}, by="I_o"), network(models.ReducedWongWang()))
    assert np.isnan(net.model.I_o).all()


def test_it_is_linearised_where_it_was_told_to_rest():
    net = prepared(
        nmm.AtRest({"S": 0.16 * SPREAD}, by="I_o", loop_gain=0.9), network(models.ReducedWongWang())
    )
    np.testing.assert_array_equal(expansion_point(net)[0], 0.16 * SPREAD)
    np.testing.assert_allclose(fixed_point(net)[0], 0.16 * SPREAD, rtol=1e-8)
    # Not where it rested before its parameters were changed.
    assert np.isnan(expansion_point(eqx.tree_at(lambda n: n.model.w, net, jnp.asarray(0.7)))).all()
    assert dataclasses.replace(net, speed=None).rest is None


def test_single_precision_is_enough_beside_instability():
    """A search for where it rests, begun there, is off by more than the distance to instability."""
    found = {}
    for dtype in ("float32", "float64"):
        with precision(dtype):
            target = Target(problem().condition(data()))
            x, is_gain = (
                0.5 * np.random.default_rng(0).normal(size=target.size),
                target.belonging(lambda name: name == "loop_gain"),
            )
            found[dtype] = [
                target.value_and_gradient(jnp.asarray(np.where(is_gain, logit(gain), x), dtype))
                for gain in (0.9, 0.999)
            ]
    for (value, gradient), (true, slope) in zip(found["float32"], found["float64"], strict=True):
        assert np.isfinite(true)
        np.testing.assert_allclose(value, true, rtol=0, atol=0.5)
        np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-3 * np.abs(slope).max())


def problem():
    rest = nmm.Pooled(nmm.Prior(dist.Normal(-1.7, 0.3)), 0.2, transform=SigmoidTransform(), centred=1.0)
    net = nmm.Network(
        models.ReducedWongWang(),
        CONNECTOME,
        couplings.Additive(),
        noise=noises.Additive(sigma=nmm.Prior(dist.LogNormal(-2.0, 0.5), over="region")),
    )
    likelihood = nmm.likelihoods.Spectral(band=(1e-5, 5e-5), bands=6, noise=1e-3)
    return nmm.Problem(
        net,
        nmm.observe.Bold(),
        likelihood,
        prepare=nmm.AtRest({"S": rest}, by="I_o", loop_gain=nmm.Prior(dist.Beta(4.0, 1.0))),
    )


def data():
    return nmm.datasets.lemon_bold().sel(region=list(CONNECTOME.labels))


@pytest.mark.slow
def test_unknowns_and_what_follows_are_in_the_result():
    target = Target(problem().condition(data()))
    assert set(target.names) == {"rest.S.mean", "rest.S.x", "loop_gain", "noise.sigma"}
    sites = target.constrain(jnp.zeros(target.size))
    assert sites["model.I_o"].shape == (N,)
    assert problem().condition(data()).site_dims()["model.I_o"] == ("region",)
    assert np.isfinite(sites["coupling.G"])


@pytest.mark.slow
def test_its_posterior_converges_and_has_no_walls():
    engine = nmm.infer.NUTS(
        draws=150, warmup=50, chains=2, metric=nmm.infer.metrics.Laplace(), predictive_draws=0
    )
    tree = engine(problem(), data(), key=jax.random.key(0), progress=False)
    summary = nmm.check.diagnose(tree)
    assert max(row.r_hat for row in summary.table if not row.constant) < 1.05
    assert int(tree["sample_stats"]["diverging"].sum()) == 0
    assert (tree["posterior"]["loop_gain"] < 1).all()


@pytest.mark.parametrize(
    ("told", "net", "message"),
    [
        (
            lambda: nmm.AtRest({}, by="I_o"),
            None,
            r"AtRest\(by=...\) got I_o for no state; expected one parameter for each",
        ),
        (
            lambda: nmm.AtRest({"S": 0.1}, by=("I_o", "w")),
            None,
            r"got I_o, w for S; expected one parameter for each state",
        ),
        (lambda: nmm.AtRest({"S": np.nan}, by="I_o"), None, r"AtRest\(rest='S'\) got a value that is NaN"),
        (
            lambda: nmm.AtRest({"S": 0.1}, by="I_o", loop_gain=-0.5),
            None,
            r"loop_gain=...\) got -0.5, expected one positive number",
        ),
        (
            lambda: nmm.AtRest({"E": 0.1}, by="I_o"),
            models.ReducedWongWang(),
            r"ReducedWongWang has no state 'E'; it has S",
        ),
        (
            lambda: nmm.AtRest({"S": 0.1}, by="mu"),
            models.ReducedWongWang(),
            r"ReducedWongWang has no parameter 'mu'; it has a, b, d",
        ),
        (
            lambda: nmm.AtRest({"S": [0.1, 0.2]}, by="I_o"),
            models.ReducedWongWang(),
            r"has shape \(2,\), expected one number or one for each of 6",
        ),
        (
            lambda: nmm.AtRest({"S": 0.1}, by="I_o"),
            models.ReducedWongWang(I_o=nmm.Prior(dist.Normal(0.3, 0.1))),
            r"model.I_o has a prior, but follows",
        ),
        (
            lambda: nmm.AtRest({"x": 0.0}, by="a", loop_gain=0.5),
            models.Hopf(),
            r"needs one coupling, nmm.couplings.Additive of one variable",
        ),
    ],
)
def test_errors(told, net, message):
    with pytest.raises((ValueError, TypeError), match=message):
        told().check(network(net))


def test_several_messages_have_no_loop_gain():
    with pytest.raises(ValueError, match=r"loop_gain\(lin\): regions send 2 messages, expected one"):
        loop_gain(linearise(network(models.Hopf(a=-0.1), 0.001)))
