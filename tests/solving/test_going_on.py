"""A run that goes on where another ended is one run: to the bit, with its past, its noise, its stimuli and
what observes it.
"""

import dataclasses
import pickle
from functools import cache

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nmm_infer as nmm

STEP, WHOLE, KEY = 0.5, 40.0, 3
PAIR = nmm.Connectome(np.array([[0.0, 0.4], [0.7, 0.0]]), np.array([[0.0, 21.0], [47.0, 0.0]]))
START = [[0.1, -0.3], [0.2, 0.0]]
COLOURED = nmm.noises.OrnsteinUhlenbeck(sigma=0.01, tau=3.0)
SINE = nmm.stimuli.Sine(amplitude=0.1, frequency=0.013)
BOLD = nmm.observe.Bold(period=2.0)

# With what runs differ, and the times at which they are cut: none is a whole number of blocks.
RUNS = {
    "states": ({"stimulus": SINE}, {}, 17.0),
    "white noise": ({"noise": nmm.noises.Additive(sigma=0.01)}, {}, 1.5),
    "delays": ({"speed": 6.0, "stimulus": SINE}, {}, 17.0),
    "short delays": ({"speed": 80.0, "noise": nmm.noises.Additive(sigma=0.01)}, {}, 18.5),
    "less than the past": ({"speed": 6.0, "noise": COLOURED}, {}, 1.5),
    "bold": ({"speed": 6.0, "noise": COLOURED, "stimulus": SINE}, {"observe": BOLD}, 14.0),
    "kernel": (
        {},
        {"observe": nmm.observe.HemodynamicResponse(nmm.observe.kernels.Gamma(), period=2.0)},
        14.0,
    ),
    "seldom": ({"noise": COLOURED}, {"sample_every": 1.5}, 6.0),
}


def network(model=None, initial=START, **options):
    return nmm.Network(
        model or nmm.models.Hopf(a=-0.02, omega=0.3),
        PAIR,
        nmm.couplings.Additive(G=0.3),
        initial=initial,
        **options,
    )


def key_of(net):
    return None if net.noise is None else KEY


def in_parts(net, cut, **options):
    first = nmm.solve(net, cut, step=STEP, key=key_of(net), transient=3.0, **options)
    return first, nmm.solve(net, WHOLE - cut, step=STEP, after=first.final, **options)


