"""Every stimulus: its formula, where it acts, and that any of its numbers can be free."""

import functools
import inspect

import brainunit as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpyro import handlers

import nmm_infer as nmm
from nmm_infer import stimuli
from nmm_infer.stimuli._base import AbstractStimulus
from nmm_infer.units import parse

SAMPLES = np.array([0.0, 1.0, 0.5, -1.0, 0.3])

# A new stimulus joins with one line here and one formula below.
STIMULI = {
    "FromArray": lambda: stimuli.FromArray(SAMPLES, interval=4.0, amplitude=1.5, onset=3.0),
    "Gaussian": lambda: stimuli.Gaussian(amplitude=1.5, centre=12.0, width=3.0),
    "Pulse": lambda: stimuli.Pulse(amplitude=1.5, onset=5.0, width=8.0, rise=2.0),
    "PulseTrain": lambda: stimuli.PulseTrain(
        amplitude=1.5, onset=5.0, width=3.0, period=7.0, rise=1.5, count=3
    ),
    "Sine": lambda: stimuli.Sine(amplitude=1.5, frequency=0.04, phase=0.3, offset=0.2),
}
each = pytest.mark.parametrize("name", STIMULI)


def smooth(t, start, width, rise):
    """A pulse by integrating its slope: an edge is the integral of a parabola over `rise`."""

    def edge(s):
        x = np.clip(s / rise, -0.5, 0.5)
        return 1.5 * x - 2 * x**3 + 0.5

    return edge(t - start) - edge(t - start - width)


FORMULAS = {
    "FromArray": lambda t: 1.5 * np.interp(t, 3.0 + 4.0 * np.arange(5), SAMPLES, left=0.0, right=0.0),
    "Gaussian": lambda t: 1.5 * 2 ** (-(((t - 12.0) / 3.0) ** 2) / np.log(4)),
    "Pulse": lambda t: 1.5 * smooth(t, 5.0, 8.0, 2.0),
    "PulseTrain": lambda t: 1.5 * sum(smooth(t, 5.0 + 7.0 * k, 3.0, 1.5) for k in range(3)),
    "Sine": lambda t: 0.2 + 1.5 * np.sin(0.3 + 0.08 * np.pi * t),
}
TIMES = np.linspace(-10.0, 40.0, 501)


@functools.cache
def over_time(name):
    """Values and derivatives with respect to every slot at `TIMES`, by (slots) → ([time], [time slot])."""
    stimulus = STIMULI[name]()
    names = list(stimulus.parameters())

    def value(slots, t):
        return eqx.tree_at(lambda s: [getattr(s, slot) for slot in names], stimulus, list(slots))(t)

    return jax.jit(jax.vmap(jax.value_and_grad(value), in_axes=(None, 0)))


def slots_of(name):
    stimulus = STIMULI[name]()
    return np.array([float(getattr(stimulus, slot)) for slot in stimulus.parameters()])


def test_battery_has_every_exported_stimulus():
    exported = {
        c
        for c in vars(stimuli).values()
        if inspect.isclass(c) and issubclass(c, AbstractStimulus) and not inspect.isabstract(c)
    }
    assert {type(make()) for make in STIMULI.values()} == exported


@each
def test_metadata_is_consistent(name):
    stimulus = STIMULI[name]()
    for p in stimulus.parameters().values():
        assert -np.inf < p.low <= p.default <= p.high < np.inf, p
        assert p.doc
        parse(p.unit)
    assert type(stimulus).__doc__
    assert stimulus.port is None
    assert stimulus.regions is None


@each
def test_is_the_formula(name):
    values, _ = over_time(name)(slots_of(name), TIMES)
    np.testing.assert_allclose(values, FORMULAS[name](TIMES), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        [STIMULI[name]()(jnp.asarray(t)) for t in TIMES[::100]], values[::100], rtol=1e-12, atol=1e-14
    )


@each
def test_gradient_is_the_finite_difference(name):
    """In every slot, at every time but the corners of a linear interpolation."""
    slots, times = slots_of(name), TIMES + 0.037
    _, slopes = over_time(name)(slots, times)
    for k in range(len(slots)):
        h = 1e-6 * np.eye(len(slots))[k]
        numeric = (over_time(name)(slots + h, times)[0] - over_time(name)(slots - h, times)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, k], numeric, rtol=1e-6, atol=1e-7, err_msg=str(k))
    assert np.all(np.abs(slopes).max(axis=0) > 1e-3), "a slot has no gradient anywhere"


