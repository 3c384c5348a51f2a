"""Coordinates of many posteriors in one program are those that each has alone."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline

from nmm_infer.infer.metrics._affine import Bend, Coordinates, stacked

N = 3


def bend(rng, scale, knots):
    """A natural spline through random shifts, the moving unknown itself left where it is."""
    at = np.arange(knots) - knots // 2 + 0.0
    shifts = rng.normal(size=(knots, N)) * [0.0, 1.0, 1.0]
    return Bend(
        *map(
            jnp.asarray,
            (scale[0] / np.linalg.norm(scale[0]), at, CubicSpline(at, shifts, bc_type="natural").c),
        )
    )


def test_bends_that_are_filled_up_change_nothing():
    rng = np.random.default_rng(0)
    scale = np.eye(N) + 0.1 * rng.normal(size=(N, N))
    bends = [(), (bend(rng, scale, 3),), (bend(rng, scale, 6), bend(rng, scale, 2))]
    alone = [Coordinates(jnp.asarray(rng.normal(size=N)), jnp.asarray(scale), some) for some in bends]
    together = stacked(alone)
    # Between the knots, and beyond them on both sides.
    u = jnp.asarray(rng.normal(size=(50, N)) * [4.0, 1.0, 1.0])
    there = jax.vmap(lambda one: jax.vmap(one.to_latent)(u))(together)
    back = jax.vmap(lambda one, x: one.from_latent(x))(together, there)
    for k, one in enumerate(alone):
        np.testing.assert_allclose(there[k], jax.vmap(one.to_latent)(u), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(back[k], u, atol=1e-10)


def test_coordinates_without_a_scale_stay_so():
    assert stacked([Coordinates(), Coordinates()]).scale is None
