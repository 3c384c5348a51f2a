"""Where the density is zero: told apart by reason, no divergence, and no reason to give up."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._mcmc import _chains as chains
from nmm_infer.infer._target import DRAWS_PER_START, Target
from nmm_infer.infer._walls import at_wall
from nmm_infer.likelihoods import Failure
from nmm_infer.models._base import AbstractModel, State
from nmm_infer.parameters import Slot, param
from nmm_infer.results import Kind

OBSERVE = nmm.observe.Subsample(period=10.0)
PAIR = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]])
SPECTRAL = nmm.likelihoods.Spectral(band=(0.5e-3, 20e-3), bands=8, noise=0.01)
KEY = jax.random.key(0)
# Two regions that excite each other are unstable above G = 1: 30 % of this prior.
HIGHEST = 1.0 / 0.7


def pair(G):
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=50.0),
        PAIR,
        nmm.couplings.Additive(G=G),
        noise=nmm.noises.Additive(sigma=0.1),
    )


@pytest.fixture(scope="module")
def recording():
    return nmm.solve(pair(0.93), 3000.0, step=1.0, transient=3000.0, observe=OBSERVE, key=jax.random.key(3))


def on_a_grid(problem, data):
    """Mean and standard deviation of the posterior of G."""
    conditioned, grid = problem.condition(data), np.linspace(0.2, 1.1, 181)
    density = jax.jit(lambda G: log_density(conditioned.model, (), {}, {"coupling.G": G})[0])
    weights = np.exp(np.array([float(density(jnp.asarray(G))) for G in grid]))
    weights /= weights.sum()
    mean = weights @ grid
    return mean, np.sqrt(weights @ (grid - mean) ** 2)


# Of a given number of steps, HMC mixes badly beside a wall, as its diagnosis says: of five seeds two or three
# had R-hat above 1.01. Of a given length, none.
@pytest.mark.parametrize(
    "engine",
    [nmm.infer.NUTS, pytest.param(partial(nmm.infer.HMC, length=1.57), marks=pytest.mark.slow)],
    ids=["NUTS", "HMC"],
)
def test_a_posterior_that_reaches_the_edge_of_stability_is_right_and_said_to_be(recording, engine):
    problem = nmm.Problem(pair(nmm.Prior(dist.Uniform(0.0, HIGHEST))), OBSERVE, SPECTRAL)
    mean, sd = on_a_grid(problem, recording)
    tree = engine(draws=1000, warmup=500, chains=4, predictive_draws=0)(
        problem, recording, key=KEY, progress=False
    )
    draws = tree["posterior"]["coupling.G"].values
    assert draws.max() < 1.0
    assert draws.mean() == pytest.approx(mean, abs=0.15 * sd)
    assert draws.std() == pytest.approx(sd, rel=0.1)
    ended = int(tree["sample_stats"]["failed"].sum())
    assert ended > 50
    assert tree.attrs["unstable"] >= ended
    assert all(isinstance(tree.attrs[reason.attribute], int) for reason in Failure if reason)
    assert tree.attrs["failed_simulations"] == tree.attrs["no_fixed_point"] == tree.attrs["zero_density"] == 0
    assert int(tree["sample_stats"]["diverging"].sum()) == 0
    diagnosis = nmm.check.diagnose(tree)
    assert diagnosis.ok, str(diagnosis)
    (walls,) = [check for check in diagnosis.checks if check.what == "walls"]
    assert walls.severity == "note"
    assert f"the network is unstable at {tree.attrs['unstable']} points" in walls.measured


# ---------------------------------------------------------------- reasons


class Saddle(AbstractModel):
    """x' = I + x², at rest at -√-I; above I = 0 nowhere."""

    I: Slot = param(-1.0, doc="input", low=-9.0, high=9.0)
    states = (State("x", -1.0, low=-5.0, high=5.0),)
    sends = ("x",)
    ports = ("c",)
    observable = "x"
    category = "phenomenological"
    use_case = "nothing"
    references = ()

    def drift(self, t, y, c):
        return self.I + y**2 + c[0]