def check_same(whole, parts):
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), whole.values)
    np.testing.assert_allclose(np.concatenate([part.times for part in parts]), whole.times, rtol=1e-12)
    for one, other in zip(jax.tree.leaves(parts[-1].final), jax.tree.leaves(whole.final), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", RUNS)
def test_two_runs_are_one_to_the_bit(name):
    of_network, options, cut = RUNS[name]
    net = network(**of_network)
    whole = nmm.solve(net, WHOLE, step=STEP, key=key_of(net), transient=3.0, **options)
    assert np.isfinite(whole.values).all()
    check_same(whole, in_parts(net, cut, **options))


def test_two_runs_are_one_in_single_precision_too():
    with jax.enable_x64(False):
        net = network(speed=6.0, noise=COLOURED, stimulus=SINE)
        whole = nmm.solve(net, WHOLE, step=STEP, key=KEY, transient=3.0)
        assert whole.values.dtype == np.float32
        check_same(whole, in_parts(net, 17.0))


def test_phases_and_derived_variables_go_on():
    net = network(nmm.models.Kuramoto(omega=[0.3, 0.5]), [[3.0, -3.0]], speed=6.0, noise=COLOURED)
    whole = nmm.solve(net, WHOLE, step=STEP, key=KEY, transient=3.0, observe=BOLD)
    check_same(whole, in_parts(net, 14.0, observe=BOLD))


@cache
def delayed():
    """A run with all that a run may have, and its network."""
    net = network(speed=6.0, noise=COLOURED)
    return net, nmm.solve(net, 10.0, step=STEP, key=KEY)


def test_an_ending_can_be_kept_in_a_file(tmp_path):
    net, first = delayed()
    on = nmm.solve(net, 10.0, step=STEP, after=first.final).values
    eqx.tree_serialise_leaves(tmp_path / "end.eqx", first.final)
    for again in (
        pickle.loads(pickle.dumps(first.final)),
        eqx.tree_deserialise_leaves(tmp_path / "end.eqx", first.final),
    ):
        np.testing.assert_array_equal(nmm.solve(net, 10.0, step=STEP, after=again).values, on)
    assert first.final.time == 10.0


def test_other_noise_from_the_same_end_on():
    net, first = delayed()
    ends = jax.vmap(lambda key: nmm.solve(net, 10.0, step=STEP, key=key, after=first.final).values)(
        jax.random.split(jax.random.key(0), 3)
    )
    same = nmm.solve(net, 10.0, step=STEP, after=first.final).values
    assert np.ptp(ends[:, -1], axis=0).min() > 0
    np.testing.assert_allclose(
        nmm.solve(net, 10.0, step=STEP, key=KEY, after=first.final).values, same, rtol=0, atol=0
    )


def test_a_network_may_be_told_to_go_on():
    net, first = delayed()
    told = nmm.Network(
        net.model,
        net.connectome,
        net.coupling,
        speed=net.speed,
        noise=net.noise,
        stimulus=net.stimulus,
        initial=first.final,
    )
    want, found = nmm.solve(net, 10.0, step=STEP, after=first.final), nmm.solve(told, 10.0, step=STEP)
    np.testing.assert_array_equal(found.values, want.values)
    np.testing.assert_array_equal(found.times, want.times)
    # Other parts leave it where it is; another state begins anew.
    assert dataclasses.replace(told, stimulus=()).after is not None
    assert dataclasses.replace(told, initial=told.initial + 1.0).after is None
    assert told.beginning(first.final.state).after is None


def test_many_runs_go_on_together():
    net, _ = delayed()
    keys = jax.random.split(jax.random.key(1), 2)
    first = jax.vmap(lambda key: nmm.solve(net, 10.0, step=STEP, key=key))(keys)
    on = jax.jit(jax.vmap(lambda end: nmm.solve(net, 10.0, step=STEP, after=end).values))(first.final)
    whole = jax.vmap(lambda key: nmm.solve(net, 20.0, step=STEP, key=key).values)(keys)
    np.testing.assert_allclose(jnp.concatenate([first.values, on], axis=1), whole, rtol=1e-12, atol=1e-14)


def test_noise_that_is_given_goes_on():
    net, values = network(speed=6.0, noise=COLOURED), np.random.default_rng(0).normal(size=(40, 2, 2))
    start = np.ones((2, 2))
    whole = nmm.solve(net, 20.0, step=STEP, key=nmm.noises.Innovations(values, start=start)).values
    first = nmm.solve(net, 8.5, step=STEP, key=nmm.noises.Innovations(values[:17], start=start))
    second = nmm.solve(net, 11.5, step=STEP, key=nmm.noises.Innovations(values[17:]), after=first.final)
    np.testing.assert_array_equal(jnp.concatenate([first.values, second.values]), whole)
    with pytest.raises(ValueError, match="the run before had none that could go on"):
        nmm.solve(net, 11.5, step=STEP, after=first.final)


def unknown(n):
    return n.speed, n.connectome.weights, n.coupling.G, n.initial, n.noise.sigma


def put(values):
    return eqx.tree_at(unknown, network(speed=6.0, noise=COLOURED), values)


@cache
def gradient_of_the_whole():
    values = jax.tree.map(jnp.asarray, unknown(network(speed=6.0, noise=COLOURED)))
    return values, jax.grad(
        lambda values: jnp.sum(nmm.solve(put(values), 20.0, step=STEP, key=KEY).values[21:] ** 2)
    )(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nmm.adjoints.Stored(), nmm.adjoints.Stored()),
        (nmm.adjoints.Checkpointed(steps=8), nmm.adjoints.Direct()),
    ],
    ids=["stored", "mixed"],
)
def test_a_gradient_goes_back_through_both_runs(one, other):
    def in_two(values):
        end = nmm.solve(put(values), 10.5, step=STEP, key=KEY, adjoint=one).final
        return jnp.sum(nmm.solve(put(values), 9.5, step=STEP, after=end, adjoint=other).values ** 2)

    values, whole = gradient_of_the_whole()
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(jax.grad(in_two)(values)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


def wider():
    return nmm.Connectome(np.ones((3, 3)) - np.eye(3), 20.0 * (np.ones((3, 3)) - np.eye(3)))


REFUSED = {
    "no ending": (
        lambda end: (network(), {"after": 3.0}),
        TypeError,
        r"solve\(after=\.\.\.\) got .*float.*, expected where a run ended",
    ),
    "step": (
        lambda end: (network(speed=6.0), {"after": end, "step": 0.25}),
        ValueError,
        r"step of 0\.25 ms after a run at steps of 0\.5 ms.*step=0\.5",
    ),
    "model": (
        lambda end: (network(nmm.models.LeakyIntegrator(), [0.0]), {"after": end}),
        ValueError,
        r"ended a network of the states x, y; expected .* x",
    ),
    "regions": (
        lambda end: (
            nmm.Network(nmm.models.Hopf(), wider(), nmm.couplings.Additive(G=0.1), speed=6.0),
            {"after": end},
        ),
        ValueError,
        r"ended a network of the regions .* in this order",
    ),
    "no past": (
        lambda end: (network(speed=6.0), {"after": nmm.solve(network(), 2.0, step=STEP).final}),
        ValueError,
        r"run without delays, which keeps no past.*give the first run the speed",
    ),
    "longer delays": (
        lambda end: (network(speed=3.0), {"after": end}),
        ValueError,
        r"the last .* ms are known, and delays here need .* ms; .*speed_range",
    ),
    "other memory": (
        lambda end: (
            network(),
            {
                "after": nmm.solve(network(), 2.0, step=STEP, observe=BOLD).final,
                "observe": RUNS["kernel"][1]["observe"],
            },
        ),
        ValueError,
        r"another observation's memory.*dataclasses\.replace\(final, memory=None\)",
    ),
    "adaptive steps": (
        lambda end: (
            network(),
            {"after": end, "stepsize_controller": diffrax.PIDController(rtol=1e-3, atol=1e-6)},
        ),
        ValueError,
        r"Diffrax's own loop keeps no past",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name):
    make, error, message = REFUSED[name]
    net, options = make(delayed()[1].final)
    with pytest.raises(error, match=message):
        nmm.solve(net, 5.0, **{"step": STEP, **options})


def test_another_observation_begins_anew_where_it_is_told_to():
    net = network()
    end = nmm.solve(net, 2.0, step=STEP, observe=BOLD).final
    kernel = RUNS["kernel"][1]["observe"]
    on = nmm.solve(net, 4.0, step=STEP, observe=kernel, after=dataclasses.replace(end, memory=None))
    np.testing.assert_allclose(on.times, [4.0, 6.0])
    stored = kernel(nmm.solve(net, 4.0, step=STEP, after=end))
    np.testing.assert_allclose(stored.values, on.values, rtol=1e-12)
    np.testing.assert_allclose(stored.to_xarray()["time"], [4.0, 6.0])
