"""A prior for levels of noise that may be next to nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions.transforms import biject_to
from numpyro.infer.util import constrain_fn, potential_energy
from scipy import integrate, stats

import nmm_infer as nmm

SCALE = 0.3
Z = np.array([-30.0, -12.0, -5.0, -2.0, -0.5, 0.0, 0.5, 2.0, 5.0])


def model():
    numpyro.sample("sd", nmm.RootHalfNormal(SCALE))


def test_its_square_is_half_normal():
    draws = np.asarray(nmm.RootHalfNormal(SCALE).sample(jax.random.key(0), (20_000,)))
    assert stats.kstest(draws**2, stats.halfnorm(scale=SCALE**2).cdf).pvalue > 0.01
    assert np.isclose((draws < SCALE).mean(), 0.683, atol=0.01)
    assert np.isclose(draws.mean(), 0.822 * SCALE, rtol=0.01)


def test_density():
    p = nmm.RootHalfNormal(SCALE)
    x = np.array([0.01, 0.1, 0.3, 0.7])
    np.testing.assert_allclose(
        p.log_prob(x), stats.halfnorm(scale=SCALE**2).logpdf(x**2) + np.log(2 * x), rtol=1e-12
    )
    assert np.isclose(integrate.quad(lambda s: np.exp(float(p.log_prob(s))), 0.0, 2.0)[0], 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standard_normal_where_it_is_sampled(dtype):
    """The density is that of a standard normal in its coordinates, up to where they have no more digits."""
    z = jnp.asarray(Z, dtype)
    energy = jax.vmap(lambda one: potential_energy(model, (), {}, {"sd": one}))
    tolerance = 2e-6 if dtype is np.float32 else 1e-12
    # Where σ underflows the density cannot be computed from it; no chain goes 12 standard deviations.
    reached = np.abs(Z) <= 12
    np.testing.assert_allclose(
        energy(z)[reached], -stats.norm.logpdf(Z)[reached], rtol=tolerance, atol=tolerance
    )
    slope = jax.vmap(jax.grad(lambda one: potential_energy(model, (), {}, {"sd": one})))(z)
    np.testing.assert_allclose(
        slope[reached], Z[reached], rtol=1e-4 if dtype is np.float32 else 1e-9, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_coordinates_go_there_and_back(dtype):
    transform = biject_to(nmm.RootHalfNormal(SCALE).support)
    z = jnp.asarray(Z[1:], dtype)
    x = transform(z)
    assert (x > 0).all()
    assert x.dtype == dtype
    np.testing.assert_allclose(transform.inv(x), z, atol=5e-6 if dtype is np.float32 else 1e-9)
    slope = jax.vmap(jax.grad(transform))(z)
    np.testing.assert_allclose(
        jnp.log(slope), transform.log_abs_det_jacobian(z, x), atol=1e-4 if dtype is np.float32 else 1e-9
    )


def test_one_for_each_channel():
    """Scales may be an array, and the prior may stand in a plate."""

    def levels():
        with numpyro.plate("channel", 3):
            numpyro.sample("sd", nmm.RootHalfNormal(jnp.array([0.1, 1.0, 10.0])))

    found = constrain_fn(levels, (), {}, {"sd": jnp.zeros(3)})["sd"]
    np.testing.assert_allclose(
        found, np.sqrt(stats.halfnorm.ppf(0.5)) * np.array([0.1, 1.0, 10.0]), rtol=1e-6
    )
    assert nmm.RootHalfNormal(jnp.ones((2, 3))).sample(jax.random.key(0), (5,)).shape == (5, 2, 3)


@pytest.mark.slow
def test_noise_that_data_do_not_show():
    """Whether a known variance of 1 has 0.05² on top: the posterior is that of the closed form, and NUTS
    moves freely in it.
    """
    rng = np.random.default_rng(0)
    y = rng.normal(size=400) * np.sqrt(1.0 + 0.05**2)

    def function(data):
        sd = numpyro.sample("sd", nmm.RootHalfNormal(0.5))
        with numpyro.plate("time", len(data)):
            numpyro.sample("y", dist.Normal(0.0, jnp.sqrt(1.0 + sd**2)), obs=data)

    engine = nmm.infer.NUTS(draws=1000, warmup=300, chains=2, predictive_draws=0)
    found = engine(nmm.NumPyroModel(function), y, key=jax.random.key(0), progress=False)["posterior"]["sd"]
    grid = np.linspace(1e-4, 1.5, 4000)
    variance = 1.0 + grid**2
    log_p = (
        -0.5 * len(y) * np.log(variance)
        - 0.5 * (y**2).sum() / variance
        + np.asarray(nmm.RootHalfNormal(0.5).log_prob(grid))
    )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    mean = (p * grid).sum()
    sd = np.sqrt((p * (grid - mean) ** 2).sum())
    import arviz as az

    ess = float(az.ess(found.to_dataset(name="sd"))["sd"])
    assert ess > 400
    assert abs(float(found.mean()) - mean) < 4 * sd / np.sqrt(ess)
    assert abs(float(found.std()) - sd) < 0.1 * sd
    quantiles = np.interp([0.05, 0.95], p.cumsum(), grid)
    np.testing.assert_allclose(found.quantile([0.05, 0.95]), quantiles, atol=0.15 * sd)


def test_a_scale_that_is_none():
    with pytest.raises(ValueError, match="scale"):
        nmm.RootHalfNormal(-1.0, validate_args=True)
