"""Fixed points are found wherever they exist, where the network goes, and have right derivatives in any
surroundings.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

import nmm_infer as nmm
from nmm_infer._tools._implicit import implicit_root
from nmm_infer.infer.devices import Parallel
from nmm_infer.linear import fixed_point, linearise
from nmm_infer.linear._fixed_point import rest_drift

M = nmm.models

# A model joins with one line: what one number makes of it, and where that number is swept.
SWEEPS = {
    "JansenRit(mu)": (lambda x: M.JansenRit(mu=x, v0=6.0), (0.0, 0.6, 601)),
    "JansenRit(mu), default v0": (lambda x: M.JansenRit(mu=x), (-0.1, 0.5, 601)),
    "WilsonCowan(P)": (lambda x: M.WilsonCowan(P=x), (-2.0, 6.0, 801)),
    "WilsonCowan.oscillating(P)": (
        lambda x: dataclasses.replace(M.WilsonCowan.oscillating(), P=x),
        (-1.0, 4.0, 801),
    ),
    "ReducedWongWang(w)": (lambda x: M.ReducedWongWang(w=x), (0.0, 2.0, 401)),
    "WongWang(J11)": (lambda x: M.WongWang(J11=x, J22=x), (0.0, 0.6, 401)),
    "WongWangExcInh(w_p)": (lambda x: M.WongWangExcInh(w_p=x), (0.0, 3.0, 401)),
    "MontbrioPazoRoxin(eta)": (lambda x: M.MontbrioPazoRoxin(eta=x), (-12.0, 6.0, 401)),
    "ERP(g_1)": (lambda x: M.ERP(g_1=x), (0.05, 2.0, 101)),
    "ZetterbergJansen(P)": (lambda x: M.ZetterbergJansen(P=x), (-0.1, 0.5, 401)),
    "Epileptor2D(x0)": (lambda x: M.Epileptor2D(x0=x), (-4.0, 0.0, 401)),
    "FitzHughNagumo(I)": (lambda x: M.FitzHughNagumo(I=x), (-1.0, 3.0, 401)),
    "VanDerPol(mu)": (lambda x: M.VanDerPol(mu=x), (0.1, 4.0, 101)),
    "CoombesByrne(eta)": (lambda x: M.CoombesByrne(eta=x), (-5.0, 20.0, 101)),
}

FIRST = {
    "JansenRit(mu)",
    "WilsonCowan(P)",
    "WilsonCowan.oscillating(P)",
    "ReducedWongWang(w)",
    "WongWang(J11)",
    "MontbrioPazoRoxin(eta)",
}


def scale(network):
    return np.array([state.high - state.low for state in network.model.states])[:, None]


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in SWEEPS]
)
def test_none_is_missing(name, dtype):
    model, sweep = SWEEPS[name]
    values = np.linspace(*sweep).astype(dtype)

    def found(x):
        network = nmm.Network(model(x))
        y = fixed_point(network)
        return y, rest_drift(network, y)

    with jax.enable_x64(dtype == "float64"):
        y, drift = jax.jit(lambda x: jax.lax.map(found, x))(jnp.asarray(values))
    assert np.isfinite(y).all(), values[~np.isfinite(y).all(axis=(1, 2))]
    size = scale(nmm.Network(model(float(values[0]))))
    assert (np.abs(drift) / size).max() < (1e-9 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("ReducedWongWang(w)", 1.3),
        ("WilsonCowan(P)", 0.3),
        ("MontbrioPazoRoxin(eta)", -2.5),
        ("JansenRit(mu)", 0.45),
    ],
)
def test_it_is_where_the_network_goes(name, x):
    """Past folds too, where the state of the default start has just vanished; an ODE solver runs for as long
    as it takes.
    """
    network = nmm.Network(SWEEPS[name][0](x))
    shape = np.shape(network.initial)
    drift = jax.jit(lambda y: rest_drift(network, y.reshape(shape)).ravel())
    run = scipy.integrate.solve_ivp(
        lambda t, y: np.asarray(drift(y)),
        (0.0, 2e4),
        np.asarray(network.initial).ravel(),
        method="LSODA",
        rtol=1e-9,
        atol=1e-11,
    )
    np.testing.assert_allclose(fixed_point(network).ravel(), run.y[:, -1], rtol=1e-4, atol=1e-6)


NETWORKS = {
    "ReducedWongWang": lambda x: nmm.Network(
        M.ReducedWongWang(w=x), CONNECTOME, nmm.couplings.Additive(G=0.2)
    ),
    "JansenRit": lambda x: nmm.Network(
        M.JansenRit(mu=0.6 * x, v0=6.0), CONNECTOME, nmm.couplings.Additive(G=2.0)
    ),
    "WilsonCowan": lambda x: nmm.Network(M.WilsonCowan(P=x), CONNECTOME, nmm.couplings.Diffusive(G=0.1)),
    "balanced": lambda x: nmm.balance(
        nmm.Network(M.WongWangExcInh(w_p=2.5 * x), CONNECTOME, nmm.couplings.Additive(G=0.1))
    ),
}
CONNECTOME = nmm.Connectome([[0.0, 1.0, 0.3], [1.0, 0.0, 0.5], [0.3, 0.5, 0.0]])
AT = jnp.asarray([[0.5, 0.52, 0.54], [0.56, 0.5, 0.58]])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "balanced" else pytest.mark.by_hand)
        for name in NETWORKS
    ],
)
def test_derivatives_are_right_in_batches_on_devices_and_to_second_order(name):
    def total(x):
        return jnp.sum(fixed_point(NETWORKS[name](x)) ** 2)

    alone = jax.jit(lambda x: jax.lax.map(jax.grad(total), x))(AT)
    h = 1e-5
    steps = h * jnp.eye(3)
    differences = jax.jit(
        lambda x: jax.lax.map(
            lambda x: jax.lax.map(lambda e: (total(x + e) - total(x - e)) / (2 * h), steps), x
        )
    )(AT)
    np.testing.assert_allclose(alone, differences, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(total)))(AT), alone, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.jacfwd(total)))(AT), alone, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        jax.jit(Parallel().program(lambda _, x: jax.grad(total)(x)))(None, AT), alone, rtol=1e-9, atol=1e-12
    )
    # To second order: a rule that held the Jacobian constant would be wrong here.
    gradient = jax.jit(jax.grad(total))
    hessian = jax.jit(jax.hessian(total))(AT[0])
    np.testing.assert_allclose(
        hessian,
        np.stack([(gradient(AT[0] + e) - gradient(AT[0] - e)) / (2 * h) for e in steps]),
        rtol=1e-4,
        atol=1e-6,
    )


def test_near_a_fold_the_derivative_is_that_of_differences():
    """1 % of its input from where the low state of two interacting populations ends."""

    def low(P):
        return nmm.Network(M.ReducedWongWang(w=P))

    def stable(P):
        return (
            float(jnp.max(jnp.linalg.eigvals(linearise(low(P)).jacobian()).real)) < 0
            and float(fixed_point(low(P))[0, 0]) < 0.4
        )

    values = np.linspace(0.5, 1.6, 221)
    last = max(value for value in values if stable(value))
    assert last < values[-1]
    at, h = 0.99 * last, 1e-6
    rest = jax.jit(lambda P: fixed_point(low(P))[0, 0])
    np.testing.assert_allclose(jax.grad(rest)(at), (rest(at + h) - rest(at - h)) / (2 * h), rtol=1e-5)


def test_without_a_fixed_point_it_is_nan():
    """A phase that turns for ever."""
    assert np.isnan(fixed_point(nmm.Network(M.Kuramoto(omega=0.1)))).all()


def test_any_search_will_do_for_an_implicit_derivative():
    """The cube root by bisection, which has no derivative of its own."""

    def bisected(a):
        def halve(k, ends):
            low, high = ends
            middle = 0.5 * (low + high)
            return jnp.where(middle**3 < a, middle, low), jnp.where(middle**3 < a, high, middle)

        return jax.lax.fori_loop(0, 60, halve, (jnp.zeros_like(a), jnp.full_like(a, 10.0)))[0]

    def root(a):
        return implicit_root(
            a, find=bisected, residual=lambda x, a: x**3 - a, solve=lambda x, a, b: b / (3.0 * x**2)
        )

    a = jnp.asarray([2.0, 8.0, 27.0])
    np.testing.assert_allclose(jax.vmap(jax.grad(root))(a), a ** (-2 / 3) / 3, rtol=1e-10)
    np.testing.assert_allclose(jax.vmap(jax.hessian(root))(a), -2 * a ** (-5 / 3) / 9, rtol=1e-10)