@each
def test_finite_everywhere_in_the_declared_ranges(name):
    declared = list(STIMULI[name]().parameters().values())

    @given(st.lists(st.floats(0, 1), min_size=len(declared), max_size=len(declared)))
    def check(numbers):
        slots = np.array(
            [p.low + number * (p.high - p.low) for number, p in zip(numbers, declared, strict=True)]
        )
        values, slopes = over_time(name)(slots, TIMES)
        assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(slopes))

    check()


@each
def test_a_slot_may_differ_between_regions(name):
    """Three regions at once are the three of them one by one."""
    stimulus = STIMULI[name]()
    factors = np.array([1.0, 1.1, 1.2])
    slots = list(stimulus.parameters())
    regional = eqx.tree_at(
        lambda s: [getattr(s, slot) for slot in slots],
        stimulus,
        [factors * getattr(stimulus, slot) for slot in slots],
    )
    together = jax.vmap(regional)(TIMES)
    for region, factor in enumerate(factors):
        np.testing.assert_allclose(
            together[:, region], over_time(name)(factor * slots_of(name), TIMES)[0], rtol=1e-9, atol=1e-12
        )


def test_area_of_a_pulse_is_its_width_whatever_the_edges():
    t = np.linspace(-50, 150, 200_001)
    for rise in (0.1, 5.0, 40.0):
        values = jax.vmap(stimuli.Pulse(amplitude=2.0, onset=20.0, width=30.0, rise=rise))(t)
        assert np.trapezoid(values, t) == pytest.approx(60.0, rel=1e-4)


def test_quantities_are_converted():
    assert float(stimuli.Sine(frequency=10 * u.Hz).frequency) == pytest.approx(0.01)
    assert float(stimuli.Pulse(onset=0.5 * u.second).onset) == pytest.approx(500.0)
    assert stimuli.FromArray(SAMPLES, interval=0.25 * u.second).interval == pytest.approx(250.0)


# ---------------------------------------------------------------- in a network

PAIR = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], [[0.0, 30.0], [30.0, 0.0]], labels=["left", "right"])


def leaky(stimulus, **options):
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=10.0),
        PAIR,
        nmm.couplings.Additive(G=0.0),
        stimulus=stimulus,
        initial=[0.0],
        **options,
    )


def test_response_of_a_linear_node_is_the_closed_form():
    """10 x' = -x + sin(2π f t): amplitude and phase of a first-order filter, after the transient."""
    f = 0.02
    trajectory = nmm.solve(leaky(stimuli.Sine(frequency=f)), 50.0, step=0.01, transient=200.0)
    omega = 2 * np.pi * f
    t = trajectory.times
    expected = np.sin(omega * t - np.arctan(10 * omega)) / np.hypot(1, 10 * omega)
    np.testing.assert_allclose(trajectory.variable().values[:, 0], expected, atol=1e-6)


def test_stimuli_add_up_and_reach_only_their_regions():
    left = stimuli.Pulse(amplitude=0.5, onset=5.0, regions="left")
    both = stimuli.Gaussian(amplitude=np.array([1.0, 2.0]), centre=20.0)
    one, two, sum_ = (
        nmm.solve(leaky(s), 60.0, step=0.1).variable().values for s in (left, both, (left, both))
    )
    assert np.abs(one[:, 1]).max() == 0.0
    assert one[:, 0].max() > 0.1
    np.testing.assert_allclose(two[:, 1], 2 * two[:, 0], rtol=1e-12)
    np.testing.assert_allclose(sum_, one + two, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "options",
    [{}, {"speed": 5.0}, {"noise": nmm.noises.Additive(sigma=0.01)}],
    ids=["plain", "delays", "noise"],
)
def test_stimulus_is_the_same_in_every_kind_of_run(options):
    """Without coupling delays and noise change nothing of the response, which is the difference of
    two runs.
    """
    stimulus = stimuli.Pulse(amplitude=0.5, onset=5.0, width=20.0)
    key = jax.random.key(0)
    values = [
        nmm.solve(leaky(s, **options), 60.0, step=0.1, key=key).variable().values for s in (None, stimulus)
    ]
    plain = nmm.solve(leaky(stimulus), 60.0, step=0.1).variable().values
    np.testing.assert_allclose(values[1] - values[0], plain, rtol=1e-9, atol=1e-12)


