"""Coordinates that bend with the ridge of a posterior."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax.scipy.stats import norm

import nmm_infer as nmm
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._mcmc._sampler import _to_latent
from nmm_infer.infer._progress import progress_bar
from nmm_infer.infer._target import Target
from nmm_infer.infer.metrics._affine import Bend, Coordinates, Posterior

REGIONS, TIGHT = 6, 0.3
CURVED, SLANTED = np.linspace(-0.6, 0.6, REGIONS), np.linspace(0.5, 1.0, REGIONS)


def banana(curve):
    """A number of the whole model, and those of its regions around a curve of it."""

    def model(y):
        level = numpyro.sample("level", dist.Normal(1.0, 0.8))
        numpyro.sample("regions", dist.Normal(curve(level), TIGHT).to_event(1))
        numpyro.factor("data", 0.0 * y)

    return nmm.NumPyroModel(model)


def parabola(level):
    return SLANTED * level + CURVED * level**2


def framed(problem, metric=None, y=0.0):
    target = Target(problem.condition(jnp.asarray(y)))
    with progress_bar(False) as bars:
        found = (metric or metrics.Laplace(steps=600, floor=0.1)).coordinates(
            target, jax.random.key(0), 4, None, bars
        )
    return target, found


@pytest.fixture(scope="module")
def bent():
    return framed(banana(parabola))


def random_frame(rng, size, moving):
    """A coordinates with bends along some unknowns, of shapes that mean nothing."""
    scale = rng.normal(size=(size, size)) + 2.0 * np.eye(size)
    bends = []
    for j in moving:
        knots = np.sort(rng.normal(size=5))
        pieces = rng.normal(size=(4, 4, size))
        pieces[..., moving] = 0.0
        bends.append(Bend(*map(jnp.asarray, (scale[j] / np.linalg.norm(scale[j]), knots, pieces))))
    return Coordinates(jnp.asarray(rng.normal(size=size)), jnp.asarray(scale), tuple(bends))


@pytest.mark.parametrize("moving", [[2], [0, 3]])
def test_bends_keep_volumes_and_can_be_undone(moving):
    rng = np.random.default_rng(len(moving))
    coordinates = random_frame(rng, 5, moving)
    for u in jnp.asarray(rng.normal(size=(20, 5))):
        jacobian = jax.jacobian(coordinates.to_latent)(u)
        np.testing.assert_allclose(np.linalg.det(jacobian), np.linalg.det(coordinates.scale), rtol=1e-9)
        np.testing.assert_allclose(coordinates.from_latent(coordinates.to_latent(u)[None])[0], u, atol=1e-9)
        np.testing.assert_allclose(
            coordinates.to_latent(u)[np.asarray(moving)],
            (coordinates.centre + coordinates.scale @ u)[np.asarray(moving)],
            atol=1e-12,
        )


def test_unknowns_of_many_draws_are_those_of_each():
    rng = np.random.default_rng(0)
    coordinates, u = random_frame(rng, 5, [1, 2]), rng.normal(size=(3, 40, 5))
    np.testing.assert_allclose(
        _to_latent(coordinates, u), jax.vmap(jax.vmap(coordinates.to_latent))(jnp.asarray(u)), rtol=1e-12
    )


def test_gradients_are_those_of_the_density(bent):
    target, found = bent
    posterior = Posterior(target, found.coordinates)
    for u in jnp.asarray(np.random.default_rng(1).normal(size=(5, target.size))):
        value, gradient = posterior.value_and_gradient(u)
        expected = jax.value_and_grad(posterior)(u)
        np.testing.assert_allclose(value, expected[0], rtol=1e-10)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-8, atol=1e-10)


def test_a_parabola_is_straight_in_its_coordinates(bent):
    """Its density is a standard normal one there, up to what a spline makes of a parabola, which is natural
    at its ends only.
    """
    target, found = bent
    (bend,) = found.coordinates.bends
    affine = Coordinates(found.coordinates.centre, found.coordinates.scale)
    u = np.random.default_rng(2).normal(size=(400, target.size))
    u = jnp.asarray(u[np.abs(u @ np.asarray(bend.along)) < 2.5])

    def off(coordinates):
        return np.asarray(jax.vmap(Posterior(target, coordinates))(u)) + 0.5 * np.sum(
            np.asarray(u) ** 2, axis=1
        )

    assert off(found.coordinates).std() < 0.05
    assert off(affine).std() > 2.0


@pytest.mark.slow
def test_draws_are_those_of_the_density():
    """Moments of the regions, which are known: means and variances of a parabola of a normal number."""
    tree = nmm.infer.NUTS(
        draws=1000, warmup=100, metric=metrics.Laplace(steps=600, floor=0.1), predictive_draws=0
    )(banana(parabola), jnp.zeros(()), key=jax.random.key(3), progress=False)
    draws = tree["posterior"].to_dataset().stack(all=("chain", "draw"))
    mean, sd = 1.0, 0.8
    expected = SLANTED * mean + CURVED * (mean**2 + sd**2)
    # Of SLANTED x + CURVED x² with x ~ Normal(mean, sd).
    variance = (SLANTED + 2.0 * CURVED * mean) ** 2 * sd**2 + 2.0 * CURVED**2 * sd**4 + TIGHT**2
    # Four standard errors of 2000 effective draws.
    np.testing.assert_allclose(
        (draws["regions"].mean("all") - expected) / variance**0.5, 0.0, atol=4.0 / 2000**0.5
    )
    np.testing.assert_allclose(draws["regions"].std("all") / variance**0.5, 1.0, atol=0.12)
    assert float(draws["level"].mean()) == pytest.approx(mean, abs=4.0 * sd / 2000**0.5)


@pytest.mark.parametrize("curve", [lambda level: SLANTED * level, lambda level: jnp.zeros(REGIONS)])
def test_what_is_straight_stays_so(curve):
    assert framed(banana(curve))[1].coordinates.bends == ()


def test_affine_coordinates_may_be_asked_for():
    target, found = framed(banana(parabola), metrics.Laplace(steps=600, floor=0.1, bends=False))
    assert found.coordinates.bends == ()
    assert target.size == REGIONS + 1


def test_single_numbers_alone_ask_nothing():
    """Of an evoked response all unknowns are numbers of the whole model."""

    def model(y):
        a = numpyro.sample("a", dist.Normal(0.0, 1.0))
        numpyro.sample("b", dist.Normal(a**2, 0.2))
        numpyro.factor("data", 0.0 * y)

    target, found = framed(nmm.NumPyroModel(model))
    assert found.coordinates.bends == ()
    assert target.single().all()


def test_a_bend_ends_before_a_cliff():
    """Where the model fails beyond some level, the curve is followed up to it, and straight on."""

    def model(y):
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        numpyro.sample("regions", dist.Normal(parabola(level), TIGHT).to_event(1))
        numpyro.factor("wall", jnp.where(level > 1.5, jnp.nan, 0.0) + 0.0 * y)

    target, found = framed(nmm.NumPyroModel(model))
    (bend,) = found.coordinates.bends
    level = int(np.flatnonzero(target.single())[0])
    at = np.asarray(found.coordinates.centre)[level] + np.asarray(bend.knots) * np.linalg.norm(
        found.coordinates.scale[level]
    )
    assert at[-1] < 1.5
    assert len(at) >= 4
    beyond = bend(10.0 * bend.along)
    np.testing.assert_allclose(
        beyond - bend(9.0 * bend.along), bend(9.0 * bend.along) - bend(8.0 * bend.along), atol=1e-9
    )


def test_scales_of_hierarchies_do_not_run_away():
    """The mode of all unknowns given the noise has no bottom where the scale is free; the regions' bend is
    followed all the same.
    """
    from nmm_infer.priors import Pooled, Prior

    n, rng = 30, np.random.default_rng(4)
    pooled = Pooled(Prior(dist.Normal(0.0, 1.0)), Prior(dist.LogNormal(np.log(0.3), 0.3)), centred=1.0)
    power = np.exp(2.0 * rng.normal(0.0, 0.3, n)) + 0.3

    def model(y):
        noise = numpyro.sample("noise", dist.Normal(0.5, 0.3))
        v = pooled.draw("v", {"region": n})
        numpyro.sample("y", dist.LogNormal(jnp.log(jnp.exp(2.0 * v) + noise**2), 0.1).to_event(1), obs=y)

    target, found = framed(
        nmm.NumPyroModel(model, shared_scales=("v.sd",)), metrics.Laplace(steps=400), power
    )
    (bend,) = found.coordinates.bends
    scale, noise = target.shared_scales(), target.belonging("noise".__eq__)
    assert noise.sum() == 1
    # Total power stays: what a region loses is what the noise takes, twice over in the logarithm.
    regions = target.belonging("v.x".__eq__)
    for t in (-1.0, 1.0):
        x = np.asarray(found.coordinates.to_latent(t * bend.along))
        straight = np.asarray(found.coordinates.centre + found.coordinates.scale @ (t * bend.along))
        np.testing.assert_allclose(x[scale], straight[scale], atol=1e-6)
        total = np.exp(2.0 * x[regions]) + x[noise] ** 2
        assert np.abs(np.log(total / power)).mean() < 0.1
    assert norm.cdf(float(bend.knots[-1])) > 0.9
