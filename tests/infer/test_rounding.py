"""Densities that single precision cannot tell from their neighbours' are named before chains crawl
on them.
"""

import warnings
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nmm_infer.infer._rounding import warn_of_rounding

STARTS = np.random.default_rng(0).normal(size=(4, 10))


def posterior(rough):
    def density(u):
        # As if its arguments had been rounded.
        return -0.5 * u @ u + rough(u)

    return SimpleNamespace(value_and_gradient=lambda u: (density(u), -u))


def smooth(u):
    return 0.0


def rounded(u):
    return 0.5 * jnp.sin(1e5 * u.sum())


def full_of_holes(u):
    return jnp.where(jnp.any(u == STARTS), 0.0, -jnp.inf)


def walled(u):
    """Zero beside the first start."""
    return jnp.where((u[0] == STARTS[0, 0]) | (jnp.abs(u[0] - STARTS[0, 0]) > 0.1), 0.0, -jnp.inf)


@pytest.mark.parametrize(
    ("rough", "message"),
    [
        (rounded, "of neighbours differs by up to [0-9.]+ more"),
        (full_of_holes, "is zero at one of two neighbours"),
    ],
)
def test_rough_densities_are_named(rough, message):
    with pytest.warns(
        UserWarning, match=f"dtype='float32' is too coarse here: the density {message}.*use dtype='float64'"
    ):
        assert warn_of_rounding(posterior(rough), STARTS, jax.random.key(0)) == 8


@pytest.mark.parametrize("rough", [smooth, walled])
def test_smooth_ones_and_those_with_walls_are_not(rough):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_rounding(posterior(rough), STARTS, jax.random.key(0))