def test_adaptive_steps_see_the_stimulus():
    import diffrax

    stimulus = stimuli.Gaussian(centre=20.0, width=5.0)
    fine = nmm.solve(leaky(stimulus), 60.0, step=0.01, sample_every=20.0).values
    adaptive = nmm.solve(
        leaky(stimulus),
        60.0,
        step=0.5,
        sample_every=20.0,
        stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-10),
    ).values
    np.testing.assert_allclose(adaptive, fine, atol=1e-6)


@pytest.mark.parametrize("name", STIMULI)
def test_adaptive_steps_do_not_jump_over_it(name):
    """The stimulus comes long after the network came to rest, when steps would be longer than all of it."""
    import diffrax

    when = [slot for slot in ("onset", "centre") if hasattr(STIMULI[name](), slot)]
    late = eqx.tree_at(
        lambda s: [getattr(s, slot) for slot in when], STIMULI[name](), replace_fn=lambda t: t + 500.0
    )
    controller = diffrax.PIDController(rtol=1e-7, atol=1e-9)
    adaptive = (
        nmm.solve(leaky(late), 540.0, step=0.5, sample_every=2.0, stepsize_controller=controller)
        .variable()
        .values
    )
    fine = nmm.solve(leaky(late), 540.0, step=0.02, sample_every=2.0).variable().values
    assert np.abs(fine[-20:]).max() > 0.1
    # Heun's method is wrong by half a step where FromArray jumps.
    np.testing.assert_allclose(adaptive, fine, atol=2e-3)


@each
def test_until_is_ahead_and_near_enough(name):
    """The longest step from t ends after t, and where it sees the stimulus: nothing happens in between that
    its ends do not show.
    """
    stimulus = STIMULI[name]()
    until, value = jax.jit(lambda t: stimulus.until(t)), jax.jit(jax.vmap(stimulus))

    @given(st.floats(-50.0, 100.0))
    def check(t):
        end = float(until(t))
        assert end > t
        between = np.linspace(t, min(end, 200.0), 50)
        seen = np.asarray(value(between))
        # Monotonic in between, but for a hair at the ends, where rounding decides on which side of an edge
        # they are.
        assert np.abs(seen - seen[0]).max() <= np.abs(seen[[0, -1]] - seen[0]).max() + 1e-6 or name == "Sine"
        assert np.isfinite(end) or np.ptp(seen) < 1e-5

    check()


class Unsaid(AbstractStimulus):
    port: str | None = None
    regions: tuple[str, ...] | None = None

    def __call__(self, t):
        return jnp.exp(-((t - 500.0) ** 2))


def test_a_stimulus_that_does_not_say_when_gets_no_adaptive_steps():
    import diffrax

    with pytest.raises(
        ValueError,
        match=(
            r"the stimulus Unsaid, which does not say where steps have to end .* expected until\(t\) beside"
            r" its __call__\(t\)"
        ),
    ):
        nmm.solve(
            leaky(Unsaid()), 10.0, step=0.1, stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6)
        )


def test_onset_and_width_of_an_evoked_response_have_gradients():
    """Jansen–Rit, a pulse into y4': the classic unknowns of an evoked response, against finite
    differences.
    """
    model = nmm.models.JansenRit(mu=0.05)

    @jax.jit
    def power(onset, width, amplitude):
        pulse = stimuli.Pulse(amplitude=amplitude, onset=onset, width=width, rise=2.0)
        values = nmm.solve(nmm.Network(model, stimulus=pulse), 80.0, step=0.5).variable().values
        return jnp.sum(values[::20] ** 2)

    point = jnp.array([20.0, 15.0, 0.3])
    gradient = jax.grad(lambda p: power(*p))(point)
    for k in range(3):
        h = 1e-4 * jnp.eye(3)[k]
        numeric = (power(*(point + h)) - power(*(point - h))) / 2e-4
        assert abs(numeric) > 1e-3
        assert float(gradient[k]) == pytest.approx(float(numeric), rel=1e-4)