def asked(likelihood, data, model, G):
    network = nmm.Network(model, PAIR, nmm.couplings.Additive(G=G), noise=nmm.noises.Additive(sigma=0.1))
    return Target(nmm.Problem(network, OBSERVE, likelihood).condition(data))


@pytest.mark.parametrize(
    "likelihood",
    [
        SPECTRAL,
        pytest.param(
            nmm.likelihoods.Spectral(band=(0.5e-3, 20e-3), bands=8, nodes=2), marks=pytest.mark.slow
        ),
        nmm.likelihoods.Covariance(),
    ],
)
def test_likelihoods_of_rest_say_whether_there_is_none_or_whether_it_is_unstable(recording, likelihood):
    free = nmm.Prior(dist.Normal(0.0, 1.0))
    pairs = (
        asked(likelihood, recording, nmm.models.LeakyIntegrator(tau=50.0), free),
        asked(likelihood, recording, Saddle(I=free), 0.0),
    )
    for target, fine, failing, why in zip(
        pairs, (0.5, -1.0), (1.5, 1.0), (Failure.UNSTABLE, Failure.NO_FIXED_POINT), strict=True
    ):
        assert target.conditioned.failure(target.constrain(jnp.array([fine]))) == Failure.NONE
        assert np.isfinite(target.log_density(jnp.array([fine])))
        assert target.log_density(jnp.array([failing])) == -jnp.inf
        assert list(target.failures(jnp.array([[failing]]))) == [why]


def edges(_):
    """Below -1 the density is zero, above 1 it is NaN, and at 0 nothing is wrong."""
    x = numpyro.sample("x", dist.Normal(0.0, 1.0))
    numpyro.sample("other", dist.Normal(0.0, 1.0))
    numpyro.factor("edge", jnp.where(x < -1.0, -jnp.inf, jnp.where(x > 1.0, jnp.nan, 0.0)))


def test_a_users_own_model_tells_zero_from_nan():
    target = Target(nmm.NumPyroModel(edges).condition(None))
    where = {name: i for i, name in enumerate(target.names)}["x"]
    points = np.zeros((2, 2))
    points[:, where] = -1.5, 1.5
    assert list(target.failures(jnp.asarray(points))) == [Failure.ZERO_DENSITY, Failure.NOT_FINITE]


QUICK = {"draws": 200, "chains": 2, "predictive_draws": 0}
ENGINES = {
    "NUTS": (nmm.infer.NUTS(warmup=100, **QUICK), Kind.CHAINS),
    "AdjustedMCLMC": (nmm.infer.AdjustedMCLMC(warmup=100, **QUICK), Kind.CHAINS),
    "MCLMC": (nmm.infer.MCLMC(warmup=200, **QUICK), Kind.INEXACT),
    "ChEES": (nmm.infer.ChEES(draws=100, warmup=50, chains=16, predictive_draws=0), Kind.CHAINS),
    "SMC": (nmm.infer.SMC(particles=200, chains=2, moves=2, predictive_draws=0), Kind.POPULATIONS),
    "SVI": (nmm.infer.SVI(steps=1000, draws=200, predictive_draws=0), Kind.APPROXIMATION),
    "Laplace": (nmm.infer.Laplace(draws=200, predictive_draws=0), Kind.APPROXIMATION),
    "Pathfinder": (nmm.infer.Pathfinder(paths=2, draws=200, predictive_draws=0), Kind.APPROXIMATION),
    "MAP": (nmm.infer.MAP(starts=2, predictive_draws=0), Kind.POINT),
}

