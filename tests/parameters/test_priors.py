"""`sample` inside a NumPyro model: names, plates, units, hierarchies, and the density against a model written
by hand.
"""

import warnings

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.distributions import transforms
from numpyro.infer.util import log_density

import nmm_infer as nmm
from nmm_infer import couplings, models, noises
from nmm_infer._networks._connectome import Connectome
from nmm_infer._networks._network import Network
from nmm_infer._networks._speed import PHYSIOLOGICAL, TAIL, speed_range
from nmm_infer.priors import FromMaps, Pooled, Prior, priors, sample
from nmm_infer.priors._edges import SymmetricEdges
from nmm_infer.units import UnitError

N = 3
WEIGHTS = np.ones((N, N)) - np.eye(N)
CONNECTOME = Connectome(WEIGHTS, lengths=10.0 * WEIGHTS)
MAPS = np.array([[-1.0, 0.0, 1.0], [0.5, -1.0, 0.5]])


def network(model=None, coupling=None, connectome=CONNECTOME, **parts):
    return Network(model or models.JansenRit(), connectome, coupling or couplings.Additive(G=0.1), **parts)


def drawn(tree, seed=0, **given):
    """The tree after sampling, and the trace of its sites."""

    def model():
        return sample(tree)

    with (
        handlers.seed(rng_seed=seed),
        handlers.trace() as trace,
        handlers.substitute(data={k: jnp.asarray(v) for k, v in given.items()}),
    ):
        result = model()
    return result, trace


def sites(trace, kind="sample"):
    return [name for name, site in trace.items() if site["type"] == kind]


def plates_of(site):
    return [(frame.name, frame.size) for frame in site["cond_indep_stack"]]


# ------------------------ names and plates


def everything_free():
    return network(
        models.JansenRit(
            mu=Prior(dist.Normal(220.0, 20.0), over="region", unit=u.Hz), v0=Prior(dist.Normal(6.0, 0.1))
        ),
        couplings.Additive(G=Prior(dist.LogNormal(-1.0, 0.5))),
        Connectome(Prior(dist.HalfNormal(1.0), over="edge"), lengths=10.0 * WEIGHTS),
        speed=Prior(dist.TruncatedNormal(6.0, 2.0, low=1.0)),
        noise=noises.OrnsteinUhlenbeck(sigma=Prior(dist.HalfNormal(0.1)), tau=5.0),
        initial=Prior(dist.Normal(0.0, 1.0).expand([6, N]).to_event(2)),
    )


def test_sites_are_named_by_attribute_paths():
    names = {"model.mu", "model.v0", "coupling.G", "connectome.weights", "speed", "noise.sigma", "initial"}
    assert set(priors(everything_free())) == names
    result, trace = drawn(everything_free())
    assert set(sites(trace)) == names
    assert priors(result) == {}
    assert plates_of(trace["model.mu"]) == [("region", 3)]
    assert plates_of(trace["connectome.weights"]) == [("edge", 3)]
    assert all(plates_of(trace[name]) == [] for name in names - {"model.mu", "connectome.weights"})
    assert [
        np.shape(x)
        for x in (result.model.mu, result.model.v0, result.coupling.G, result.speed, result.initial)
    ] == [(3,), (), (), (), (6, 3)]


def test_what_is_not_a_prior_stays():
    tree = everything_free()
    result, _ = drawn(tree)
    assert float(result.noise.tau) == 5.0
    assert float(result.model.J) == 135.0
    assert jax.tree_util.tree_structure(drawn(network())[0]) == jax.tree_util.tree_structure(network())
    assert set(priors(tree)) == set(priors(everything_free()))


def test_several_couplings_are_numbered():
    free = Prior(dist.LogNormal(-1.0, 0.5))
    tree = network(models.Hopf(), (couplings.Additive(G=free, port=("x", "y")), couplings.Diffusive(G=free)))
    assert set(sites(drawn(tree)[1])) == {"coupling.0.G", "coupling.1.G"}


def test_prefix_keeps_two_trees_apart():
    def model():
        return [
            sample(models.JansenRit(mu=Prior(dist.Normal(0.2, 0.1))), prefix=f"{name}.")
            for name in ("first", "second")
        ]

    with handlers.seed(rng_seed=0), handlers.trace() as trace:
        first, second = model()
    assert list(trace) == ["first.mu", "second.mu"]
    assert first.mu != second.mu


