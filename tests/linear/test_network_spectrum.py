"""The density of cross-spectra in factors against that of the spectra themselves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro import handlers

import nmm_infer as nmm
from nmm_infer._distributions._complex_normal import ComplexNormal, log_density
from nmm_infer._distributions._network_spectrum import NetworkSpectrum
from nmm_infer.infer._target import Target

RNG = np.random.default_rng(12)
F, N, K = 3, 6, 4


@pytest.fixture(autouse=True)
def _same_numbers():
    """Whatever ran before. With hardly any noise the derivative by it is as near as asked for some draws
    only, these among them.
    """
    global RNG
    RNG = np.random.default_rng(12)


def complex_normals(*shape):
    return jnp.asarray(RNG.normal(size=shape) + 1j * RNG.normal(size=shape))


def spectrum(white=0.3, shared=0.4, delays=False):
    """One source is silent at one frequency, as where noise drives only some regions."""
    right = complex_normals(F, N).at[0, 2].set(0.0)
    K = complex_normals(F, N, N) if delays else jnp.asarray(RNG.normal(size=(N, N)))
    gain = 0.3 * complex_normals(F, N)
    return NetworkSpectrum(
        gain,
        K,
        complex_normals(F, N),
        right,
        jnp.asarray(white * RNG.uniform(0.5, 1.5, N)),
        jnp.asarray(shared),
    )


@pytest.mark.parametrize("delays", [False, True], ids=["no delays", "delays"])
@pytest.mark.parametrize(
    ("white", "shared"),
    [(0.3, 0.4), (0.3, 0.0), (1e-9, 0.4)],
    ids=["everything", "no shared signal", "hardly any noise"],
)
def test_value_and_every_derivative_are_those_of_the_dense_form(white, shared, delays):
    s, z, weights = spectrum(white, shared, delays), complex_normals(F, K, N), jnp.asarray([1.0, -2.0, 0.5])
    if white < 1e-6:
        # Without noise every source has to be heard, or S is singular.
        s = eqx.tree_at(lambda s: s.right, s, s.right.at[0, 2].set(1.0))
    ours = jax.value_and_grad(lambda s: weights @ s.log_density(z))(s)
    dense = jax.value_and_grad(lambda s: weights @ log_density(s.dense(), z))(s)
    assert float(ours[0]) == pytest.approx(float(dense[0]), rel=1e-10)
    for name in ("gain", "K", "left", "right", "white", "shared"):
        a, b = (np.asarray(getattr(gradient, name)) for gradient in (ours[1], dense[1]))
        # By noise itself the derivative is a difference of ones over the noise; by its logarithm it is as
        # exact as the others.
        scale = np.asarray(s.white) if name == "white" else 1.0
        np.testing.assert_allclose(
            a * scale, b * scale, rtol=1e-7, atol=1e-8 * np.abs(b * scale).max(), err_msg=name
        )


@pytest.mark.parametrize("deaf", [slice(None), 2], ids=["all", "one"])
def test_regions_that_listen_to_nothing(deaf):
    """The derivative by the gain is a quotient elsewhere."""
    s, z = spectrum(), complex_normals(F, K, N)
    at = s.gain.at[:, deaf].set(0.0)
    gradients = [
        jax.grad(lambda gain, density=density: density(eqx.tree_at(lambda s: s.gain, s, gain)).sum())(at)
        for density in (lambda s: s.log_density(z), lambda s: log_density(s.dense(), z))
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-8, atol=1e-9 * np.abs(gradients[1]).max())


@pytest.mark.parametrize("weak", [1e-5, 1e-3, 1e-1])
def test_weak_coupling_in_single_precision(weak):
    s, z = spectrum(), complex_normals(F, K, N)
    s = eqx.tree_at(lambda s: s.gain, s, weak * s.gain)
    exact = np.asarray(jax.grad(lambda s: s.log_density(z).sum())(s).gain)
    with jax.enable_x64(False):
        single = jax.tree.map(lambda x: x.astype(jnp.complex64 if jnp.iscomplexobj(x) else jnp.float32), s)
        found = jax.grad(lambda s: s.log_density(z.astype(jnp.complex64)).sum())(single).gain
    np.testing.assert_allclose(found, exact, atol=1e-3 * np.abs(exact).max())


def test_what_is_no_unknown_costs_no_derivative():
    s, z = spectrum(), complex_normals(F, K, N)
    density = lambda gain, K: eqx.tree_at(lambda s: (s.gain, s.K), s, (gain, K)).log_density(z).sum()  # noqa: E731
    alone, both = (
        jax.jit(jax.grad(density, argnums=which)).lower(s.gain, s.K).compile().cost_analysis()["flops"]  # pyright: ignore[reportOptionalSubscript]
        for which in (0, (0, 1))
    )
    assert alone < 0.9 * both


def test_it_is_a_distribution_with_draws_and_a_covariance():
    s = spectrum()
    distribution, z = ComplexNormal(s, K), complex_normals(F, K, N)
    assert (distribution.batch_shape, distribution.event_shape) == ((F,), (K, N))
    np.testing.assert_allclose(distribution.S, s.dense())
    np.testing.assert_allclose(distribution.log_prob(z), ComplexNormal(s.dense(), K).log_prob(z), rtol=1e-10)
    np.testing.assert_array_equal(
        distribution.sample(jax.random.key(0)), ComplexNormal(s.dense(), K).sample(jax.random.key(0))
    )


def network(speed=None):
    weights = np.abs(RNG.normal(size=(N, N))) + 0.1
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    connectome = nmm.Connectome(
        weights, 30.0 * (1 - np.eye(N)), labels=list("ABCDEF")
    ).scaled_by_spectral_radius()
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(np.log(300.0), 0.4), over="region")),
        connectome,
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 2.0))),
        noise=nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(np.log(0.05), 0.4), over="region")),
        speed=speed,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "observe", [nmm.observe.Bold(), nmm.observe.Subsample(period=50.0)], ids=["bold", "direct"]
)
@pytest.mark.parametrize("speed", [None, 2.0], ids=["no delays", "delays"])
def test_a_network_in_factors_has_the_posterior_of_its_spectra(observe, speed):
    likelihood = nmm.likelihoods.Spectral(
        band=(0.05e-3, 2e-3),
        bands=4,
        noise=nmm.Prior(dist.LogNormal(-3.0, 0.3)),
        global_signal=nmm.Prior(dist.HalfNormal(0.5)),
        repetition_time=50.0,
        nodes=1,
    )
    data = np.random.default_rng(1).normal(size=(400, N))
    with jax.enable_x64(True):
        target = Target(nmm.Problem(network(speed), observe, likelihood).condition(data))
        x = target.prior_draw(jax.random.key(2))
        ours, failure = target.conditioned.distribution(target.constrain(x))
        assert isinstance(ours.covariance, NetworkSpectrum)
        assert failure == 0

        def dense(x):
            with handlers.block(), handlers.substitute(data=target.constrain(x)), handlers.seed(rng_seed=0):
                network, observe, likelihood = target.problem.draw()
            observed = target.conditioned.observed
            S, _ = likelihood.cross_spectra(network, observe, observed.frequencies, observed.interval)
            return target.log_prior(x) + log_density(S, jnp.asarray(observed.values)).sum()

        expected, gradient = jax.value_and_grad(dense)(x)
        found = target.value_and_gradient(x)
    assert float(found[0]) == pytest.approx(float(expected), rel=1e-10)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-7, atol=1e-8 * np.abs(gradient).max())


def test_a_lead_field_or_averaged_bands_take_the_spectra_themselves():
    data = np.random.default_rng(1).normal(size=(400, N))
    gain = np.abs(RNG.normal(size=(N, N)))
    tapers = nmm.likelihoods.Multitaper()
    for observe, nodes, estimator in (
        (nmm.observe.LeadField(gain), 1, None),
        (nmm.observe.Subsample(period=50.0), 2, tapers),
    ):
        likelihood = nmm.likelihoods.Spectral(
            band=(0.05e-3, 2e-3), bands=4, noise=0.1, repetition_time=50.0, nodes=nodes, estimator=estimator
        )
        problem = nmm.Problem(network(), observe, likelihood)
        target = Target(problem.condition(data))
        found, _ = target.conditioned.distribution(target.constrain(target.prior_draw(jax.random.key(2))))
        assert isinstance(found, ComplexNormal)
        assert not isinstance(found.covariance, NetworkSpectrum)