WHEN = {"SVI": pytest.mark.slow, "Laplace": pytest.mark.slow, "MAP": pytest.mark.slow}


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("NUTS", "SMC") else pytest.param(name, marks=WHEN.get(name, pytest.mark.by_hand))
        for name in ENGINES
    ],
)
def test_every_engine_counts_both_edges_and_says_what_its_draws_are(name, tmp_path):
    engine, kind = ENGINES[name]
    tree = engine(nmm.NumPyroModel(edges), None, key=KEY, progress=False)
    assert tree.attrs["draws_are"] == kind
    loaded = nmm.load(nmm.save(tree, tmp_path / "tree.nc"))
    assert type(loaded.attrs["draws_are"]) is str
    assert int(loaded.attrs["zero_density"]) == tree.attrs["zero_density"]
    if name not in (
        "MAP",
        "MCLMC",
    ):  # a search that ends well meets none, and the tuning of MCLMC shrinks before them
        assert tree.attrs["zero_density"] > 0
        assert tree.attrs["failed_simulations"] > 0
    if kind in (Kind.CHAINS, Kind.INEXACT):
        assert np.abs(tree["posterior"]["x"].values).max() <= 1.0
        assert int(tree["sample_stats"]["diverging"].sum()) == 0
        assert (
            int(tree["sample_stats"]["failed"].sum())
            <= tree.attrs["zero_density"] + tree.attrs["failed_simulations"]
        )


@pytest.mark.slow
def test_a_step_of_mclmc_over_an_edge_is_not_taken_and_tells_where_it_led():
    import blackjax
    from blackjax.adaptation.mclmc_adaptation import MCLMCAdaptationState

    from nmm_infer.infer._mcmc._mclmc import Langevin
    from nmm_infer.infer.metrics._affine import Coordinates, Posterior

    draws = []
    with jax.enable_x64(True):
        posterior = Posterior(Target(nmm.NumPyroModel(edges).condition(None)), Coordinates())
        parameters = MCLMCAdaptationState(jnp.asarray(2.0), jnp.asarray(0.5), jnp.ones(2))
        step = jax.jit(lambda key, state: Langevin(1).step(key, (state, parameters), None, posterior))  # pyright: ignore[reportArgumentType]
        for key in jax.random.split(KEY, 20):
            state = blackjax.mcmc.mclmc.init(jnp.full(2, 0.9), posterior, key)
            draws.append(step(key, state)[1])
            kernel = blackjax.mcmc.mclmc.build_kernel()
            theirs, _ = kernel(
                jax.random.split(key, 1)[0],
                state,
                posterior,
                parameters.inverse_mass_matrix,
                parameters.L,
                parameters.step_size,
            )
            np.testing.assert_allclose(draws[-1].position, theirs.position, rtol=1e-12)
    x = posterior.target.names.index("x")
    for draw in draws:
        assert bool(draw.stats["failed"]) == (abs(float(draw.tried[x])) > 1.0)
        assert abs(float(draw.position[x])) <= 1.0
        assert not draw.stats["diverging"]
    assert 0 < sum(bool(draw.stats["failed"]) for draw in draws) < 20


def test_an_integrator_that_runs_away_and_lands_beyond_a_wall_has_diverged():
    here, zero = jnp.zeros(2), -jnp.inf
    assert at_wall(here, zero, 5.0)
    assert not at_wall(here, jnp.asarray(-3.0), 5.0)
    assert not at_wall(here, zero, 2000.0), "no density gives so much"
    assert not at_wall(jnp.array([jnp.inf, 0.0]), zero, 5.0)

    def narrow(_):
        """A step of a tenth is a thousand times too long, and ends beyond the wall at ±1."""
        x = numpyro.sample("x", dist.Normal(0.0, 1e-4))
        numpyro.factor("edge", jnp.where(jnp.abs(x) > 1.0, -jnp.inf, 0.0))

    engine = nmm.infer.HMC(
        draws=1,
        warmup=1,
        chains=4,
        steps=5,
        jitter=0.0,
        metric=metrics.Diagonal(),
        initial_step_size=0.1,
        predictive_draws=0,
    )
    algorithm = engine.algorithm()
    from nmm_infer.infer._mcmc._warmup import stages
    from nmm_infer.infer._progress import progress_bar
    from nmm_infer.infer.metrics._affine import Coordinates, Posterior

    with jax.enable_x64(True), progress_bar(False) as bars:
        posterior = Posterior(Target(nmm.NumPyroModel(narrow).condition(None)), Coordinates())
        state = jax.tree.map(lambda x: x[0], engine.warm(posterior, jnp.full((1, 1), 1e-5), KEY, bars).states)
        _, draw = algorithm.step(KEY, state, jax.tree.map(lambda x: x[0], stages(1, 1, 1)), posterior)
    assert draw.stats["diverging"]
    assert not draw.stats["failed"]