def test_any_tree_is_fine():
    with handlers.seed(rng_seed=0), handlers.trace() as trace:
        result = sample(
            {"a": [Prior(dist.Normal(0.0, 1.0)), 3.0], "b": (Prior(dist.Normal(0.0, 1.0), over="subject"),)},
            plates={"subject": 4},
        )
    assert list(trace) == ["a.0", "subject", "b.0"]
    assert result["a"][1] == 3.0
    assert result["b"][0].shape == (4,)


def test_two_priors_share_a_plate():
    free = Prior(dist.Normal(0.2, 0.1), over="region")
    _, trace = drawn(network(models.JansenRit(mu=free, a_2=free)))
    assert sites(trace, "plate") == ["region"]
    assert plates_of(trace["model.mu"]) == plates_of(trace["model.a_2"]) == [("region", 3)]


def test_batch_of_one_distribution_for_each_region():
    centres = np.array([0.1, 0.2, 0.3])
    for over in ("region", None):
        result, _ = drawn(network(models.JansenRit(mu=Prior(dist.Normal(centres, 1e-9), over=over))))
        np.testing.assert_allclose(result.model.mu, centres, atol=1e-7)


def test_priors_of_another_length_are_named():
    ring = Connectome(np.ones((3, 3)) - np.eye(3))
    with pytest.raises(
        ValueError,
        match=r"Linear\(gamma=...\) has a prior of shape \(2,\), expected a scalar or shape \(3,\)",
    ):
        Network(
            models.Linear(gamma=Prior(dist.Normal(np.zeros(2), 1.0).to_event(1))), ring, couplings.Additive()
        )
    network = Network(
        models.Linear(gamma=Prior(dist.Normal(np.zeros(2), 1.0), over="region")), ring, couplings.Additive()
    )
    message = (
        r"'model.gamma' over 'region' has a distribution of batch shape \(2,\), expected \(\) or \(3,\): one"
        r" for all, or one for each region"
    )
    with handlers.seed(rng_seed=0), pytest.raises(ValueError, match=message):
        sample(network)


def test_unknown_plates_are_named():
    free = models.JansenRit(mu=Prior(dist.Normal(0.2, 0.1), over="region"))
    with (
        handlers.seed(rng_seed=0),
        pytest.raises(
            ValueError,
            match=(
                r"the prior at 'mu' is over 'region', but only no plates are known here;"
                r" .*plates={'region': n}"
            ),
        ),
    ):
        sample(free)
    with handlers.seed(rng_seed=0):
        assert sample(free, plates={"region": 7}).mu.shape == (7,)
    with pytest.raises(
        ValueError,
        match=r"the prior at 'model.mu' is over 'subject', but only \['edge', 'region'\] are known here",
    ):
        drawn(network(models.JansenRit(mu=Prior(dist.Normal(0.2, 0.1), over="subject"))))
    # Before any data, and any computing.
    of_subjects = network(models.JansenRit(mu=Prior(dist.Normal(0.2, 0.1), over="subject")))
    with pytest.raises(
        ValueError,
        match=r"the prior at 'model.mu' is over 'subject', but only \['edge', 'region'\] are known here",
    ):
        nmm.Problem(
            of_subjects, nmm.observe.Subsample(), nmm.likelihoods.Gaussian(scale=0.1), duration=10.0, step=1.0
        )
    with pytest.raises(
        ValueError,
        match=r"Prior\(over=\.\.\.\) got 'regions', expected None, 'region', 'edge', 'subject' or 'trial'",
    ):
        Prior(dist.Normal(0.2, 0.1), over="regions")


# ------------------------ units


def test_draws_are_reported_in_the_priors_unit_and_used_in_the_slots():
    result, trace = drawn(everything_free(), **{"model.mu": [210.0, 220.0, 230.0], "speed": 5.0})
    np.testing.assert_allclose(trace["model.mu"]["value"], [210.0, 220.0, 230.0])
    np.testing.assert_allclose(result.model.mu, [0.21, 0.22, 0.23], rtol=1e-12)
    assert float(result.speed) == 5.0
    result, trace = drawn(
        network(models.JansenRit(v0=Prior(dist.Normal(0.006, 0.001), unit=u.volt))), **{"model.v0": 0.0055}
    )
    assert float(trace["model.v0"]["value"]) == 0.0055
    np.testing.assert_allclose(result.model.v0, 5.5, rtol=1e-12)


