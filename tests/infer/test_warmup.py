"""The schedule of warmup."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from blackjax.adaptation.window_adaptation import build_schedule

import nmm_infer as nmm
from nmm_infer.infer._mcmc._warmup import NOTHING, STEP_SIZE, STEP_SIZE_AND_METRIC, stages


@pytest.mark.parametrize("warmup", [150, 300, 1000])
def test_long_ones_are_those_of_stan(warmup):
    found, expected = stages(warmup, 10, 25), np.asarray(build_schedule(warmup))
    np.testing.assert_array_equal(found.kind[:warmup], expected[:, 0])
    np.testing.assert_array_equal(found.window_ends[:warmup], expected[:, 1].astype(bool))


@pytest.mark.parametrize("warmup", [0, 1, 19, 20, 50, 100, 149])
def test_short_ones(warmup):
    """Step size, metric, step size, draws; the step size has half of the time to itself after the metric."""
    plan = stages(warmup, 10, 25)
    assert len(plan.kind) % 25 == 0
    assert len(plan.kind) >= warmup + 10
    assert (plan.kind[warmup:] == NOTHING).all()
    assert (plan.kind[:warmup] != NOTHING).all()
    np.testing.assert_array_equal(np.flatnonzero(plan.warmup_ends), [warmup - 1] if warmup else [])
    ends = np.flatnonzero(plan.window_ends)
    if warmup < 20:
        assert not len(ends)
        assert (plan.kind[:warmup] == STEP_SIZE).all()
        return
    after = min(warmup // 2, 50)
    np.testing.assert_array_equal(ends, [warmup - after - 1])
    assert (plan.kind[warmup - after : warmup] == STEP_SIZE).all()
    assert (plan.kind[warmup - after - 1] == STEP_SIZE_AND_METRIC).all()


@pytest.mark.slow
def test_step_sizes_after_a_short_warmup_are_alike():
    """With the tenth that Stan leaves, step sizes of chains in one Gaussian had a standard deviation of 0.18
    of their logarithm, not 0.08.
    """
    scale = jnp.exp(jnp.linspace(-0.3, 0.3, 100))

    def gaussian(data):
        with numpyro.plate("i", 100):
            numpyro.sample("x", dist.Normal(0.0, scale))
        numpyro.sample("y", dist.Normal(0.0, 1.0), obs=data)

    engine = nmm.infer.NUTS(
        draws=50,
        warmup=100,
        chains=24,
        metric=nmm.infer.metrics.Diagonal(),
        target_acceptance=0.9,
        arrangement=nmm.infer.devices.Vectorised(),
        predictive_draws=0,
    )
    found = engine(nmm.NumPyroModel(gaussian), np.array(0.0), key=jax.random.key(0), progress=False)[
        "sample_stats"
    ]
    assert np.log(found["step_size"].values[:, 0]).std() < 0.12
    assert 0.86 < float(found["acceptance_rate"].mean()) < 0.96