def test_progress_tells_walls_from_divergences():
    stats = {"n_steps": np.full((2, 5), 7), "diverging": np.zeros((2, 5), bool), "failed": np.eye(2, 5) > 0}
    assert chains._note(stats) == "7 steps a draw, 2 at the edge"
    assert (
        chains._note(stats | {"diverging": np.ones((2, 5), bool)})
        == "7 steps a draw, 10 divergences, 2 at the edge"
    )


def test_an_algorithm_that_tells_too_little_is_told_what_is_missing():
    class Silent(chains.AbstractAlgorithm):
        def step(self, key, state, stage, posterior):
            return state, chains.Draw(state, {"n_steps": jnp.asarray(1)}, state)

    from nmm_infer.infer._mcmc import stopping
    from nmm_infer.infer._progress import progress_bar
    from nmm_infer.infer.devices import Vectorised

    with (
        progress_bar(False) as bars,
        pytest.raises(
            ValueError,
            match=r"Silent.step\(...\) gave the statistics n_steps, .* add diverging, failed to Draw",
        ),
    ):
        chains.run_chains(
            Silent(), Vectorised(), None, jnp.zeros((2, 1)), KEY, 0, 1, 1, bars, stopping.Never()
        )  # pyright: ignore[reportArgumentType]


# ---------------------------------------------------------------- starts


def beyond(edge):
    """Density zero up to `edge`."""

    def model(_):
        x = numpyro.sample("x", dist.Normal(0.0, 1.0))
        numpyro.factor("edge", jnp.where(x > edge, 0.0, -jnp.inf))

    return Target(nmm.NumPyroModel(model).condition(None))


@pytest.mark.parametrize("edge", [1.28, 2.05], ids=["a tenth", "two per cent"])
@pytest.mark.parametrize("spread", [False, True])
def test_chains_start_where_little_of_the_prior_is_valid(edge, spread):
    starts = beyond(edge).starts(KEY, 8, spread=spread)
    assert starts.shape == (8, 1)
    assert (starts > edge).all()
    assert len(np.unique(starts)) == 8


def test_where_one_draw_in_a_thousand_is_valid_chains_share_it():
    starts = beyond(3.0).starts(KEY, 8)
    assert (starts > 3.0).all()
    assert len(np.unique(starts)) < 8


def test_starts_are_medians_of_their_own_draws_where_these_are_valid():
    target = beyond(-0.1)
    groups = np.asarray(target.prior_draws(KEY, 6 * DRAWS_PER_START)).reshape(6, DRAWS_PER_START)
    medians = np.median(groups, axis=1)
    expected = [
        median if median > -0.1 else group[group > -0.1][0]
        for median, group in zip(medians, groups, strict=True)
    ]
    assert (medians > -0.1).any()
    assert (medians <= -0.1).any()
    np.testing.assert_array_equal(target.starts(KEY, 6)[:, 0], expected)
    np.testing.assert_array_equal(
        target.starts(KEY, 6, spread=True)[:, 0], [group[group > -0.1][0] for group in groups]
    )


def test_where_nothing_is_valid_it_says_how_much_was_tried_and_why_it_failed(recording):
    problem = nmm.Problem(pair(nmm.Prior(dist.Uniform(1.1, 2.0))), OBSERVE, SPECTRAL)
    with pytest.raises(
        ValueError,
        match=(
            r"none of 1004 draws from the prior has a finite density: the network is unstable at 1004; narrow"
            r" the priors"
        ),
    ):
        Target(problem.condition(recording)).starts(KEY, 4)