@pytest.mark.parametrize("unit", [u.meter / u.second, "m/s", "mm/ms"])
def test_a_prior_may_be_bound_again(unit):
    """A part that is built from another one's slots, as `dataclasses.replace` does, keeps the conversion."""
    once = network(speed=Prior(dist.Uniform(2.0, 8.0), unit=unit)).speed
    twice = network(speed=once).speed
    assert (
        (twice.unit, twice.scale)
        == (once.unit, once.scale)
        == ("m / s" if unit == u.meter / u.second else unit, 1.0)
    )
    volts = models.JansenRit(r=Prior(dist.Uniform(500.0, 600.0), unit=1 / u.volt)).r
    assert models.JansenRit(r=volts).r.scale == pytest.approx(1e-3)


def test_unit_of_a_prior_must_be_a_unit():
    with pytest.raises(UnitError, match=r"expected a unit such as u\.Hz"):
        models.JansenRit(mu=Prior(dist.Normal(0.2, 0.1), unit=1000 * u.Hz))


# ------------------------ hierarchies


def test_pooled_is_the_non_centred_hierarchy():
    tree = network(
        models.JansenRit(
            mu=Pooled(
                Prior(dist.Normal(5.0, 0.5)),
                Prior(dist.HalfNormal(0.3)),
                transforms.ExpTransform(),
                unit=u.Hz,
            )
        )
    )
    z = np.array([-1.0, 0.5, 2.0])
    result, trace = drawn(tree, **{"model.mu.mean": 5.2, "model.mu.sd": 0.3, "model.mu.z": z})
    assert sites(trace) == ["model.mu.mean", "model.mu.sd", "model.mu.z"]
    assert sites(trace, "deterministic") == ["model.mu"]
    assert plates_of(trace["model.mu.z"]) == [("region", 3)]
    assert plates_of(trace["model.mu.mean"]) == plates_of(trace["model.mu.sd"]) == []
    np.testing.assert_allclose(trace["model.mu"]["value"], np.exp(5.2 + 0.3 * z), rtol=1e-12)
    np.testing.assert_allclose(result.model.mu, 1e-3 * np.exp(5.2 + 0.3 * z), rtol=1e-12)


def test_pooled_with_known_hyperparameters():
    result, trace = drawn(network(models.JansenRit(mu=Pooled(0.2, 0.01))), **{"model.mu.z": [1.0, 0.0, -2.0]})
    assert sites(trace) == ["model.mu.z"]
    np.testing.assert_allclose(result.model.mu, [0.21, 0.2, 0.18], rtol=1e-12)


def test_from_maps_regresses_on_the_maps():
    free = FromMaps(
        Prior(dist.Normal(5.0, 0.5)),
        Prior(dist.Normal(0.0, 0.2)),
        MAPS,
        residual_sd=Prior(dist.HalfNormal(0.1)),
        transform=transforms.ExpTransform(),
        unit=u.Hz,
    )
    slopes, z = np.array([0.3, -0.1]), np.array([1.0, -1.0, 0.5])
    given = {
        "model.mu.intercept": 5.2,
        "model.mu.slopes": slopes,
        "model.mu.residual_sd": 0.05,
        "model.mu.z": z,
    }
    result, trace = drawn(network(models.JansenRit(mu=free)), **given)
    assert sites(trace) == list(given)
    assert plates_of(trace["model.mu.slopes"]) == [("map", 2)]
    assert plates_of(trace["model.mu.z"]) == [("region", 3)]
    expected = np.exp([5.2 + 0.3 * MAPS[0, i] - 0.1 * MAPS[1, i] + 0.05 * z[i] for i in range(3)])
    np.testing.assert_allclose(trace["model.mu"]["value"], expected, rtol=1e-12)
    np.testing.assert_allclose(result.model.mu, 1e-3 * expected, rtol=1e-12)


