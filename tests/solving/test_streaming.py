"""Observations while the simulation runs: the same numbers as afterwards, in parts, in single precision, with
gradients; and nothing compiles twice.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer import couplings, models, noises, observe
from nmm_infer.observe._base import AbstractObservation
from nmm_infer.observe._statistics._statistic import AbstractStatistic, squared
from nmm_infer.observe._streaming import streaming
from nmm_infer.stimuli._base import AbstractStimulus

KEY = jax.random.key(4)
LABELS = tuple("abcd")
GAIN = np.random.default_rng(1).normal(size=(3, 4))
# A new statistic joins with one line here: what NumPy makes of samples ["time region"].
STATISTICS = {
    "Covariance": (observe.Covariance, lambda x: np.cov(x.T)),
    "FunctionalConnectivity": (observe.FunctionalConnectivity, lambda x: np.corrcoef(x.T)),
    "Mean": (observe.Mean, lambda x: x.mean(axis=0)),
    "Variance": (observe.Variance, lambda x: x.var(axis=0, ddof=1)),
}
each_statistic = pytest.mark.parametrize("name", STATISTICS)


class Halved(AbstractObservation):
    """Needs the whole signal, as far as anyone knows."""

    def __call__(self, activity):
        return nmm.Signal(
            0.5 * activity.values, activity.interval, activity.dims, activity.labels, "halved", activity.unit
        )


CHAINS = {
    "Bold, FunctionalConnectivity": lambda: observe.Chain(
        observe.Bold(period=100.0), observe.FunctionalConnectivity()
    ),
    "FunctionalConnectivity": lambda: observe.FunctionalConnectivity(period=1.0),
    "Mean of every tenth, Halved": lambda: observe.Chain(observe.Mean(period=10.0), Halved()),
    "Subsample, LogPower": lambda: observe.Chain(
        observe.Subsample(period=2.0), observe.LogPower(observe.LeadField(np.abs(GAIN)), offset=0.3)
    ),
    "LogPower, Level": lambda: observe.Chain(
        observe.Subsample(period=2.0),
        observe.LogPower(observe.LeadField(np.abs(GAIN))),
        observe.Level(np.arange(3.0)),
    ),
    "Subsample, LeadField": lambda: observe.Chain(observe.Subsample(period=2.0), observe.LeadField(GAIN)),
    "LeadField, TemporalAverage, Covariance": lambda: observe.Chain(
        observe.Subsample(period=1.0),
        observe.LeadField(GAIN, unit="uV"),
        observe.TemporalAverage(period=20.0),
        observe.Covariance(),
    ),
    "TemporalAverage, Bold, Halved": lambda: observe.Chain(
        observe.TemporalAverage(period=5.0), observe.Bold(period=100.0), Halved()
    ),
    "a chain in a chain": lambda: observe.Chain(
        observe.Chain(observe.TemporalAverage(period=5.0), observe.Subsample(period=10.0)), observe.Variance()
    ),
}


def activity(values, unit="mV", dims=("time", "region")):
    labels = ((), *(tuple(map(str, range(n))) for n in values.shape[1:]))
    return nmm.Signal(jnp.asarray(values), 1.0, dims, labels, "x", unit)


def noise(n=600, channels=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, channels)) @ rng.normal(size=(channels, channels)) + 3.0


NOISE = noises.Additive(sigma=0.02)


def network(w=0.9, G=0.3, noise=NOISE, speed=5.0, **options):
    rng = np.random.default_rng(0)
    connectome = nmm.Connectome(rng.uniform(0.1, 1.0, (4, 4)), rng.uniform(20.0, 60.0, (4, 4)), labels=LABELS)
    return nmm.Network(
        models.ReducedWongWang(w=w), connectome, couplings.Additive(G=G), speed=speed, noise=noise, **options
    )


def described(signal):
    return signal.name, signal.unit, signal.dims, signal.labels, signal.interval


# Statistics.


def test_statistics_are_all_here():
    exported = {c for c in vars(observe).values() if isinstance(c, type) and issubclass(c, AbstractStatistic)}
    assert exported == {cls for cls, _ in STATISTICS.values()}


@each_statistic
def test_statistic_is_that_of_numpy(name):
    cls, expected = STATISTICS[name]
    x = noise()
    np.testing.assert_allclose(cls()(activity(x)).values, expected(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(cls(period=3.0)(activity(x)).values, expected(x[2::3]), rtol=1e-12, atol=1e-13)


@each_statistic
def test_statistic_gathers_in_parts(name):
    cls, expected = STATISTICS[name]
    x, statistic = noise(), cls()
    memory = statistic.init(activity(x))
    for part in np.split(x, [1, 2, 7, 300]):
        memory, none = statistic.advance(memory, activity(part))
        assert none.values.shape == (0, 4)
    np.testing.assert_allclose(statistic.finish(memory, none).values, expected(x), rtol=1e-11, atol=1e-12)


@each_statistic
@pytest.mark.parametrize("frame", [1, 256, 100_000])
def test_single_precision_is_enough(name, frame):
    """A mean a thousand times the fluctuations, a hundred thousand samples, against double precision of the
    same numbers.
    """
    cls, expected = STATISTICS[name]
    x = (noise(100_000, 3) - 3.0 + 3000.0).astype(np.float32)
    parts = jnp.asarray(x[: len(x) // frame * frame]).reshape(-1, frame, 3)
    statistic = cls()
    begin = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
        statistic.init(activity(x)),
    )
    memory, none = jax.jit(
        lambda parts: jax.lax.scan(
            lambda memory, part: statistic.advance(memory, activity(part)), begin, parts
        )
    )(parts)
    found = statistic.finish(memory, none).values
    assert found.dtype == jnp.float32
    truth = expected(np.asarray(parts, np.float64).reshape(-1, 3))
    np.testing.assert_allclose(found, truth, atol=2e-4 * np.abs(truth).max())


def test_names_and_units():
    x = activity(noise(20, 2))
    assert described(observe.Covariance()(x)) == (
        "covariance",
        "mV^2",
        ("region", "region_2"),
        (("0", "1"), ("0", "1")),
        None,
    )
    assert described(observe.FunctionalConnectivity()(x)) == (
        "fc",
        "1",
        ("region", "region_2"),
        (("0", "1"), ("0", "1")),
        None,
    )
    assert described(observe.Mean()(x)) == ("mean", "mV", ("region",), (("0", "1"),), None)
    assert described(observe.Variance()(x)) == ("variance", "mV^2", ("region",), (("0", "1"),), None)
    assert [squared(unit) for unit in ("1", "", "mV/ms")] == ["1", "", "(mV/ms)^2"]
    assert observe.Mean()(x).to_xarray().dims == ("region",)


def test_synchrony_and_metastability():
    """Mean and variance of a single time course."""
    phases = activity(np.random.default_rng(2).uniform(0.0, 2.0, (50, 3)), "rad")
    order = np.abs(np.exp(1j * np.asarray(phases.values)).mean(axis=1))
    for cls, expected in ((observe.Mean, order.mean()), (observe.Variance, order.var(ddof=1))):
        found = observe.Chain(observe.KuramotoOrder(), cls())(phases)
        assert float(found.values) == pytest.approx(expected, rel=1e-12)
        assert (found.dims, found.labels) == ((), ())


@pytest.mark.parametrize("cls", [observe.Covariance, observe.FunctionalConnectivity])
def test_connectivity_is_between_channels(cls):
    with pytest.raises(
        ValueError,
        match=(
            rf"{cls.__name__} got samples of shape \(\), expected one axis: it compares the time courses of"
            r" regions or sensors"
        ),
    ):
        cls()(activity(np.arange(5.0), dims=("time",)))


# While the simulation runs.


@pytest.fixture(scope="module")
def trajectory():
    return nmm.solve(network(), 1000.0, step=1.0, transient=300.0, key=KEY)


@pytest.mark.parametrize("name", CHAINS)
def test_streaming_gives_the_same_as_storing(name, trajectory):
    observation = CHAINS[name]()
    stored = observation(trajectory)
    streamed = nmm.solve(network(), 1000.0, step=1.0, key=KEY, transient=300.0, observe=observation)
    assert described(streamed) == described(stored)
    if "Bold" in name:  # blood remembers the transient, of which this trajectory knows nothing
        *before, last = observation.parts
        seen = observe.Chain(*before)(nmm.solve(network(), 1300.0, step=1.0, key=KEY))
        stored = last(eqx.tree_at(lambda signal: signal.values, seen, seen.values[3:]))
    np.testing.assert_allclose(streamed.values, stored.values, rtol=1e-9, atol=1e-12)


def test_order_parameter_streams():
    rng = np.random.default_rng(3)
    kuramoto = nmm.Network(
        models.Kuramoto(omega=rng.uniform(0.05, 0.1, 4)),
        nmm.Connectome(np.ones((4, 4)) - np.eye(4)),
        couplings.Kuramoto(K=0.02),
        initial=rng.uniform(0, 6, (1, 4)),
    )
    observation = observe.Chain(
        observe.Subsample(period=1.0, variable="theta"), observe.KuramotoOrder(), observe.Mean()
    )
    streamed = nmm.solve(kuramoto, 200.0, step=0.5, observe=observation)
    stored = observation(nmm.solve(kuramoto, 200.0, step=0.5))
    assert float(streamed.values) == pytest.approx(float(stored.values), rel=1e-12)
    assert described(streamed) == described(stored) == ("mean", "1", (), (), None)


def test_gradients_go_through_what_streams():
    """With respect to a regional parameter and the coupling strength, against storing everything and against
    differences.
    """
    observation = CHAINS["Bold, FunctionalConnectivity"]()
    weights = np.random.default_rng(5).normal(size=(4, 4))

    @eqx.filter_jit
    def loss(p, stored):
        run = network(
            *p,
            noise=None,
            speed=None,
            stimulus=nmm.stimuli.Sine(
                amplitude=np.array([0.02, 0.05, 0.03, 0.04]), frequency=0.003, phase=np.arange(4.0)
            ),
        )
        signal = (
            observation(nmm.solve(run, 1500.0, step=1.0))
            if stored
            else nmm.solve(run, 1500.0, step=1.0, observe=observation)
        )
        return jnp.sum(signal.values * weights)

    p = jnp.array([0.7, 0.75, 0.8, 0.85]), jnp.asarray(0.2)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: loss(p, False)))(p)
    stored, expected = jax.jit(jax.value_and_grad(lambda p: loss(p, True)))(p)
    assert float(value) == pytest.approx(float(stored), rel=1e-9)
    for ours, theirs in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert np.all(np.abs(np.asarray(gradient[0])) > 0)
    up, down = (loss((p[0], p[1] + h), False) for h in (1e-5, -1e-5))
    assert float(gradient[1]) == pytest.approx(float(up - down) / 2e-5, rel=1e-5)


def temporary(observation, duration, gradient=True):
    """Bytes that the compiled program needs besides its inputs and outputs."""

    def loss(w):
        return jnp.sum(
            nmm.solve(
                network(w, noise=None, speed=None),
                duration,
                step=1.0,
                observe=observation,
                adjoint=nmm.adjoints.Checkpointed(),
            ).values
            ** 2
        )

    return (
        jax.jit(jax.grad(loss) if gradient else loss)
        .lower(jnp.full(4, 0.9))
        .compile()
        .memory_analysis()
        .temp_size_in_bytes
    )


def test_states_are_not_kept():
    """Doubling the duration adds carries between frames and outputs of the stream, far less than
    the states.
    """
    observation = observe.Chain(observe.TemporalAverage(period=100.0), observe.FunctionalConnectivity())
    states = 20_000 * 4 * 8
    assert temporary(observation, 40_000.0) - temporary(observation, 20_000.0) < states / 4


def test_summaries_keep_nothing():
    """Of every step, in a run of any length; for a gradient what goes from frame to frame, but no array of
    regions by regions for each.
    """
    observation = observe.FunctionalConnectivity(period=1.0)
    few, more = (temporary(observation, 256.0 * frames, gradient=False) for frames in (100, 200))
    assert few == more
    few, more = (temporary(observation, 256.0 * frames) for frames in (100, 200))
    assert more - few < 100 * 4 * 4 * 8


def test_forward_sensitivities_go_through_summaries():
    def loss(G, adjoint):
        run = network(0.8, G, noise=None, speed=None)
        return jnp.sum(
            nmm.solve(run, 300.0, step=1.0, observe=observe.Covariance(period=10.0), adjoint=adjoint).values
        )

    forward, reverse = (
        jax.grad(loss)(0.2, adjoint) for adjoint in (nmm.adjoints.Forward(), nmm.adjoints.Checkpointed())
    )
    assert float(forward) == pytest.approx(float(reverse), rel=1e-9)


# Errors.


def test_chains_that_cannot_run():
    with pytest.raises(
        ValueError,
        match=r"Chain\(LeadField, ...\) got a first part that does not stream, .* such as Chain\(Subsample\(",
    ):
        nmm.solve(network(), 10.0, step=1.0, key=KEY, observe=observe.Chain(observe.LeadField(GAIN)))
    with pytest.raises(
        ValueError,
        match=r"Chain\(..., Mean\(period=5 ms\)\) takes the samples that Bold gives; leave its period out",
    ):
        observe.Chain(observe.Bold(period=100.0), observe.Mean(period=5.0))
    with pytest.raises(ValueError, match=r"FunctionalConnectivity\(period=...\) is missing"):
        nmm.solve(network(), 10.0, step=1.0, key=KEY, observe=observe.FunctionalConnectivity())
    with pytest.raises(ValueError, match=r"Bold\(period=7 ms\) is no whole number of samples of 5 ms"):
        nmm.solve(
            network(),
            70.0,
            step=1.0,
            key=KEY,
            observe=observe.Chain(observe.TemporalAverage(period=5.0), observe.Bold(period=7.0)),
        )


def test_parts_check_what_they_get_before_anything_runs():
    wrong = observe.Chain(observe.Subsample(period=1.0), observe.LeadField(GAIN[:, :3]))
    with pytest.raises(
        ValueError, match=r"LeadField\(gain=...\) has 3 regions, the activity has 4; select the regions"
    ):
        nmm.solve(network(), 10.0, step=1.0, key=KEY, observe=wrong)
    with pytest.raises(
        ValueError, match=r"KuramotoOrder\(variable=...\) got 'S' in 1, expected a phase in rad"
    ):
        nmm.solve(
            network(),
            10.0,
            step=1.0,
            key=KEY,
            observe=observe.Chain(observe.Subsample(period=1.0), observe.KuramotoOrder()),
        )
    with pytest.raises(ValueError, match=r"ReducedWongWang has no variable 'x'; it has S"):
        nmm.solve(network(), 10.0, step=1.0, key=KEY, observe=observe.Subsample(period=1.0, variable="x"))
    order = observe.Chain(
        observe.Subsample(period=1.0, variable="theta"), observe.KuramotoOrder(), observe.Covariance()
    )
    with pytest.raises(ValueError, match=r"Covariance got samples of shape \(\), expected one axis"):
        nmm.solve(nmm.Network(models.Kuramoto()), 10.0, step=1.0, observe=order)


# A problem streams by itself.


@pytest.mark.parametrize(
    ("observation", "parts"),
    [
        (observe.LeadField(GAIN), ["Subsample", "LeadField"]),
        (observe.FunctionalConnectivity(), ["Subsample", "FunctionalConnectivity"]),
        (observe.Chain(observe.LeadField(GAIN), observe.Variance()), ["Subsample", "LeadField", "Variance"]),
        (observe.Chain(observe.Bold(period=100.0), observe.Covariance()), ["Bold", "Covariance"]),
        (observe.Chain(Halved(), observe.Covariance()), None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else type(value).__name__,
)
def test_what_a_problem_runs(observation, parts):
    run = streaming(observation, 2.0)
    assert parts is None if run is None else [type(part).__name__ for part in run.parts] == parts
    if parts and parts[0] == "Subsample":
        assert run.period == 2.0


def problem(**options):
    free = network(nmm.Prior(dist.Normal(0.9, 0.01), over="region"), noise=None, **options)
    return nmm.Problem(
        free, observe.LeadField(GAIN), nmm.likelihoods.Gaussian(scale=0.1), duration=60.0, step=1.0
    )


def test_problem_streams_to_the_same_signal():
    ours = problem()
    signal = ours.simulate(KEY)
    with nmm_seed(KEY):
        drawn, observation, _ = ours.draw()
    stored = observation(nmm.solve(drawn, 60.0, step=1.0))
    np.testing.assert_allclose(signal.values, stored.values, rtol=1e-12)
    assert described(signal) == described(stored)


def nmm_seed(key):
    from numpyro import handlers

    return handlers.seed(rng_seed=key)


# Nothing compiles twice.


class Counting(AbstractStimulus):
    """Zero, and counts how often Python comes by: while a program is traced, never while it runs."""

    port: str | None = eqx.field(static=True, default=None)
    regions: tuple[str, ...] | None = eqx.field(static=True, default=None)

    def __call__(self, t):
        TRACES.append(t)
        return jnp.zeros(())


TRACES = []


def traces(function, *arguments):
    """How often the model was traced."""
    before = len(TRACES)
    jax.block_until_ready(function(*arguments))
    return len(TRACES) - before


def changed(run, values):
    """`run` with other numbers in its slots."""
    where = (
        lambda n: n.model.w,
        lambda n: n.coupling.G,
        lambda n: n.noise.sigma,
        lambda n: n.speed,
        lambda n: n.initial,
    )
    for slot, value in zip(where, values, strict=True):
        run = eqx.tree_at(slot, run, value)
    scale = 1.0 + 0.02 * np.random.default_rng(int(1e3 * values[1])).uniform(-1.0, 1.0, (4, 4))
    return eqx.tree_at(
        lambda n: (n.connectome.weights, n.connectome.lengths),
        run,
        (run.connectome.weights * scale, run.connectome.lengths * scale),
    )


def test_solve_compiles_once():
    """Other parameters, weights, lengths, speeds, initial states and keys of the same shapes run the program
    that exists.
    """
    first = network(np.full(4, 0.9), stimulus=Counting())
    observation = observe.Chain(observe.Subsample(period=5.0), observe.FunctionalConnectivity())

    def solve(run, key):
        return nmm.solve(run, 50.0, step=1.0, key=key, observe=observation).values

    assert traces(solve, first, KEY) > 0
    for k, (w, G, sigma, speed) in enumerate([(0.8, 0.2, 0.03, 5.1), (0.7, 0.35, 0.01, 4.9)]):
        other = changed(
            first, (np.full(4, w), np.asarray(G), np.asarray(sigma), np.asarray(speed), first.initial + 0.01)
        )
        assert traces(solve, other, jax.random.key(k)) == 0
    # A network that is built anew from the same connectome is the same program too.
    assert traces(solve, network(np.full(4, 0.6), 0.1, stimulus=Counting()), KEY) == 0
    assert (
        traces(lambda run, key: nmm.solve(run, 55.0, step=1.0, key=key).values, first, KEY) > 0
    )  # another length is another program


def test_log_density_compiles_once():
    """Other parameters and other data of the same shape."""
    ours = problem(stimulus=Counting())
    rng = np.random.default_rng(0)

    @eqx.filter_jit
    def density(w, observed):
        return jax.value_and_grad(lambda w: log_density(ours.model, (observed,), {}, {"model.w": w})[0])(w)

    data = [ours.condition(rng.normal(size=(60, 3))).observed for _ in range(2)]
    assert traces(density, jnp.full(4, 0.9), data[0]) > 0
    assert traces(density, jnp.full(4, 0.8), data[1]) == 0
    assert density(jnp.full(4, 0.8), data[0])[0] != density(jnp.full(4, 0.8), data[1])[0]


@pytest.mark.slow
def test_memory_of_a_streamed_statistic_does_not_grow_with_time():
    """Functional connectivity of BOLD: the compiled program needs the same memory for a run that is a hundred
    times as long; that of the time courses grows.
    """
    network = nmm.Network(
        models.LeakyIntegrator(tau=100.0),
        nmm.Connectome(np.ones((20, 20))),
        nmm.couplings.Additive(G=0.01),
        noise=nmm.noises.Additive(),
    )

    def megabytes(observe, duration):
        def run(G):
            changed = eqx.tree_at(lambda n: n.coupling.G, network, G)
            # One adjoint for both, since the default one depends on the duration.
            return nmm.solve(
                changed,
                duration,
                step=10.0,
                observe=observe,
                key=jax.random.key(0),
                adjoint=nmm.adjoints.Stored(),
            ).values

        memory = jax.jit(run).lower(0.01).compile().memory_analysis()
        return (memory.temp_size_in_bytes + memory.output_size_in_bytes) / 1e6

    bold = nmm.observe.Bold(period=100.0)
    gathered = nmm.observe.Chain(bold, nmm.observe.FunctionalConnectivity())
    # Not to the byte: what is left over after whole frames is a program of its own.
    assert megabytes(gathered, 4_000_000.0) < 1.3 * megabytes(gathered, 40_000.0)
    # 3600 more volumes of 20 regions in double precision are 0.58 MB.
    assert megabytes(bold, 400_000.0) > megabytes(bold, 40_000.0) + 0.4
