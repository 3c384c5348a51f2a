"""Free scales of hierarchies: where their marginal density is highest, before any draw."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax.scipy.stats import multivariate_normal, norm

import nmm_infer as nmm
from nmm_infer.infer import metrics as metrics
from nmm_infer.infer._progress import progress_bar
from nmm_infer.infer._target import Target
from nmm_infer.priors import Pooled, Prior

GROUPS, NOISE, WALL = 40, 0.5, 0.6
PRIOR = (np.log(0.3), 0.7)  # of the scale: its median is a quarter of the truth
Y = np.random.default_rng(3).normal(0.4, np.hypot(1.2, NOISE), GROUPS)


def problem(centred: float) -> nmm.NumPyroModel:
    """Values of groups that are alike, each seen once."""
    pooled = Pooled(Prior(dist.Normal(0.0, 3.0)), Prior(dist.LogNormal(*PRIOR)), centred=centred)

    def model(y):
        numpyro.sample("y", dist.Normal(pooled.draw("v", {"region": GROUPS}), NOISE), obs=y)

    return nmm.NumPyroModel(model, shared_scales=("v.sd",))


def framed(problem, metric):
    target = Target(problem.condition(Y))
    with progress_bar(False) as bars:
        found = metric.coordinates(target, jax.random.key(0), 4, None, bars)
    return target, found


def marginal_density(log_sd):
    """Joint log density of data and logarithm of the scale, values and mean integrated out."""
    covariance = (jnp.exp(2.0 * log_sd) + NOISE**2) * jnp.eye(GROUPS) + 9.0
    return multivariate_normal.logpdf(Y, jnp.zeros(GROUPS), covariance) + norm.logpdf(log_sd, *PRIOR)


def marginal():
    """Mode and standard deviation of the logarithm of the scale."""
    grid = jnp.linspace(-2.0, 1.5, 3501)
    mode = grid[jnp.argmax(jax.vmap(marginal_density)(grid))]
    return float(mode), float((-jax.hessian(marginal_density)(mode)) ** -0.5)


@pytest.mark.parametrize(
    "centred", [pytest.param(0.0, marks=pytest.mark.by_hand), pytest.param(0.6, marks=pytest.mark.slow), 1.0]
)
def test_scales_are_where_their_marginal_density_is_highest(centred):
    mode, sd = marginal()
    target, found = framed(problem(centred), metrics.Laplace(steps=300))
    scale = target.shared_scales()
    assert abs(float(found.coordinates.centre[scale][0]) - mode) < sd
    covariance = np.asarray(found.coordinates.scale @ found.coordinates.scale.T)
    assert covariance[scale][:, scale].item() ** 0.5 == pytest.approx(sd, rel=0.4)
    # The prior's median, where they were held, is far from there.
    assert abs(PRIOR[0] - mode) > 4 * sd


def test_a_mode_that_is_given_keeps_its_scales():
    sites = {"v.mean": jnp.array(0.4), "v.sd": jnp.array(0.8), "v.z": jnp.asarray((Y - 0.4) / 0.8)}
    target, found = framed(problem(0.0), metrics.Laplace(mode=sites))
    assert float(found.coordinates.centre[target.shared_scales()][0]) == pytest.approx(np.log(0.8))


@pytest.mark.slow
def test_scales_do_not_move_to_where_the_model_fails():
    def model(y):
        sd = numpyro.sample("sd", dist.LogNormal(*PRIOR))
        z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([GROUPS]).to_event(1))
        numpyro.factor("fails", jnp.where(sd > WALL, -jnp.inf, 0.0))
        numpyro.sample("y", dist.Normal(0.4 + sd * z, NOISE), obs=y)

    target, found = framed(nmm.NumPyroModel(model, shared_scales=("sd",)), metrics.Laplace(steps=100))
    # The prior's median is below the wall, and what the data ask for far above it.
    assert (
        np.exp(PRIOR[0])
        < float(jnp.exp(found.coordinates.centre[target.shared_scales()][0]))
        <= WALL
        < np.exp(marginal()[0])
    )


def exactly() -> tuple[float, float, float]:
    """Log evidence, and mean and standard deviation of the logarithm of the scale, by quadrature."""
    grid = np.linspace(-4.0, 2.5, 6501)
    density = np.exp(np.asarray(jax.vmap(marginal_density)(jnp.asarray(grid)), dtype=np.float64))
    evidence = np.trapezoid(density, grid)
    mean = np.trapezoid(grid * density, grid) / evidence
    return np.log(evidence), mean, np.sqrt(np.trapezoid((grid - mean) ** 2 * density, grid) / evidence)


@pytest.mark.parametrize(
    ("centred", "off"),
    [pytest.param(0.0, 0.25, marks=pytest.mark.by_hand), pytest.param(1.0, 0.02, marks=pytest.mark.slow)],
)
def test_laplace_of_a_hierarchy(centred, off):
    """Scales have the uncertainty that they have, and the evidence is that of the whole model; resampling
    mends what is no Gaussian.
    """
    evidence, mean, sd = exactly()
    engine = nmm.infer.Laplace(nmm.infer.MAP(starts=2), draws=4000, predictive_draws=0)
    tree = engine(problem(centred), Y, key=jax.random.key(0), progress=False)
    log_sd = np.log(tree["posterior"]["v.sd"].values)
    assert "held" not in tree.attrs
    assert log_sd.mean() == pytest.approx(mean, abs=0.5 * sd)
    assert log_sd.std() == pytest.approx(sd, rel=0.3)
    assert tree.attrs["log_evidence"] == pytest.approx(evidence, abs=off)
    assert tree.attrs["pareto_k"] < 0.7
    if centred == 1.0:
        mended = dataclasses.replace(engine, resample=True)(
            problem(centred), Y, key=jax.random.key(1), progress=False
        )
        assert np.log(mended["posterior"]["v.sd"].values).std() == pytest.approx(sd, rel=0.08)
        assert mended.attrs["log_evidence"] == pytest.approx(
            evidence, abs=4 * mended.attrs["log_evidence_se"]
        )
        assert mended.attrs["log_evidence_se"] < 0.01
