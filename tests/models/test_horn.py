"""Harmonic oscillator recurrent networks: against closed forms, a plain loop and the node solved as a
network; gradients, memory, and a task.
"""

import importlib.util
import sys
from pathlib import Path

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import numpyro.handlers
import pytest

import nmm_infer as nmm
from nmm_infer.models import HORN, HORNLayer, HORNNetwork
from nmm_infer.units import UnitError

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(3)
INPUTS, UNITS, STEPS = 2, 5, 23
RNG = np.random.default_rng(0)
NODE = HORN(
    alpha=RNG.uniform(0.02, 0.3, UNITS),
    omega=RNG.uniform(0.1, 0.5, UNITS),
    gamma=RNG.uniform(0.0, 0.05, UNITS),
    kappa=RNG.uniform(-0.5, 0.5, UNITS),
)
DELAYS = RNG.choice([0, 1, 3, 7], (UNITS, UNITS))
SEQUENCE = RNG.normal(0.0, 1.0, (STEPS, INPUTS))
START = RNG.normal(0.0, 1.0, (2, UNITS))

delayed = pytest.mark.parametrize("delays", [None, DELAYS], ids=["no delays", "delays"])


def layer(delays=None, node=NODE, units=UNITS, **options):
    """Recurrent weights are several times those of a new layer, so that an error in them shows."""
    made = HORNLayer(INPUTS, units, node=node, delays=delays, key=KEY, **options)
    return eqx.tree_at(lambda made: made.recurrent, made, 5.0 * made.recurrent)


def silent(made):
    """The layer without weights and biases."""
    return eqx.tree_at(
        lambda made: (made.input.weight, made.input.bias, made.recurrent), made, replace_fn=jnp.zeros_like
    )


def network(chunk=None):
    keys = jax.random.split(KEY, 3)
    top = HORNLayer(UNITS, 3, chunk=chunk, key=keys[0])
    return HORNNetwork([layer(DELAYS, chunk=chunk), top], outputs=4, key=keys[1])


def arrays(tree):
    """Everything that has a gradient, and how to put it back."""
    free, rest = eqx.partition(tree, eqx.is_inexact_array)
    return jax.tree.map(jnp.asarray, free), lambda free: eqx.combine(free, rest)


# Against other ways to the same numbers.


def loop(made, sequence, start, delays):
    """The equations once more, with every past velocity kept and looked up one by one."""
    node, h = made.node, made.step
    x, v = start.copy()
    velocities, states = [v] * (1 + delays.max()), []
    for sample in sequence:
        total = np.zeros(len(x))
        for to in range(len(x)):
            for sender in range(len(x)):
                total[to] += float(made.recurrent[to, sender]) * velocities[-1 - delays[to, sender]][sender]
        drive = np.asarray(made.input.weight) @ sample + np.asarray(made.input.bias) + total / np.sqrt(len(x))
        v = v + h * (node.alpha * np.tanh(drive + node.kappa * x) - node.omega**2 * x - 2 * node.gamma * v)
        x = x + h * v
        velocities.append(v)
        states.append(np.stack([x, v]))
    return np.stack(states)


