"""Feedback inhibition control: rates at rest, gradients, a posterior with it inside."""

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density
from scipy.optimize import brentq

import nmm_infer as nmm
from nmm_infer import couplings, models
from nmm_infer.linear import fixed_point, is_stable, linearise
from nmm_infer.linear._fixed_point import rest_drift

CONNECTOME = nmm.datasets.desikan_killiany(cortical=True).scaled_by_mean_strength()
N = CONNECTOME.n_regions


def network(G=0.5, model=None, coupling=None):
    return nmm.Network(model or models.WongWangExcInh(), CONNECTOME, coupling or couplings.Additive(G=G))


def rates_at_rest(balanced, y):
    """Hz, from S_e' = 0: H_e = S_e / (τ γ (1 - S_e)), whatever the input is."""
    model = balanced.model
    return 1e3 * np.asarray(y[0] / (model.tau_e * model.gamma_e * (1 - y[0])))


def H(x, a, b, d):
    return (a * x - b) / (1 - np.exp(-d * (a * x - b)))


def rest(balanced, rate):
    """The state that `balance` promises: S_e from the rate alone, S_i by SciPy's bracketing root finder,
    region by region.
    """
    model = balanced.model
    drive = np.broadcast_to(model.tau_e * model.gamma_e * rate, (N,))
    S_e = drive / (1 + drive)
    c = np.asarray(balanced.undelayed(jnp.stack([S_e, 0 * S_e])))[0]
    arriving = model.J_N * S_e + model.W_i * model.I_o + model.lamda * model.J_N * c
    gain = np.broadcast_to(model.tau_i * model.gamma_i, (N,))
    S_i = [
        brentq(lambda s, x=x, g=g: s - g * H(x - s, 0.615, 0.177, 87.0), 0.0, 1.0, xtol=1e-15)
        for x, g in zip(arriving, gain, strict=True)
    ]
    return jnp.stack([S_e, np.array(S_i)])


@pytest.mark.parametrize("G", [0.0, 0.5, 2.0])
def test_every_region_rests_at_three_hertz(G):
    balanced = nmm.balance(network(G))
    y = rest(balanced, 0.003)
    assert np.abs(rest_drift(balanced, y)).max() < 1e-12
    np.testing.assert_allclose(rates_at_rest(balanced, y), 3.0, rtol=1e-9)
    np.testing.assert_allclose(fixed_point(balanced, 1.001 * y), y, rtol=1e-6)


def test_without_balance_rates_follow_the_connections():
    y = nmm.solve(network(0.2), 5000.0, step=1.0, sample_every=5000.0).values[-1]
    rates = rates_at_rest(network(0.2), y)
    assert np.ptp(rates) > 1.0
    assert np.corrcoef(rates, CONNECTOME.weights.sum(axis=1))[0, 1] > 0.8


def test_simulation_stays_at_the_rate():
    """What Deco et al. 2014 reach by iterating: from the default start the whole network settles
    near 3 Hz.
    """
    balanced = nmm.balance(network(0.3))
    assert bool(is_stable(linearise(balanced, point=rest(balanced, 0.003))))
    end = nmm.solve(balanced, 5000.0, step=1.0, sample_every=5000.0).values[-1]
    np.testing.assert_allclose(rates_at_rest(balanced, end), 3.0, rtol=1e-3)


def test_regional_parameters_rates_and_feedforward_inhibition():
    """Everything may differ between regions; the promised state is at rest."""
    rng = np.random.default_rng(0)
    model = models.WongWangExcInh(
        w_p=rng.uniform(1.2, 1.6, N), J_N=rng.uniform(0.13, 0.17, N), lamda=0.3, tau_i=rng.uniform(8, 12, N)
    )
    target = rng.uniform(2.0, 6.0, N) * u.Hz
    balanced = nmm.balance(network(0.5, model), target)
    rate = np.asarray(target.to_decimal(u.kHz))
    y = rest(balanced, rate)
    assert np.abs(rest_drift(balanced, y)).max() < 1e-12
    np.testing.assert_allclose(rates_at_rest(balanced, y), 1e3 * rate, rtol=1e-9)
    x_e = [brentq(lambda x, r=r: H(x, 0.310, 0.125, 160.0) - r, 0.0, 1.0, xtol=1e-15) for r in rate]
    c = 0.5 * CONNECTOME.weights @ np.asarray(y[0])
    J_i = (model.w_p * model.J_N * np.asarray(y[0]) + 0.382 + model.J_N * c - x_e) / np.asarray(y[1])
    np.testing.assert_allclose(balanced.model.J_i, J_i, rtol=1e-9)


@pytest.mark.parametrize(
    "coupling",
    [couplings.Diffusive(G=0.5), couplings.Laplacian(G=0.5), couplings.HyperbolicTangent(G=0.1)],
    ids=lambda c: type(c).__name__,
)
def test_any_coupling_of_gating_variables(coupling):
    balanced = nmm.balance(network(coupling=coupling))
    y = rest(balanced, 0.003)
    assert np.abs(rest_drift(balanced, y)).max() < 1e-12
    np.testing.assert_allclose(rates_at_rest(balanced, y), 3.0, rtol=1e-9)