@pytest.mark.parametrize("slopes", [0.5, [0.5, 0.5]])
def test_from_maps_with_known_coefficients_is_deterministic(slopes):
    result, trace = drawn(network(models.JansenRit(mu=FromMaps(0.2, slopes, 0.01 * MAPS))))
    assert sites(trace) == []
    np.testing.assert_allclose(result.model.mu, 0.2 + 0.005 * MAPS.sum(axis=0), rtol=1e-12)


def test_one_map_may_be_a_vector():
    result, trace = drawn(
        network(models.JansenRit(mu=FromMaps(0.2, Prior(dist.Normal(0.0, 0.1)), MAPS[0]))),
        **{"model.mu.slopes": [0.01]},
    )
    assert trace["model.mu.slopes"]["value"].shape == (1,)
    np.testing.assert_allclose(result.model.mu, 0.2 + 0.01 * MAPS[0], rtol=1e-12)


def test_maps_of_the_wrong_size():
    with pytest.raises(
        ValueError,
        match=(
            r"FromMaps\(maps=\.\.\.\) at 'model\.mu' has 4 regions, the network has 3; expected maps\['map"
            r" region'\]"
        ),
    ):
        drawn(network(models.JansenRit(mu=FromMaps(0.2, 0.1, np.ones((2, 4))))))
    with pytest.raises(ValueError, match=r"FromMaps\(maps=\.\.\.\) contains NaN"):
        FromMaps(0.2, 0.1, [[1.0, np.nan, 0.0]])


@pytest.mark.parametrize("wrong", [200 * u.Hz, Prior(dist.Normal(200.0, 1.0), unit=u.Hz)])
def test_hyperparameters_have_no_unit_of_their_own(wrong):
    """They live before the transform; the unit is that of the transformed value."""
    with pytest.raises(
        UnitError,
        match=r"Pooled\(mean=\.\.\.\) has a unit, expected a plain number or a Prior without one; .* unit=",
    ):
        Pooled(wrong, 0.1)
    with pytest.raises(UnitError, match=r"FromMaps\(intercept=\.\.\.\) has a unit"):
        FromMaps(wrong, 0.1, MAPS)


def test_hyperparameters_are_shared():
    """In a group of regions a plate of all regions would not fit, and a mean for each region is no
    pooling.
    """
    with pytest.raises(
        ValueError,
        match=(
            r"Pooled\(mean=...\) got a Prior over 'region', expected one that all regions share: leave"
            r" over out"
        ),
    ):
        Pooled(Prior(dist.Normal(), over="region"), 0.1)
    with pytest.raises(ValueError, match=r"FromMaps\(residual_sd=...\) got a Prior over 'region'"):
        FromMaps(0.2, 0.1, MAPS, residual_sd=Prior(dist.HalfNormal(), over="region"))


# ------------------------ connections


def test_edges_are_a_symmetric_matrix():
    connectome = Connectome(Prior(dist.HalfNormal(1.0), over="edge"), labels=("a", "b", "c", "d"))
    result, trace = drawn(network(connectome=connectome))
    assert plates_of(trace["connectome.weights"]) == [("edge", 6)]
    weights, edges = np.asarray(result.connectome.weights), np.asarray(trace["connectome.weights"]["value"])
    assert weights.shape == (4, 4)
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_array_equal(np.diag(weights), 0.0)
    np.testing.assert_allclose(weights[np.triu_indices(4, 1)], edges)
    assert len(np.unique(edges)) == 6


def test_weights_must_be_over_edges():
    with pytest.raises(
        ValueError,
        match=(
            r"Connectome\(weights=Prior\(over='region'\)\): expected over='edge', one value for each pair of"
            r" regions"
        ),
    ):
        Connectome(Prior(dist.HalfNormal(1.0), over="region"), labels=("a", "b"))
    with pytest.raises(ValueError, match="does not say how many regions there are: pass labels= or lengths="):
        Connectome(Prior(dist.HalfNormal(1.0), over="edge"))
    assert isinstance(
        Connectome(Prior(dist.HalfNormal(1.0), over="edge"), labels=("a", "b")).weights, SymmetricEdges
    )


# ------------------------ density


