"""What people type where something else belongs: taken if it can only mean one thing, refused in words if
not.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer import couplings, infer, likelihoods, models, noises, observe, stimuli
from nmm_infer._tools._keys import random_key
from nmm_infer.observe import kernels

CONNECTOME = nmm.Connectome(np.ones((2, 2)) - np.eye(2))
LEAKY, ADDITIVE, NOISE = models.LeakyIntegrator(), couplings.Additive(G=0.1), noises.Additive(sigma=0.1)
NETWORK = nmm.Network(LEAKY, CONNECTOME, ADDITIVE, noise=NOISE)


@given(seed=st.integers(0, 2**63 - 1))
def test_a_seed_is_the_key_made_of_it(seed):
    assert jnp.array_equal(
        jax.random.key_data(random_key(seed, "f(key=...)")), jax.random.key_data(jax.random.key(seed))
    )


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3), np.asarray(jax.random.PRNGKey(3))])
def test_keys_stay_what_they_are(key):
    assert random_key(key, "f(key=...)") is key
    jax.jit(lambda key: random_key(key, "f(key=...)"))(key)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            np.random.default_rng(0),
            r"f\(key=...\) got Generator, expected a random key .* or a seed such as 0; draw a seed from it",
        ),
        ("0", "got str, expected a random key"),
        (1.5, "got float, expected a random key"),
        (True, "got bool, expected a random key"),
        (-1, "got the seed -1, expected a whole number from 0"),
        (np.zeros(3), "got ndarray, expected a random key"),
        (jax.random.split(jax.random.key(0)), r"got keys of shape \(2,\), expected one key"),
    ],
)
def test_what_is_no_key_is_named(key, message):
    with pytest.raises((TypeError, ValueError), match=message):
        random_key(key, "f(key=...)")


def test_seeds_are_taken_wherever_keys_are():
    """One case for each door that leads to random numbers."""
    noisy = [nmm.solve(NETWORK, 2.0, step=1.0, key=key).values for key in (0, jax.random.key(0))]
    np.testing.assert_array_equal(*noisy)
    refused = pytest.raises(TypeError, match=r"\(key=...\) got str, expected a random key")
    free = nmm.Network(models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(2.0, 0.3))), CONNECTOME, ADDITIVE)
    problem = nmm.Problem(free, observe.Subsample(), likelihoods.Gaussian(scale=0.1), duration=4.0, step=1.0)
    for engine in (
        infer.NUTS(),
        infer.SVI(),
        infer.MAP(),
        infer.CMAES(),
        infer.Laplace(),
        infer.Pathfinder(),
        infer.SMC(),
    ):
        with refused:
            engine(problem, np.zeros((4, 2)), key="0")
    for door in (
        lambda: nmm.simulate(NETWORK, 2.0, step=1.0, key="0"),
        lambda: nmm.check.calibration(problem, infer.NUTS(), key="0", simulations=2),
        lambda: nmm.check.recovery(problem, infer.NUTS(), key="0", simulations=2),
        lambda: nmm.dynamics.lyapunov_exponent(NETWORK, 100.0, step=1.0, key="0"),
        lambda: nmm.dynamics.fixed_points(NETWORK, key="0"),
    ):
        with refused:
            door()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nmm.Network(models.LeakyIntegrator),
            r"Network\(model=...\) got the class LeakyIntegrator \(write LeakyIntegrator\(...\)\)",
        ),
        (
            lambda: nmm.Network({"a": models.Hopf, "b": LEAKY}, CONNECTOME, ADDITIVE, groups={"a": "0"}),
            "got the class Hopf",
        ),
        (
            lambda: nmm.Network(LEAKY, CONNECTOME, couplings.Additive),
            r"coupling=...\) got the class Additive",
        ),
        (lambda: nmm.Network(LEAKY, noise=noises.Additive), r"noise=...\) got the class Additive"),
        (
            lambda: nmm.Network(LEAKY, noise=[NOISE, NOISE]),
            r"noise=...\) got list, expected Noise: one for all states",
        ),
        (lambda: nmm.Network(LEAKY, stimulus=stimuli.Pulse), r"stimulus=...\) got the class Pulse"),
        (lambda: nmm.solve(models.Hopf, 1.0, step=1.0), r"solve\(network=...\) got the class Hopf"),
        (
            lambda: nmm.solve(NETWORK, 1.0, step=1.0, key=0, observe=observe.Bold),
            r"solve\(observe=...\) got the class Bold",
        ),
        (
            lambda: observe.Chain(observe.Bold, observe.FunctionalConnectivity()),
            r"Chain\(parts=...\) got the class Bold",
        ),
        (
            lambda: observe.HemodynamicResponse(kernel=kernels.Gamma),
            r"HemodynamicResponse\(kernel=...\) got the class Gamma",
        ),
        (lambda: infer.NUTS(metric=infer.metrics.Dense), r"NUTS\(metric=...\) got the class Dense"),
        (lambda: nmm.Prior(dist.Normal), r"Prior\(...\) got the class Normal"),
        (
            lambda: nmm.Network(models.Hopf(), noise=noises.Additive(states="xy")),
            r"Additive\(states=...\) got the text 'xy', expected a tuple of names: \('xy',\)",
        ),
        (
            lambda: nmm.Network(models.Hopf(), noise=noises.Additive(states=())),
            r"Additive\(states=...\) is empty, expected a tuple of names; leave it out",
        ),
        (
            lambda: nmm.Network(LEAKY, CONNECTOME, couplings.Additive(source=())),
            r"Additive\(source=...\) is empty",
        ),
        (
            lambda: nmm.Network(LEAKY, stimulus=stimuli.Pulse(regions=[])),
            r"Pulse\(regions=...\) is empty, expected labels such as 'region'; leave it out",
        ),
        (
            lambda: nmm.solve(
                NETWORK, 4.0, step=1.0, key=0, sample_every=2.0, observe=observe.Subsample(period=4.0)
            ),
            (
                r"solve\(observe=..., sample_every=...\): Subsample says when it looks, at every period;"
                r" leave sample_every out"
            ),
        ),
    ],
)
def test_what_belongs_elsewhere_is_refused_in_words(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_lists_of_names_are_tuples():
    network = nmm.Network(
        models.Hopf(),
        CONNECTOME,
        couplings.Additive(source=["x"], port=["x"]),
        noise=noises.Additive(states=["x"]),
    )
    assert hash((network.noise.states, network.coupling.source, network.coupling.port))


def test_a_problem_may_sample_what_it_streams():
    free = nmm.Network(models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(2.0, 0.3))), CONNECTOME, ADDITIVE)
    problem = nmm.Problem(
        free,
        observe.Subsample(period=4.0),
        likelihoods.Gaussian(scale=0.1),
        duration=8.0,
        step=1.0,
        sample_every=2.0,
    )
    assert problem.simulate(0).values.shape == (2, 2)


@pytest.mark.parametrize("dtype", [int, bool, np.float32])
@pytest.mark.parametrize(
    "transform",
    ["power", "log_weights", "without_self_connections", "scaled_by_max", "scaled_by_spectral_radius"],
)
def test_weights_of_any_type_are_numbers(dtype, transform):
    weights = np.array([[1, 10, 2], [10, 0, 4], [2, 4, 0]]).astype(dtype)
    arguments = (0.3,) if transform == "power" else ()
    ours, numpys = (
        np.asarray(getattr(nmm.Connectome(w), transform)(*arguments).weights)
        for w in (jnp.asarray(weights), weights)
    )
    np.testing.assert_allclose(ours, numpys, rtol=1e-6)


def test_traced_counts_are_numbers():
    assert jax.jit(lambda w: nmm.Connectome(w).weights)(jnp.ones((2, 2), int)).dtype == jnp.float64


@pytest.mark.parametrize(
    ("dim", "advice"),
    [("region", r"connectome.select\(labels\)"), ("sensor", r"their rows of LeadField\(gain\)")],
)
def test_advice_about_channels_is_about_these(dim, advice):
    from nmm_infer.likelihoods._recording import Recording, check_channels, read_recording

    data = xr.DataArray(
        np.random.default_rng(0).normal(size=(5, 2)), dims=("time", dim), coords={dim: ["a", "b"]}
    )
    with pytest.raises(ValueError, match=rf"different {dim}s: missing in the data \['c'\].*{advice}"):
        check_channels(Recording(data.values, None, dim, ("a", "b"), ""), ("a", "c"), dim)
    with pytest.raises(ValueError, match=advice):
        read_recording(data.where(data[dim] != "a"))