def test_gradient_is_the_finite_difference():
    base = network(0.5)

    @jax.jit
    def total(G, w_p):
        changed = eqx.tree_at(lambda n: (n.coupling.G, n.model.w_p), base, (G, w_p))
        return jnp.sum(jnp.sin(jnp.arange(N)) * nmm.balance(changed).model.J_i)

    w_p = jnp.linspace(1.3, 1.5, N)
    by_G, by_w = jax.grad(total, argnums=(0, 1))(0.5, w_p)
    h = 1e-5
    assert float(by_G) == pytest.approx(float(total(0.5 + h, w_p) - total(0.5 - h, w_p)) / (2 * h), rel=1e-7)
    e = jnp.zeros(N).at[3].set(h)
    assert float(by_w[3]) == pytest.approx(
        float(total(0.5, w_p + e) - total(0.5, w_p - e)) / (2 * h), rel=1e-7
    )


def test_a_traced_rate_that_is_not_positive_is_nan():
    """A sampler rejects it; the equations themselves would have a solution, with negative gating
    variables.
    """
    J_i = jax.jit(jax.vmap(lambda rate: nmm.balance(network(), rate).model.J_i))(
        jnp.array([0.003, 0.0, -0.001])
    )
    assert np.all(np.isfinite(J_i[0]))
    assert np.all(np.isnan(J_i[1:]))


@pytest.mark.slow
def test_a_problem_balances_every_draw():
    """G and regional recurrence are free, the spectral likelihood linearises at 3 Hz, and its gradient is
    finite.
    """
    model = models.WongWangExcInh(w_p=nmm.Prior(dist.Normal(1.4, 0.05), over="region"))
    connectome = CONNECTOME.select(CONNECTOME.labels[:6]).scaled_by_mean_strength()
    net = nmm.Network(
        model,
        connectome,
        couplings.Additive(G=nmm.Prior(dist.LogNormal(-1.0, 0.3))),
        noise=nmm.noises.Additive(sigma=1e-3),
    )
    likelihood = nmm.likelihoods.Spectral(band=(0.01 * u.Hz, 0.1 * u.Hz), bands=4)
    problem = nmm.Problem(net, nmm.observe.Bold(period=720.0), likelihood, prepare=nmm.balance)
    data = np.random.default_rng(0).normal(size=(300, 6))
    conditioned = problem.condition(data)

    def density(G, w_p):
        values = {"coupling.G": G, "model.w_p": w_p}
        return log_density(conditioned.model, (), {}, values)[0]

    gradient = jax.jit(jax.grad(density, argnums=(0, 1)))(0.4, jnp.full(6, 1.4))
    assert np.all(np.isfinite(np.concatenate([np.atleast_1d(g) for g in gradient])))
    with handlers.seed(rng_seed=0):
        seen = problem.draw()[0]
    balanced_rate = rates_at_rest(seen, fixed_point(seen, jnp.tile(jnp.array([[0.16], [0.05]]), (1, 6))))
    np.testing.assert_allclose(balanced_rate, 3.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nmm.balance(models.WongWangExcInh()),
            r"balance\(network=...\) got WongWangExcInh, expected a Network of nmm.models.WongWangExcInh",
        ),
        (
            lambda: nmm.balance(nmm.Network(models.Hopf())),
            r"balance\(network=...\) got Hopf, expected a Network",
        ),
        (
            lambda: nmm.balance(network(nmm.Prior(dist.HalfNormal()))),
            r"has priors at coupling.G; draw them first, or pass nmm.Problem\(..., prepare=",
        ),
        (
            lambda: nmm.balance(network(), -3.0),
            r"balance\(rate=...\) got -3.0, expected a positive firing rate such as 3 \* u.Hz",
        ),
        (
            lambda: nmm.balance(network(), "3"),
            r"balance\(rate=...\) got 3, expected a positive firing rate such as 3 \* u.Hz",
        ),
        (
            lambda: nmm.balance(network(), 3 * u.mV),
            r"balance\(rate=...\) got a quantity in mV, expected a quantity convertible to kHz",
        ),
        (
            lambda: nmm.balance(network(), np.ones(3)),
            (
                r"balance\(rate=...\) has shape \(3,\), expected one rate or one for each of the network's 68"
                r" regions"
            ),
        ),
        (
            lambda: nmm.balance(network(coupling=couplings.Additive(source=("H_e",)))),
            (
                r"H_e of WongWangExcInh depends on what arrives, and cannot be what is sent; expected one of"
                r" S_e, S_i"
            ),
        ),
        (
            lambda: nmm.balance(network(0.0, models.WongWangExcInh(I_o=0.1)), 40 * u.Hz),
            r"68 regions .* would need an inhibition J_i of -.* nA to rest at 40 Hz",
        ),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