def test_density_is_that_of_the_model_by_hand():
    tree = network(
        models.JansenRit(
            mu=Prior(dist.Normal(220.0, 20.0), over="region", unit=u.Hz),
            v0=Prior(dist.Normal(6.0, 0.1)),
            A=Pooled(Prior(dist.Normal(1.0, 0.5)), Prior(dist.HalfNormal(0.3)), transforms.ExpTransform()),
            B=FromMaps(
                Prior(dist.Normal(22.0, 1.0)),
                Prior(dist.Normal(0.0, 2.0)),
                MAPS,
                residual_sd=Prior(dist.HalfNormal(0.5)),
            ),
        ),
        couplings.Additive(G=Prior(dist.LogNormal(-1.0, 0.5))),
        Connectome(Prior(dist.HalfNormal(1.0), over="edge"), lengths=10.0 * WEIGHTS),
        speed=Prior(dist.LogNormal(1.0, 0.1)),
        noise=noises.Additive(sigma=Prior(dist.HalfNormal(0.1))),
    )
    edges = np.triu_indices(N, 1)

    def ours(y):
        result = sample(tree)
        mean = (
            result.model.mu
            + result.model.A
            + result.model.B
            + result.coupling.G * result.connectome.weights.sum(axis=1)
            + result.speed
        )
        numpyro.sample("y", dist.Normal(mean, result.noise.sigma), obs=y)

    def by_hand(y):
        v0 = numpyro.sample("model.v0", dist.Normal(6.0, 0.1))
        mean_A = numpyro.sample("model.A.mean", dist.Normal(1.0, 0.5))
        sd_A = numpyro.sample("model.A.sd", dist.HalfNormal(0.3))
        intercept = numpyro.sample("model.B.intercept", dist.Normal(22.0, 1.0))
        slopes = numpyro.sample("model.B.slopes", dist.Normal(0.0, 2.0).expand([2]).to_event(1))
        sd_B = numpyro.sample("model.B.residual_sd", dist.HalfNormal(0.5))
        G = numpyro.sample("coupling.G", dist.LogNormal(-1.0, 0.5))
        speed = numpyro.sample("speed", dist.LogNormal(1.0, 0.1))
        sigma = numpyro.sample("noise.sigma", dist.HalfNormal(0.1))
        with numpyro.plate("by_hand_region", N):
            mu = numpyro.sample("model.mu", dist.Normal(220.0, 20.0))
            A = jnp.exp(mean_A + sd_A * numpyro.sample("model.A.z", dist.Normal(0.0, 1.0)))
            B = intercept + slopes @ MAPS + sd_B * numpyro.sample("model.B.z", dist.Normal(0.0, 1.0))
        with numpyro.plate("by_hand_edge", N * (N - 1) // 2):
            weights = numpyro.sample("connectome.weights", dist.HalfNormal(1.0))
        strength = jnp.zeros(N).at[edges[0]].add(weights).at[edges[1]].add(weights)
        numpyro.sample("y", dist.Normal(1e-3 * mu + A + B + G * strength + speed + 0 * v0, sigma), obs=y)

    y = np.array([0.5, 1.0, 1.5])
    with handlers.seed(rng_seed=3), handlers.trace() as trace:
        by_hand(y)
    draws = {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
    density = [
        jax.jit(jax.value_and_grad(lambda p, m=m: log_density(m, (y,), {}, p)[0])) for m in (ours, by_hand)
    ]
    (value, slopes), (expected, expected_slopes) = (f(draws) for f in density)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for name in draws:
        np.testing.assert_allclose(slopes[name], expected_slopes[name], rtol=1e-9, atol=1e-12, err_msg=name)
    assert np.isfinite(value)


# ------------------------ the range of speeds that a solver prepares for


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (Prior(dist.Uniform(2.0, 8.0)), (2.0 + 6.0 * TAIL, 8.0 - 6.0 * TAIL)),
        (Prior(dist.Uniform(200.0, 800.0), unit=u.cm / u.second), (2.0 + 6.0 * TAIL, 8.0 - 6.0 * TAIL)),
        # A normal reaches 3.719 standard deviations with a probability of 1e-4.
        (Prior(dist.LogNormal(1.0, 0.1)), (np.exp(1.0 - 0.3719), np.exp(1.0 + 0.3719))),
        (Prior(dist.Normal(6.0, 1.0)), (6.0 - 3.719, 6.0 + 3.719)),
    ],
)
def test_range_of_a_speed_prior(prior, expected):
    np.testing.assert_allclose(network(speed=prior).speed_range, expected, rtol=1e-4)