def test_every_slot_takes_a_prior():
    stimulus = stimuli.Pulse(
        amplitude=nmm.Prior(dist.HalfNormal(0.2), over="region"),
        onset=nmm.Prior(dist.Normal(0.02, 0.001), unit=u.second),
        width=nmm.Prior(dist.LogNormal(3.0, 0.2)),
        rise=nmm.Prior(dist.LogNormal(0.0, 0.2)),
    )
    network = leaky(stimulus)
    with handlers.seed(rng_seed=1), handlers.trace() as trace:
        drawn = nmm.sample(network)
    names = {name for name, site in trace.items() if site["type"] == "sample"}
    assert names == {"stimulus.amplitude", "stimulus.onset", "stimulus.width", "stimulus.rise"}
    assert trace["stimulus.amplitude"]["value"].shape == (2,)
    assert float(drawn.stimulus.onset) == pytest.approx(1000 * float(trace["stimulus.onset"]["value"]))
    assert np.all(np.isfinite(nmm.solve(drawn, 40.0, step=0.5).values))


def test_linearisation_is_at_rest_without_the_stimulus():
    network = leaky(stimuli.Sine())
    np.testing.assert_allclose(nmm.linear.fixed_point(network), 0.0, atol=1e-12)
    with pytest.raises(
        ValueError, match=r"the Spectral likelihood is of activity around rest and knows no stimuli"
    ):
        nmm.Problem(
            leaky(stimuli.Sine(amplitude=nmm.Prior(dist.Normal()))),
            nmm.observe.Subsample(),
            nmm.likelihoods.Spectral(band=(0.01 * u.Hz, 0.1 * u.Hz), bands=3),
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: stimuli.Pulse(width=-3.0), r"Pulse\(width=...\) got -3, expected a positive number in ms"),
        (
            lambda: stimuli.Pulse(onset=3 * u.mV),
            r"Pulse\(onset=...\) got a quantity in mV, expected a quantity convertible to ms",
        ),
        (
            lambda: stimuli.PulseTrain(width=90.0, period=50.0),
            r"got pulses of 91 ms, edges included, every 50 ms; expected width \+ rise ≤ period",
        ),
        (lambda: stimuli.PulseTrain(count=0), r"PulseTrain\(count=0\): expected at least 1 pulse"),
        (
            lambda: stimuli.FromArray([1.0], interval=1.0),
            r"FromArray\(values=...\) has shape \(1,\), expected \(time,\) or \(time, region\)",
        ),
        (lambda: stimuli.FromArray([1.0, np.nan], interval=1.0), r"FromArray\(values=...\) contains NaN"),
        (
            lambda: stimuli.FromArray(SAMPLES * u.Hz, interval=1.0),
            (
                r"FromArray\(values=...\) got a quantity in Hz, expected plain numbers in the unit of the"
                r" port that they drive; convert them"
            ),
        ),
        (
            lambda: stimuli.FromArray(SAMPLES, interval=-1.0),
            r"FromArray\(interval=...\) must be a positive time",
        ),
        (
            lambda: leaky(3.0),
            r"Network\(stimulus=...\) got float, expected Stimulus: such as nmm.stimuli.Pulse",
        ),
        (
            lambda: leaky(stimuli.Pulse(regions=["middle"])),
            r"Pulse\(regions=...\): the connectome has no regions middle; labels start with left, right",
        ),
        (
            lambda: leaky(stimuli.Pulse(port="y")),
            r"Pulse\(port=...\): LeakyIntegrator has no port 'y'; it has x",
        ),
        (
            lambda: leaky(stimuli.Pulse(amplitude=np.ones(3))),
            r"Pulse\(amplitude=...\) has shape \(3,\), expected a scalar or shape \(2,\)",
        ),
        (
            lambda: leaky(stimuli.FromArray(np.ones((5, 3)), interval=1.0)),
            r"FromArray\(...\) gives values of shape \(3,\), expected one number or one for each",
        ),
        (
            lambda: leaky(
                stimuli.FromArray(np.ones((5, 3)), interval=1.0, amplitude=nmm.Prior(dist.Normal()))
            ),
            r"FromArray\(...\) gives values of shape \(3,\), expected one number or one for each",
        ),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
