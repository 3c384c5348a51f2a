"""Variables that depend on what arrives from the network: the same input that the drift sees, wherever they
are read.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nmm_infer as nmm
from nmm_infer import couplings, models, noises, observe
from nmm_infer.likelihoods._linearised._cross_covariance import covariances
from nmm_infer.likelihoods._linearised._linearised_observation import see
from nmm_infer.linear import linearise, source_response
from nmm_infer.models._base import AbstractLinearModel, State
from nmm_infer.models._catalogue import model_classes
from nmm_infer.parameters import Slot, param

RNG = np.random.default_rng(5)
WEIGHTS = np.array([[0.0, 0.4, 0.3], [0.7, 0.0, 0.2], [0.1, 0.5, 0.0]])
# The last edge is shorter than a step.
LENGTHS = np.array([[0.0, 21.3, 38.7], [25.1, 0.0, 30.3], [44.2, 0.8, 0.0]])
PULSE = nmm.stimuli.Sine(amplitude=0.5, frequency=0.05)
STEP = 0.25
MODELS = {
    "WongWangExcInh": lambda: models.WongWangExcInh(lamda=0.5),
    "ReducedWongWang": models.ReducedWongWang,
    "WongWang": models.WongWang,
    "Zerlaut": models.Zerlaut,
}


class Heard(AbstractLinearModel):
    """A leaky node that says what it hears."""

    tau: Slot = param(10.0, "ms", doc="time constant", low=1.0, high=100.0)

    states = (State("x", 0.1),)
    sends = ("x",)
    ports = ("x",)
    observable = "x"
    driven = {"heard": "1"}
    category = "phenomenological"
    use_case = "tests"
    references = ("none",)

    def heard(self, y, c):
        """What arrives."""
        return c[0]

    def drift(self, t, y, c):
        return -y / self.tau + 0.1 * c


def network(coupling=None, stimulus=PULSE, **options):
    connectome = nmm.Connectome(WEIGHTS, LENGTHS, labels=["A", "B", "C"])
    return nmm.Network(
        Heard(),
        connectome,
        coupling or couplings.Additive(G=0.8),
        stimulus=stimulus,
        initial=[[0.1, 0.5, -0.3]],
        **options,
    )


def test_every_model_reads_its_variables_at_the_input_of_its_drift():
    assert {name for name, cls in model_classes().items() if cls.driven} == set(MODELS)
    for make in MODELS.values():
        model = make()
        y, c = jnp.asarray(model.initial(2)), 0.01 * jnp.ones((len(model.ports), 2))
        for name in model.driven:
            assert (jnp.abs(model.variable(name, y, c) - model.variable(name, y, 0 * c)) > 1e-6).all()
            with pytest.raises(
                ValueError, match=rf"got no input, on which {name} depends: expected the coupling input c too"
            ):
                model.variable(name, y)


def test_balanced_regions_fire_at_the_rate_that_was_asked_for():
    """At rest S_e = τ γ H/(1 + τ γ H): the rate is known from the state alone."""
    net = nmm.balance(
        nmm.Network(models.WongWangExcInh(), nmm.Connectome(WEIGHTS), couplings.Additive(G=0.3)), 0.003
    )
    rate = nmm.solve(net, 4000.0, step=1.0, observe=observe.TemporalAverage(period=1000.0, variable="H_e"))
    np.testing.assert_allclose(rate.values[-1], 0.003, rtol=1e-4)


@pytest.mark.parametrize("speed", [None, 5.0])
def test_a_trajectory_hears_what_arrived(speed):
    """Messages of the past, read where they were sent: from the trajectory itself."""
    net = network(speed=speed)
    path = nmm.solve(net, 30.0, step=STEP)
    x = np.concatenate([np.asarray(net.initial), np.asarray(path.values)[:, 0]])
    t = np.concatenate([[0.0], path.times])
    delays = np.zeros((3, 3)) if speed is None else LENGTHS / speed
    past = np.array(
        [[np.interp(t[1:] - delays[i, j], t, x[:, j]) for j in range(3)] for i in range(3)]
    )  # "to from time"
    expected = (
        0.8 * np.einsum("ij,ijt->ti", WEIGHTS, past) + np.array([float(PULSE(s)) for s in t[1:]])[:, None]
    )
    heard = path.variable("heard").values
    np.testing.assert_allclose(heard, expected, atol=1e-9)
    coarse = nmm.solve(net, 30.0, step=STEP, sample_every=1.0, transient=5.0)
    assert coarse.inputs.shape == (30, 1, 3)
    streamed = nmm.solve(net, 30.0, step=STEP, observe=observe.Subsample(period=1.0, variable="heard"))
    np.testing.assert_allclose(streamed.values, np.asarray(heard)[3::4], atol=1e-12)


def test_adaptive_steps_hear_the_same():
    net = network(stimulus=())
    adaptive = nmm.solve(
        net, 20.0, step=1.0, stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-8)
    ).variable("heard")
    fine = nmm.solve(net, 20.0, step=0.05, sample_every=1.0).values[:, 0]
    np.testing.assert_allclose(adaptive.values, 0.8 * np.asarray(fine) @ WEIGHTS.T, atol=1e-4)


def test_what_nobody_reads_is_not_kept():
    assert nmm.solve(nmm.Network(models.Linear()), 1.0, step=0.5).inputs is None


def test_regions_without_the_variable_are_nan():
    connectome = nmm.Connectome(WEIGHTS, labels=["A", "B", "C"])
    mixed = nmm.Network(
        {"heard": Heard(), "deaf": models.Linear()},
        connectome,
        couplings.Additive(G=0.8),
        groups={"deaf": ["B"]},
        noise=noises.Additive(sigma=0.1),
    )
    values = np.asarray(nmm.solve(mixed, 1.0, step=0.5, key=jax.random.key(0)).variable("heard").values)
    np.testing.assert_array_equal(np.isnan(values), [[False, True, False]] * 2)
    lin = linearise(mixed, "heard", jnp.zeros((1, 3)))
    assert np.isfinite(lin.m).all()
    np.testing.assert_array_equal(np.asarray(lin.d)[:, 1], 0.0)


def test_what_arrives_cannot_be_what_is_sent():
    with pytest.raises(
        ValueError,
        match=r"heard of Heard depends on what arrives, and cannot be what is sent; expected one of x",
    ):
        network(couplings.Additive(source=("heard",)))


@pytest.mark.parametrize("speed", [None, 5.0])
@pytest.mark.parametrize("coupling", [couplings.Additive(G=0.8), couplings.Diffusive(G=0.8)])
def test_the_response_of_what_is_heard_is_that_of_what_was_sent(coupling, speed):
    net = network(coupling, stimulus=(), speed=speed, noise=noises.Additive(sigma=0.1))
    omega = jnp.array([0.0, 0.05, 0.4])
    sent = source_response(linearise(net, "x"), omega)
    K = (
        0.8
        * WEIGHTS
        * (1.0 if speed is None else np.exp(-1j * np.asarray(omega)[:, None, None] * LENGTHS / speed))
    )
    K = np.broadcast_to(K, (3, 3, 3))
    if isinstance(coupling, couplings.Diffusive):
        K = K - 0.8 * np.diag(WEIGHTS.sum(1))
    lin = linearise(net, "heard")
    np.testing.assert_allclose(source_response(lin, omega), np.einsum("fij,fjqk->fiqk", K, sent), atol=1e-12)
    assert not lin.sees_message
    if speed is None:
        x, heard = (
            covariances(see(net, observe.Subsample(variable=name)), (0.0,), None, 0, None)
            for name in ("x", "heard")
        )
        np.testing.assert_allclose(heard, K[0].real @ np.asarray(x) @ K[0].real.T, rtol=1e-8)


def test_a_filter_hears_the_stimulus_of_its_time():
    net = network(noise=noises.Additive(sigma=0.01))
    heard = observe.Subsample(period=1.0, variable="heard")
    likelihood = nmm.likelihoods.ExtendedKalman(scale=0.01, step=STEP)
    quiet = nmm.Network(
        Heard(), net.connectome, couplings.Additive(G=0.8), stimulus=PULSE, initial=net.initial
    )
    data = np.asarray(nmm.solve(quiet, 20.0, step=STEP, observe=heard).values)
    assert (
        float(likelihood._course(net, heard, data.shape).log_prob(jnp.asarray(data)).sum()) > 3.0 * data.size
    )
