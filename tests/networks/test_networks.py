"""Every model with every coupling, and with noise: what holds for one network holds for all."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import COUPLINGS, MODELS

import nmm_infer as nmm

# One constructor for each class; presets differ from it in numbers alone.
CLASSES = {type(make()).__name__: make for make in reversed(MODELS.values())}
each = pytest.mark.parametrize("name", sorted(CLASSES))

# The slots that turn a coupling off; all the others of their coupling stay.
STRENGTH = {"Sigmoidal": ("cmin", "cmax"), "SigmoidalJansenRit": ("a",), "Kuramoto": ("K",)}
# Gains of ports that are closed by default, as in their papers.
OPEN = {
    "Epileptor": {"Kvf": 0.5, "Kf": 0.5},
    "Epileptor2D": {"Kvf": 0.5},
    "GastSchmidtKnoscheSD": {"cv": 0.5},
    "GastSchmidtKnoscheSFA": {"cv": 0.5},
    "MontbrioPazoRoxin": {"cv": 0.5},
}
# A rate that arrives is cut off below zero, and these phases differ by less than the lag: the sum is
# negative.
SILENT = {("Zerlaut", "Kuramoto")}
N = 3
RNG = np.random.default_rng(11)
WEIGHTS = RNG.uniform(0.2, 1.0, (N, N)) * (1 - np.eye(N))
ORDER = np.array([2, 0, 1])


def states(model, n=N, seed=3):
    """Different states in the inner part of their declared ranges."""
    low, high = np.array([(s.low, s.high) for s in model.states]).T[..., None]
    return low + (high - low) * np.random.default_rng(seed).uniform(0.3, 0.7, (len(model.states), n))


def coupled(model, key, weights, strength):
    """The network of one model and one coupling; `weights` and `strength` may be traced."""
    coupling = dataclasses.replace(COUPLINGS[key](), source=None)
    slots = STRENGTH.get(key, ("G",))
    coupling = eqx.tree_at(
        lambda c: [getattr(c, slot) for slot in slots],
        coupling,
        [strength * getattr(coupling, slot) for slot in slots],
    )
    return eqx.tree_at(
        lambda n: n.connectome.weights, nmm.Network(model, nmm.Connectome(WEIGHTS), coupling), weights
    )


def drifts(name, weights, strength, y):
    """Drift of the network with each of the couplings, `["coupling state region"]`."""
    model = CLASSES[name]()
    return jnp.stack([coupled(model, key, weights, strength).drift(0.0, y) for key in COUPLINGS])


def isolated(name, y):
    model = CLASSES[name]()
    return np.asarray(model.drift(jnp.zeros(()), jnp.asarray(y), jnp.zeros((len(model.ports), N))))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name == "Zerlaut" else name for name in sorted(CLASSES)],
)
def test_model_with_every_coupling(name):
    """Shape, compiled and batched = eager, order of regions, no coupling = isolated regions, coupling
    matters, gradient = finite difference.
    """
    y = states(CLASSES[name]())
    direction = RNG.normal(size=(N, N)) * (WEIGHTS > 0), 1.0, RNG.normal(size=y.shape) * np.abs(y)
    h = 1e-6
    cases = {
        "base": (WEIGHTS, 1.0, y),
        "off": (WEIGHTS, 0.0, y),
        "more": (WEIGHTS, 2.0, y),
        "permuted": (WEIGHTS[np.ix_(ORDER, ORDER)], 1.0, y[:, ORDER]),
        "ahead": tuple(x + h * d for x, d in zip((WEIGHTS, 1.0, y), direction, strict=True)),
        "behind": tuple(x - h * d for x, d in zip((WEIGHTS, 1.0, y), direction, strict=True)),
    }
    batch = [np.stack(column) for column in zip(*cases.values(), strict=True)]
    result = dict(
        zip(cases, np.asarray(jax.jit(jax.vmap(functools.partial(drifts, name)))(*batch)), strict=True)
    )
    size = np.abs(result["base"]).max()
    assert result["base"].shape == (len(COUPLINGS), *y.shape)
    assert np.all(np.isfinite(result["base"]))
    eager = drifts(name, jnp.asarray(WEIGHTS), 1.0, jnp.asarray(y))
    alone = np.broadcast_to(isolated(name, y), result["off"].shape)
    tight = {"rtol": 1e-11, "atol": 1e-13 * size}
    np.testing.assert_allclose(result["base"], eager, **tight)
    np.testing.assert_allclose(result["permuted"], result["base"][..., ORDER], **tight)
    np.testing.assert_allclose(result["off"], alone, **tight)
    for key, base, more in zip(COUPLINGS, result["base"], result["more"], strict=True):
        assert (name, key) in SILENT or np.abs(more - base).max() > 1e-12 * size, (
            f"{key}: twice the strength changes nothing"
        )

    mix = jnp.asarray(np.random.default_rng(5).normal(size=result["base"].shape))
    gradient = jax.jit(jax.grad(lambda *point: jnp.sum(mix * drifts(name, *point)), argnums=(0, 1, 2)))(
        *cases["base"]
    )
    slope = sum(float(np.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
    numeric = float(np.sum(mix * (result["ahead"] - result["behind"]))) / (2 * h)
    assert slope == pytest.approx(numeric, rel=1e-5, abs=1e-8 * size)


@each
def test_every_port_couples_a_simulated_network(name):
    """Two regions, one port at a time: another strength of the coupling, another trajectory."""
    model = eqx.tree_at(
        lambda m: [getattr(m, gain) for gain in OPEN.get(name, {})],
        CLASSES[name](),
        list(OPEN.get(name, {}).values()),
    )
    pair = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]])
    start = 0.9 * model.initial(2) + 0.1 * states(model, n=2)

    @jax.jit
    @jax.vmap
    def ends(strength):
        networks = [
            nmm.Network(
                model,
                pair,
                nmm.couplings.Additive(G=strength, source=model.sends[:1], port=(port,)),
                initial=start,
            )
            for port in model.ports
        ]
        return jnp.stack([nmm.solve(network, 0.1, step=0.02).values[-1] for network in networks])

    without, weak, strong = np.asarray(ends(jnp.array([0.0, 0.2, 0.4])))
    for port, a, b, c in zip(model.ports, without, weak, strong, strict=True):
        assert np.all(np.isfinite(a)), port
        scale = np.abs(a - start).max()
        assert np.abs(b - a).max() > 1e-9 * scale, f"port {port} does not couple"
        assert np.abs(c - b).max() > 1e-9 * scale, f"port {port} does not feel the strength"


@each
def test_noise_is_additive_on_the_states_that_it_names(name):
    """Over one short step a noisy state spreads by σ√dt, and the others, which feel the noise only through
    it, by less in proportion to dt.
    """
    model = CLASSES[name]()
    step, sigma, n = 1e-4, 0.01, 4000
    network = nmm.Network(model, noise=nmm.noises.Additive(sigma=sigma), initial=states(model, n=1))
    keys = jax.random.split(jax.random.key(2), n)
    quiet = nmm.solve(dataclasses.replace(network, noise=None, speed_range=None), step, step=step).values[
        0, :, 0
    ]
    noisy = jax.jit(jax.vmap(lambda key: nmm.solve(network, step, step=step, key=key).values[0, :, 0]))(keys)
    change = np.asarray(noisy - quiet)
    spread = change.std(axis=0) / (sigma * np.sqrt(step))
    named = np.isin(model.state_names(), model.noisy_states())
    # 4000 draws know a standard deviation to 1.1 %, a mean to 1.6 % of it.
    np.testing.assert_allclose(spread[named], 1.0, atol=0.05)
    np.testing.assert_allclose(change.mean(axis=0)[named], 0.0, atol=0.08 * sigma * np.sqrt(step))
    assert np.all(spread[~named] < 0.05)
