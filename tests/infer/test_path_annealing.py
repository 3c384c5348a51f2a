"""Searches in which the path of the simulation is free at first."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm
from nmm_infer.infer._optimise import optimisers
from nmm_infer.infer._optimise._multistart import objective, section_of
from nmm_infer.infer._optimise.optimisers import Objective
from nmm_infer.infer._progress import Steps, progress_bar
from nmm_infer.infer._target import Target
from nmm_infer.problems._freed import FreedPath

TRUE = 0.35


def oscillator(**options):
    """The frequency of an oscillation of which some ten cycles are seen: a comb of modes."""
    network = nmm.Network(
        nmm.models.Hopf(a=0.01, omega=nmm.Prior(dist.LogNormal(np.log(0.25), 0.4))), initial=[[0.3], [0.0]]
    )
    likelihood = nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(np.log(0.05), 0.3)))
    return nmm.Problem(
        network, nmm.observe.Subsample(period=2.0), likelihood, duration=180.0, step=1.0, **options
    )


@pytest.fixture(scope="module")
def recorded():
    network = nmm.Network(nmm.models.Hopf(a=0.01, omega=TRUE), initial=[[0.3], [0.0]])
    with jax.enable_x64(True):
        clean = np.asarray(
            nmm.solve(network, 180.0, step=1.0, observe=nmm.observe.Subsample(period=2.0)).values
        )
    return clean + 0.05 * np.random.default_rng(0).normal(size=clean.shape)


def networks():
    """Pairs of regions, one with a stimulus and a transient."""
    pair = nmm.Connectome(np.array([[0.0, 1.0], [0.5, 0.0]]), labels=["A", "B"])
    hopf = nmm.models.Hopf(a=nmm.Prior(dist.Normal(-0.1, 0.05), over="region"), omega=0.2)
    yield nmm.Network(hopf, pair, nmm.couplings.Diffusive(G=0.05), initial=[[0.5, -0.2], [0.0, 0.1]]), {}
    pulses = nmm.stimuli.PulseTrain(
        amplitude=0.3, onset=10.0, width=5.0, rise=2.0, period=20.0, regions=("A",)
    )
    yield nmm.Network(hopf, pair, nmm.couplings.Diffusive(G=0.05), stimulus=pulses), {"transient": 8.0}


@pytest.mark.parametrize("segment", [None, 1.0, 7.0], ids=["samples", "steps", "no divisor"])
@pytest.mark.parametrize("case", [0, 1], ids=["plain", "stimulus and transient"])
def test_a_path_without_defects_is_the_simulation(case, segment):
    network, options = list(networks())[case]
    likelihood = nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(-2.0, 0.3)))
    problem = nmm.Problem(
        network, nmm.observe.Subsample(period=4.0), likelihood, duration=40.0, step=1.0, **options
    )
    with jax.enable_x64(True):
        target = Target(problem.condition(np.random.default_rng(1).normal(size=(10, 2))))
        x = target.prior_draw(jax.random.key(3))
        sites = target.constrain(x)
        path = FreedPath(target.conditioned, segment)
        nodes = path.begin(sites)
        close = jax.jit(lambda nodes: nodes - path(sites, nodes)[1] * path.unit())
        # Defects of zero, one segment after the other.
        for _ in range(path.length):
            nodes = close(nodes)
        likelihood, defects = path(sites, nodes)
        np.testing.assert_allclose(defects, 0.0, atol=1e-12)
        assert float(likelihood) == pytest.approx(float(target.log_likelihood(x)), rel=1e-10)


def test_the_log_density_is_prior_and_tempered_likelihood_and_defects(recorded):
    with jax.enable_x64(True):
        target = Target(oscillator().condition(recorded))
        section = section_of(target)
        free = objective(target, section).freed(None)
        x = target.prior_draw(jax.random.key(1))
        path = free.begin(x)
        assert path.shape == (90, 2, 1)
        np.testing.assert_array_equal(free.held, [name.startswith("likelihood.") for name in target.names])
        freed = FreedPath(target.conditioned)
        likelihood, defects = freed(target.constrain(x), path * freed.unit())
        expected = target.log_prior(x) + likelihood / 3.0 - 0.5 * jnp.sum((defects / 0.2) ** 2)
        assert float(free.log_density(x, path, jnp.asarray(0.2), 3.0)) == pytest.approx(
            float(expected), rel=1e-12
        )


@pytest.mark.slow
def test_it_finds_the_frequency_that_gradients_of_the_simulation_miss(recorded):
    problem, search = oscillator(), {"starts": 6, "predictive_draws": 0}
    adam = optimisers.Adam(500, 0.02)
    missed = nmm.infer.MAP(adam, **search)(problem, recorded, key=jax.random.key(0), progress=False)
    found = nmm.infer.MAP(optimisers.InTurn(optimisers.PathAnnealing(3000), adam), **search)(
        problem, recorded, key=jax.random.key(0), progress=False
    )
    assert np.abs(missed["ends"]["model.omega"].values - TRUE).max() > 0.05
    assert int(missed["optimization"]["best_mode"].sum()) < 6
    np.testing.assert_allclose(found["ends"]["model.omega"], TRUE, atol=0.002)
    assert found["optimization"]["best_mode"].values.all()
    assert float(found["posterior"]["likelihood.scale"].item()) == pytest.approx(0.05, rel=0.2)


def test_parameters_of_the_likelihood_stay_where_they_start(recorded):
    with jax.enable_x64(True), progress_bar(False) as bars:
        target = Target(oscillator().condition(recorded))
        section = section_of(target)
        starts = target.starts(jax.random.key(0), 2)
        ends = optimisers.PathAnnealing(100, levels=2).search(
            objective(target, section), starts, Steps(bars, "", 100)
        )
    held = np.array([name.startswith("likelihood.") for name in target.names])
    np.testing.assert_array_equal(ends.positions[:, held], starts[:, held])
    assert np.all(ends.positions[:, ~held] != starts[:, ~held])
    assert ends.gradients == 200
    np.testing.assert_allclose(
        ends.log_density, [float(target.log_density(jnp.asarray(x))) for x in ends.positions], rtol=1e-10
    )


def test_a_search_that_is_interrupted_keeps_what_it_reached(recorded):
    class Stopped(Steps):
        """A bar that is told Ctrl-C at its second step."""

        calls = 0

        def advance(self, steps, note=""):
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt

    with jax.enable_x64(True), progress_bar(False) as bars:
        target = Target(oscillator().condition(recorded))
        ends = optimisers.PathAnnealing(400, levels=2).search(
            objective(target, section_of(target)), target.starts(jax.random.key(0), 1), Stopped(bars, "", 1)
        )
    assert ends.interrupted
    assert ends.gradients == 100
    assert np.isfinite(ends.log_density).all()


def delayed():
    connectome = nmm.Connectome(
        np.array([[0.0, 1.0], [1.0, 0.0]]), lengths=np.array([[0.0, 10.0], [10.0, 0.0]]), labels=["A", "B"]
    )
    return nmm.Network(
        nmm.models.Hopf(a=nmm.Prior(dist.Normal(0.0, 1.0))), connectome, nmm.couplings.Diffusive(), speed=3.0
    )


def single(**options):
    return nmm.Network(nmm.models.Hopf(a=nmm.Prior(dist.Normal(0.0, 1.0))), **options)


def refused(network, likelihood=None, **options):
    n = network.connectome.n_regions
    data = np.random.default_rng(0).normal(size=(2, 10, n))
    problem = nmm.Problem(
        network,
        nmm.observe.Subsample(period=1.0),
        likelihood or nmm.likelihoods.Gaussian(),
        duration=10.0,
        step=1.0,
        **options,
    )
    return problem, data if isinstance(likelihood, nmm.likelihoods.Trials) else data[0]


def normal(data):
    numpyro.sample("x", dist.Normal())


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (lambda: refused(delayed()), "got a network with delays"),
        (
            lambda: refused(single(), nmm.likelihoods.Trials(nmm.likelihoods.Gaussian(), 2)),
            "one for each trial",
        ),
        (
            lambda: refused(
                single(noise=nmm.noises.Additive(sigma=0.1)),
                nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian()),
            ),
            "got a network with noise",
        ),
        (lambda: (nmm.NumPyroModel(normal), None), "got NumPyroModel"),
    ],
    ids=["delays", "trials", "noise", "numpyro"],
)
def test_what_has_no_path_of_its_own_is_refused(case, message):
    problem, data = case()
    with pytest.raises(ValueError, match=message):
        nmm.infer.MAP(optimisers.PathAnnealing(10, levels=1), starts=1)(
            problem, data, key=jax.random.key(0), progress=False
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimisers.PathAnnealing(levels=0), r"PathAnnealing\(levels=...\) got 0"),
        (lambda: optimisers.PathAnnealing(widest=0.1, narrowest=0.2), "expected 0 < narrowest ≤ widest"),
        (lambda: optimisers.PathAnnealing(temperature=0.5), "expected at least 1"),
        (
            lambda: optimisers.PathAnnealing().search(
                Objective(jnp.sum, jax.vmap(jnp.sum)), np.zeros((1, 2)), None
            ),
            "needs the path of a simulation",
        ),
    ],
)
def test_what_cannot_be_meant_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()