def test_range_of_a_truncated_prior_is_inside_it():
    slowest, fastest = network(speed=Prior(dist.TruncatedNormal(6.0, 2.0, low=1.0))).speed_range
    assert 1.0 <= slowest < 1.1
    assert 13.0 < fastest < 14.0


def test_range_of_numbers_and_of_what_is_unknown():
    assert network().speed_range is None
    assert network(speed=4.0).speed_range == (4.0, 4.0)
    assert network(speed=4.0, speed_range=(200 * u.cm / u.second, 8.0)).speed_range == (2.0, 8.0)
    assert speed_range(Pooled(1.0, 0.1)) == PHYSIOLOGICAL
    traced = []
    jax.jit(lambda speed: traced.append(speed_range(speed)) or speed)(4.0)
    assert traced == [PHYSIOLOGICAL]


@pytest.mark.parametrize(
    "distribution",
    [
        dist.Gamma(9.0, 1.5),
        dist.InverseGamma(9.0, 50.0),
        dist.Chi2(6.0),
        dist.Weibull(6.0, 2.0),
        dist.LogNormal(1.5, 0.5),
    ],
)
def test_range_holds_the_mass_of_a_prior_with_or_without_quantiles(distribution):
    slowest, fastest = speed_range(Prior(distribution))
    draws = np.asarray(distribution.sample(jax.random.key(1), (2000,)))
    assert 0 < slowest < fastest < np.inf
    assert np.mean((draws < slowest) | (draws > fastest)) < 0.005


@pytest.mark.parametrize(
    "distribution", [dist.HalfNormal(5.0), dist.Normal(5.0, 2.0), dist.Exponential(0.2), dist.HalfCauchy(3.0)]
)
def test_priors_that_reach_zero_reserve_a_bounded_past_and_say_so(distribution):
    with pytest.warns(
        UserWarning,
        match=(
            r"speeds below 0\.\d+ mm/ms, \d\.\d % of the prior, have density zero: .* pass"
            r" speed_range=\(slowest, fastest\)"
        ),
    ):
        slowest, _ = speed_range(Prior(distribution))
    assert slowest > np.median(distribution.sample(jax.random.key(1), (2000,))) / 60


def test_slow_speeds_are_fine_where_all_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert speed_range(Prior(dist.Uniform(0.1, 0.4))) == pytest.approx((0.1, 0.4), rel=1e-2)


def test_range_that_no_solver_can_prepare_for():
    with pytest.raises(
        ValueError,
        match=(
            r"Network\(speed=Prior\(\.\.\.\)\) puts mass on -6\.4\d* to 8\.4\d* mm/ms, expected positive"
            r" finite speeds"
        ),
    ):
        network(speed=Prior(dist.Normal(1.0, 2.0)))
    for wrong in ((0.0, 4.0), (5.0, 4.0), (np.nan, 4.0)):
        with pytest.raises(ValueError, match=r"Network\(speed_range=\.\.\.\) got .* expected 0 < slowest"):
            network(speed=4.0, speed_range=wrong)


def test_results_name_the_connections_that_were_drawn():
    connectome = Connectome(Prior(dist.HalfNormal(1.0), over="edge"), labels=("a", "b", "c"))
    network = nmm.Network(
        nmm.models.LeakyIntegrator(), connectome, nmm.couplings.Additive(G=0.1), noise=nmm.noises.Additive()
    )
    problem = nmm.Problem(network, nmm.observe.Subsample(period=10.0), nmm.likelihoods.Covariance())
    data = np.random.default_rng(0).normal(size=(200, 3))
    conditioned = problem.condition(nmm.Signal.of(data, 10.0))
    assert conditioned.coords()["edge"] == ["a–b", "a–c", "b–c"]
    [name] = [name for name, dims in conditioned.site_dims().items() if dims == ("edge",)]
    weights = np.zeros((3, 3))
    weights[np.triu_indices(3, 1)] = drawn = np.array([0.1, 0.2, 0.3])
    with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.substitute(data={name: drawn}):
        found = problem.draw()[0].connectome.weights
    np.testing.assert_allclose(found, weights + weights.T)