@delayed
@pytest.mark.parametrize("step", [1.0, 0.4])
def test_layer_is_a_loop_that_keeps_all_past_velocities(delays, step):
    made = layer(delays, step=step)
    expected = loop(made, SEQUENCE, START, np.zeros((UNITS, UNITS), int) if delays is None else delays)
    np.testing.assert_allclose(made(SEQUENCE, START), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(made.last(SEQUENCE, START), expected[-1], rtol=1e-11, atol=1e-13)
    # The parts that the loop is meant to check all act.
    for changed in (
        layer(None if delays is not None else DELAYS, step=step),
        silent(made),
        layer(delays, node=HORN(), step=step),
    ):
        assert np.abs(changed(SEQUENCE, START) - expected).max() > 1e-3


@pytest.mark.parametrize("speed", [None, 2.0], ids=["no delays", "delays"])
def test_layer_is_the_network_of_nodes_at_small_steps(speed):
    """What `solve` makes of a network of nodes; symplectic Euler is of first order."""
    rng = np.random.default_rng(1)  # of its own: how steps err depends on the weights
    weights = 4.0 * rng.uniform(-1.0, 1.0, (UNITS, UNITS)) * (1 - np.eye(UNITS))
    delays = rng.integers(2, 6, (UNITS, UNITS))
    duration = 24.0
    connectome = nmm.Connectome(weights, lengths=2.0 * delays, signed=True)
    nodes = nmm.Network(
        NODE, connectome, nmm.couplings.Additive(G=1 / np.sqrt(UNITS)), speed=speed, initial=START
    )
    truth = nmm.solve(nodes, duration, step=0.01, sample_every=duration).values[-1]
    errors = []
    for step in (0.5, 0.25, 0.125):
        made = silent(layer(None if speed is None else np.round(delays / step).astype(int), step=step))
        made = eqx.tree_at(lambda made: made.recurrent, made, jnp.asarray(weights))
        errors.append(np.abs(made.last(np.zeros((round(duration / step), INPUTS)), START) - truth).max())
    order = np.log2(errors[0] / errors[2]) / 2
    assert 0.8 < order < 1.3, errors
    assert errors[2] < 0.03 * np.abs(truth).max()
    without = silent(layer(step=0.125)).last(np.zeros((round(duration / 0.125), INPUTS)), START)
    assert np.abs(without - truth).max() > 10 * errors[2]


def test_one_unit_without_weights_is_the_damped_oscillator():
    omega, gamma, x, v, duration = 0.3, 0.02, 1.0, 0.1, 60.0
    fast = np.sqrt(omega**2 - gamma**2)
    time = duration
    position = np.exp(-gamma * time) * (
        x * np.cos(fast * time) + (v + gamma * x) / fast * np.sin(fast * time)
    )
    velocity = np.exp(-gamma * time) * (
        v * np.cos(fast * time) - (omega**2 * x + gamma * v) / fast * np.sin(fast * time)
    )
    errors = []
    for step in (0.2, 0.1, 0.05):
        alone = silent(HORNLayer(1, 1, node=HORN(omega=omega, gamma=gamma), step=step, key=KEY))
        end = alone.last(np.zeros((round(duration / step), 1)), np.array([[x], [v]]))
        errors.append(np.hypot(end[0, 0] - position, end[1, 0] - velocity))
    assert 0.9 < np.log2(errors[0] / errors[2]) / 2 < 1.1, errors
    assert errors[2] < 0.005


def test_energy_stays_bounded_for_ever():
    """Symplectic Euler conserves (v² + ω² x² - h ω² x v)/2 exactly, so at h = 1 the energy varies by less
    than (1 + ω/2)/(1 - ω/2); plain Euler's explodes.
    """
    node = HORN(gamma=0.0)
    omega = float(node.omega)
    alone = silent(HORNLayer(1, 1, node=node, key=KEY))
    x, v = np.asarray(
        jax.jit(lambda silence: alone(silence, jnp.array([[1.0], [0.0]])))(jnp.zeros((100_000, 1)))
    )[..., 0].T
    energy = (v**2 + omega**2 * x**2) / 2
    assert energy.max() / energy.min() < (1 + omega / 2) / (1 - omega / 2)
    conserved = energy - omega**2 * x * v / 2
    assert np.ptp(conserved) < 1e-9 * conserved.mean()
    # Still swinging: in the last thousand steps as far as in the first.
    np.testing.assert_allclose(np.abs(x[-1000:]).max(), np.abs(x[:1000]).max(), rtol=1e-2)
    y, silence = np.array([[1.0], [0.0]]), np.zeros((1, 1))
    for _ in range(1000):
        y = y + np.asarray(node.drift(0.0, y, silence))
    assert y[1] ** 2 + omega**2 * y[0] ** 2 > 1e10 * omega**2


# Compiled, batched, permuted, cut into chunks: the same.


@delayed
def test_compiled_is_eager(delays):
    made = layer(delays)
    np.testing.assert_allclose(
        eqx.filter_jit(made)(SEQUENCE, START), made(SEQUENCE, START), rtol=1e-12, atol=1e-14
    )


def test_vmap_over_a_batch_is_a_loop():
    batch = RNG.normal(0.0, 1.0, (3, STEPS, INPUTS))
    made, one = network(), eqx.filter_jit(network())
    np.testing.assert_allclose(
        eqx.filter_jit(jax.vmap(made))(batch), [one(sequence) for sequence in batch], rtol=1e-12, atol=1e-14
    )


@delayed
def test_permuting_units_permutes_states(delays):
    order = np.array([3, 0, 4, 1, 2])
    made = layer(delays)
    node = HORN(**{name: np.asarray(getattr(NODE, name))[order] for name in NODE.parameters()})
    moved = layer(None if delays is None else delays[np.ix_(order, order)], node=node)
    weights = (made.input.weight[order], made.input.bias[order], made.recurrent[order][:, order])
    moved = eqx.tree_at(lambda moved: (moved.input.weight, moved.input.bias, moved.recurrent), moved, weights)
    np.testing.assert_allclose(
        moved(SEQUENCE, START[:, order]), made(SEQUENCE, START)[..., order], rtol=1e-12, atol=1e-14
    )


def gradient(chunk, function):
    free, build = arrays(layer(DELAYS, chunk=chunk))
    return jax.jit(jax.value_and_grad(lambda free: function(build(free))))(free)


@pytest.mark.parametrize("chunk", [1, 7, STEPS, 1000])
def test_chunks_change_neither_values_nor_gradients(chunk):
    def function(made):
        return jnp.sum(jnp.cos(made(SEQUENCE, START)))

    for ours, default in zip(
        jax.tree.leaves(gradient(chunk, function)), jax.tree.leaves(gradient(None, function)), strict=True
    ):
        np.testing.assert_allclose(ours, default, rtol=1e-10, atol=1e-12)


def memory(chunk, steps):
    free, build = arrays(HORNLayer(1, 16, chunk=chunk, key=KEY))
    compiled = (
        jax.jit(jax.grad(lambda free, sequence: jnp.sum(build(free).last(sequence)[0] ** 2)))
        .lower(free, jnp.zeros((steps, 1)))
        .compile()
    )
    return compiled.memory_analysis().temp_size_in_bytes


def test_memory_of_a_gradient_grows_with_the_root_of_the_steps():
    """16 times as many steps: 4 times the memory, and 16 times when every state is kept."""
    assert memory(None, 16_384) < 5 * memory(None, 1024)
    assert memory(1, 16_384) > 12 * memory(1, 1024)


# Gradients.


def test_gradient_is_the_finite_difference():
    free, build = arrays(network())
    flat, unravel = jax.flatten_util.ravel_pytree(free)

    @jax.jit
    def loss(flat):
        return jnp.sum(jnp.sin(build(unravel(flat))(SEQUENCE)))

    numeric = [(loss(flat + h) - loss(flat - h)) / 2e-5 for h in 1e-5 * np.eye(len(flat))]
    analytic = jax.grad(loss)(flat)
    assert np.mean(np.abs(analytic) > 1e-6) > 0.8
    np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradient_through_thousands_of_steps_is_finite(dtype):
    with jax.enable_x64(dtype == "float64"):
        free, build = arrays(layer(DELAYS, node=HORN()))
        sequence = jnp.asarray(np.random.default_rng(1).normal(0.0, 1.0, (5000, INPUTS)), dtype)
        value, slopes = jax.jit(jax.value_and_grad(lambda free: jnp.mean(build(free)(sequence)[:, 0] ** 2)))(
            free
        )
    assert value.dtype == dtype
    assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(slopes))
    assert all(np.any(slope != 0) for slope in jax.tree.leaves(slopes))


