"""Single precision over a long time: increments that rounding would swallow, phases that turn for minutes,
stimuli after an hour.
"""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nmm_infer as nmm
from nmm_infer import couplings, models, stimuli
from nmm_infer.solving._multiple_shooting import segments
from nmm_infer.solving._scheme import scheme_of

LATE = 3_600_000.0  # ms


def pair(model, coupling, **options):
    return nmm.Network(model, nmm.Connectome(1.0 - np.eye(2), 30.0 * (1.0 - np.eye(2))), coupling, **options)


@pytest.mark.parametrize(
    "solver", [nmm.solvers.Heun(), diffrax.Euler()], ids=lambda solver: type(solver).__module__
)
def test_small_increments_add_up(solver):
    """Steps that change a state by 1e-6 of itself, the last digits of single precision: the changes are
    right, and so are derivatives.
    """
    step, duration = 0.01, 100.0

    @eqx.filter_jit
    @jax.value_and_grad
    def end(tau):
        network = nmm.Network(models.LeakyIntegrator(tau=tau), initial=[1.0])
        return (
            nmm.solve(network, duration, step=step, sample_every=duration, solver=solver).values[0, 0, 0]
            - 1.0
        )

    with jax.enable_x64(False):
        value, slope = end(jnp.asarray(10_000.0))
    assert value.dtype == slope.dtype == jnp.float32
    # A plain sum is off by 5 % here. What may be left is a rounding error of the state at the end.
    assert float(value) == pytest.approx(np.expm1(-duration / 10_000.0), rel=1e-5)
    assert float(slope) == pytest.approx(duration / 10_000.0**2 * np.exp(-duration / 10_000.0), rel=1e-3)


def test_double_precision_needs_no_help():
    network = nmm.Network(models.LeakyIntegrator(), initial=[1.0])
    assert scheme_of(nmm.solvers.Heun()).begin(jnp.asarray(network.initial)) is None


@pytest.mark.parametrize("speed", [None, 10.0], ids=["no delays", "delays"])
def test_phases_keep_their_digits(speed):
    """After an hour at 40 Hz the turns alone would use up single precision; here they are in the initial
    phases.
    """
    start = np.float32(2 * np.pi * 144_000 + np.array([[0.3, 1.1]])).astype(np.float64)

    def run():
        network = pair(models.Kuramoto(omega=0.25), couplings.Kuramoto(K=0.01), speed=speed, initial=start)
        return np.asarray(nmm.solve(network, 200.0, step=0.1).values)[:, 0]

    expected = run()
    with jax.enable_x64(False):
        single = run()
    np.testing.assert_allclose(np.exp(1j * single), np.exp(1j * expected), atol=1e-5)
    assert max(np.abs(single).max(), np.abs(expected).max()) <= np.pi + 1e-6


def test_turns_are_counted_where_they_matter():
    """A coupling that is not periodic sees them; in a network of several models other states have none."""
    phases = models.Kuramoto()
    assert pair(phases, couplings.Diffusive(G=0.1)).periods is None
    assert pair(phases, (couplings.Kuramoto(), couplings.Additive(source=("theta",)))).periods is None
    assert pair(phases, couplings.Additive(source=("activity",))).periods is not None
    assert pair(models.Hopf(), couplings.Diffusive()).periods is None
    mixed = {"a": models.Kuramoto(), "b": models.Hopf()}
    connectome = nmm.Connectome(1.0 - np.eye(2), labels=["left", "right"])
    network = nmm.Network(
        mixed,
        connectome,
        couplings.Kuramoto(source=("theta",), port=("input",)),
        groups={"a": ["left"], "b": ["right"]},
    )
    expected = np.zeros((3, 2))
    expected[network.model.state_names().index("theta"), 0] = 2 * np.pi
    np.testing.assert_allclose(network.periods, expected)
    y = jnp.full((3, 2), 10.0)
    np.testing.assert_allclose(network.apart(y, jnp.zeros_like(y)), 10.0 - 2 * expected)


class Chirp(stimuli.AbstractStimulus):
    """Somebody's own, written without a thought of precision."""

    port: str | None = None
    regions: tuple[str, ...] | None = None

    def __call__(self, t):
        return jnp.sin(2.0 * jnp.pi * 0.04 * t)


LONG_AFTER = {
    "Sine": stimuli.Sine(frequency=0.04),
    "Pulse": stimuli.Pulse(onset=LATE + 5.03, width=5.0),
    "PulseTrain": stimuli.PulseTrain(onset=3.0, width=3.0, period=10.01),
    "a function": Chirp(),
}


@pytest.mark.parametrize("name", LONG_AFTER)
def test_stimuli_are_on_time_after_an_hour(name):
    def run():
        network = nmm.Network(models.LeakyIntegrator(tau=5.0), stimulus=LONG_AFTER[name], initial=[0.0])
        return np.asarray(segments(network, jnp.zeros((1, 1, 1)), step=0.1, steps=200, start=LATE))[
            0, :, 0, 0
        ]

    expected = run()
    with jax.enable_x64(False):
        single = run()
    assert single.dtype == np.float32
    assert np.ptp(expected) > 0.1
    # What is left is the rounding of slots: 2e-8 of a frequency is 0.02 rad after an hour.
    np.testing.assert_allclose(single, expected, atol=0.02)