# Stacking and reading out.


def test_network_stacks_its_layers():
    made = network()
    below, above = made.states(SEQUENCE)
    np.testing.assert_allclose(below, made.layers[0](SEQUENCE), rtol=1e-12)
    np.testing.assert_allclose(above, made.layers[1](below[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(made(SEQUENCE), made.readout(above[-1, 0]), rtol=1e-10)
    assert below.shape == (STEPS, 2, UNITS)
    assert above.shape == (STEPS, 2, 3)


def test_weights_are_trained_and_nodes_are_not():
    made = network()
    trained, fixed = eqx.partition(made, made.trained())
    weights = [
        leaf for layer in made.layers for leaf in (layer.input.weight, layer.input.bias, layer.recurrent)
    ]
    assert len(jax.tree.leaves(trained)) == len(weights) + 2
    assert not jax.tree.leaves([layer.node for layer in trained.layers])
    assert len(jax.tree.leaves([layer.node for layer in fixed.layers])) == 2 * len(HORN.parameters())


def test_weights_follow_the_key():
    one, same, other = (HORNLayer(4, 100, key=jax.random.key(seed)) for seed in (0, 0, 1))
    assert eqx.tree_equal(one, same)
    assert not np.allclose(one.recurrent, other.recurrent)
    for weights, bound in ((one.input.weight, 1 / 2), (one.recurrent, 1 / 10)):
        assert 0.9 * bound < np.abs(weights).max() <= bound
        assert abs(np.mean(weights)) < 0.1 * bound


# What users pass.


def test_nodes_and_steps_take_quantities():
    made = HORNLayer(1, 1, node=HORN(omega=200 * u.radian / u.second), step=500 * u.us, key=KEY)
    assert made.step == 0.5
    np.testing.assert_allclose(made.node.omega, 0.2)
    with pytest.raises(UnitError, match=r"HORNLayer\(step=...\) got a quantity in mV"):
        HORNLayer(1, 1, step=1 * u.mV, key=KEY)


def test_priors_of_nodes_are_drawn_first():
    made = layer(node=HORN(omega=nmm.Prior(dist.Uniform(0.1, 0.4), over="region")))
    with pytest.raises(
        ValueError, match=r"HORNLayer still has priors at node.omega; draw them with nmm.sample"
    ):
        made(SEQUENCE)
    drawn = numpyro.handlers.seed(nmm.sample, jax.random.key(0))(made, plates={"region": UNITS})
    assert len(np.unique(drawn.node.omega)) == UNITS
    assert np.all(np.isfinite(drawn(SEQUENCE)))


def test_delays_are_the_ones_given():
    made = layer(DELAYS)
    np.testing.assert_array_equal(made.delays, DELAYS)
    np.testing.assert_array_equal(layer().delays, np.zeros((UNITS, UNITS)))


WRONG = [
    (lambda: HORNLayer(0, 3, key=KEY), r"HORNLayer\(inputs=0\): expected a whole number, 1 or more"),
    (lambda: HORNLayer(2, 3.5, key=KEY), r"HORNLayer\(units=3.5\): expected a whole number, 1 or more"),
    (lambda: HORNLayer(2, 3, chunk=0, key=KEY), r"HORNLayer\(chunk=0\): expected a whole number, 1 or more"),
    (
        lambda: HORNLayer(2, 3, node=HORN(omega=np.ones(4)), key=KEY),
        r"HORN\(omega=...\) has shape \(4,\), expected a scalar or shape \(3,\)",
    ),
    (
        lambda: HORNLayer(2, 3, node=nmm.models.Hopf(), key=KEY),
        r"HORNLayer\(node=...\) got Hopf, expected the nodes' parameters: nmm.models.HORN",
    ),
    (
        lambda: HORNLayer(2, 3, delays=np.zeros((3, 2), int), key=KEY),
        r"HORNLayer\(delays=...\) has shape \(3, 2\), expected \(3, 3\): to unit by from unit",
    ),
    (
        lambda: HORNLayer(2, 3, delays=np.full((3, 3), -1), key=KEY),
        r"HORNLayer\(delays=...\) got int64 from -1 to -1, expected whole steps, 0 or more",
    ),
    (
        lambda: HORNLayer(2, 3, delays=np.full((3, 3), 0.5), key=KEY),
        r"HORNLayer\(delays=...\) got float64 from 0.5 to 0.5, expected whole steps",
    ),
    (lambda: HORNLayer(2, 3, step=0.0, key=KEY), r"HORNLayer\(step=...\) must be a positive time"),
    (
        lambda: layer()(np.zeros((4, 3))),
        (
            r"the sequence has shape \(4, 3\), expected \(steps, 2\), time by input; map over a batch with"
            r" jax.vmap\(layer\)"
        ),
    ),
    (lambda: layer()(np.zeros((6, 4, 2))), r"the sequence has shape \(6, 4, 2\), expected \(steps, 2\)"),
    (lambda: layer()(np.zeros((0, 2))), r"the sequence has shape \(0, 2\), expected \(steps, 2\)"),
    (
        lambda: layer()(SEQUENCE, np.zeros(UNITS)),
        r"initial has shape \(5,\), expected \(2, 5\), positions and velocities by unit",
    ),
    (
        lambda: HORNNetwork([], 2, key=KEY),
        r"HORNNetwork\(layers=...\) got \[\], expected one HORNLayer or more",
    ),
    (
        lambda: HORNNetwork([HORN()], 2, key=KEY),
        r"HORNNetwork\(layers=...\) got \['HORN'\], expected one HORNLayer or more",
    ),
    (
        lambda: HORNNetwork([layer()], 0, key=KEY),
        r"HORNNetwork\(outputs=0\): expected a whole number, 1 or more",
    ),
    (
        lambda: HORNNetwork([layer(), layer()], 2, key=KEY),
        r"HORNNetwork\(layers=...\): layer 1 has 2 inputs, expected 5: one for each unit below it",
    ),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_does_not_fit_is_named(number):
    make, message = WRONG[number]
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_models_do_not_need_the_optimiser():
    for path in (ROOT / "nmm_infer" / "models").rglob("*.py"):
        assert "optax" not in path.read_text(encoding="utf-8"), path.name


# The task of the example.


@pytest.fixture(scope="module")
def example():
    """The module `examples/delayed_match.py`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("delayed_match", ROOT / "examples" / "delayed_match.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_trials_are_as_described(example):
    task = example.Task(cues=3, cue_steps=4, delay_steps=6, noise=0.0)
    sequences, match = (np.asarray(part) for part in task.trials(KEY, 200))
    assert sequences.shape == (200, 14, 3)
    np.testing.assert_array_equal(sequences.sum(axis=(1, 2)), 8)
    assert not sequences[:, 4:10].any()
    same = sequences[:, 0].argmax(axis=-1) == sequences[:, -1].argmax(axis=-1)
    np.testing.assert_array_equal(match, same)
    assert 0.4 < match.mean() < 0.6


def test_training_lowers_the_loss(example):
    task = example.Task(cues=2, cue_steps=5, delay_steps=5, noise=0.1)
    start = example.build(task, 8, KEY)
    end, losses = example.train(start, task, 60, jax.random.key(1))
    assert losses[-10:].mean() < 0.9 * losses[:10].mean()
    assert eqx.tree_equal(start.layers[0].node, end.layers[0].node)


@pytest.mark.slow
def test_delayed_match_is_learnt(example):
    task = example.Task(cues=3, cue_steps=8, delay_steps=12, noise=0.3)
    keys = jax.random.split(jax.random.key(0), 3)
    network = example.build(task, 24, keys[0])
    assert 0.4 < example.accuracy(network, task, keys[2]) < 0.6
    network, _ = example.train(network, task, 300, keys[1])
    assert example.accuracy(network, task, keys[2]) > 0.85
