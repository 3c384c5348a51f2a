"""Parts that work alone must work together: every model under every likelihood, and both in every engine and
arrangement.
"""

import compositions
import equinox as eqx
import jax
import numpy as np
import pytest

import nmm_infer as nmm
from nmm_infer.infer._target import Target
from nmm_infer.infer.devices import Parallel


def parametrised(rows, by_default, in_ci):
    """Those of the default tests, those of CI beside them, and the rest of the battery."""

    def marks(row):
        return () if row in by_default else pytest.mark.slow if row in in_ci else pytest.mark.battery

    return [pytest.param(*row, marks=marks(row), id="-".join(map(str, row))) for row in rows]


# What CI tries, the default tests the first; all else is `pytest -m battery`, which takes two cores some
# twenty minutes. Of the prior, two at a time, until both have a density.
DRAWS = 20
GRADIENTS = [
    ("wong_wang_exc_inh", "Spectral", False),
    ("hopf", "Spectral", False),
    ("mixed", "Spectral", False),
]


@eqx.filter_jit
def one_by_one(target, x):
    return jax.lax.map(jax.value_and_grad(target.log_density), x)


@eqx.filter_jit
def at_once(target, x):
    return jax.vmap(jax.value_and_grad(target.log_density))(x)


@eqx.filter_jit
def on_devices(target, x):
    return Parallel().program(lambda target, x: jax.value_and_grad(target.log_density)(x))(target, x)


@pytest.mark.parametrize(
    ("model", "likelihood", "delays"),
    parametrised(
        [row for row in compositions.problems() if not row[2] or row[1] == "Spectral"],
        GRADIENTS[:1],
        GRADIENTS,
    ),
)
def test_a_gradient_is_the_same_alone_in_a_batch_and_on_devices(model, likelihood, delays):
    problem = compositions.problem(model, likelihood, delays)
    target = Target(problem.condition(compositions.data(problem, likelihood)))
    draws = target.prior_draws(jax.random.key(0), 2 * DRAWS).reshape(DRAWS, 2, -1)
    x, (value, gradient) = next(
        (x, found) for x in draws if np.isfinite((found := one_by_one(target, x))[0]).all()
    )
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max(axis=0).min() > 0
    for way in (at_once, on_devices):
        other_value, other_gradient = way(target, x)
        np.testing.assert_allclose(other_value, value, rtol=1e-8)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-5, atol=1e-7 * np.abs(gradient).max())
    # Along one direction, against differences.
    direction = jax.random.normal(jax.random.key(1), x.shape[1:])
    h = 1e-5
    ahead, behind = (one_by_one(target, x + sign * h * direction)[0] for sign in (1, -1))
    np.testing.assert_allclose(
        (ahead - behind) / (2 * h), gradient @ direction, rtol=2e-4, atol=1e-5 * np.abs(gradient).max()
    )


RUNS = compositions.covering(compositions.runs())
# Chains of neural masses on devices: what broke first.
NONLINEAR = [
    ("reduced_wong_wang", "Spectral", False, "NUTS", "Parallel"),
    ("jansen_rit", "Covariance", True, "NUTS(Laplace)", "Parallel"),
]
# Those that rest at one place, or where they are told to.
ONE_PLACE = {"linear", "leaky", "hopf", "told_where_it_rests"}


@pytest.mark.parametrize(
    ("model", "likelihood", "delays", "engine", "arrangement"),
    parametrised(RUNS, RUNS[:1], [*RUNS[:1], *NONLINEAR]),
)
def test_every_engine_runs_on_every_model_and_likelihood(model, likelihood, delays, engine, arrangement):
    problem = compositions.problem(model, likelihood, delays)
    data = compositions.data(problem, likelihood)
    tree = compositions.engine(engine, arrangement)(problem, data, key=jax.random.key(0), progress=False)
    names = set(tree["posterior"].data_vars)
    assert names == set(tree["prior"].data_vars)
    assert set(tree["observed_data"].data_vars) == set(tree["posterior_predictive"].data_vars)
    for name in names:
        assert np.isfinite(tree["posterior"][name].values).all(), name
    assert str(nmm.check.diagnose(tree))
    # Where it rests is a part of the result.
    rests = likelihood in ("Spectral", "Covariance") and model not in ONE_PLACE
    assert ("rest" in tree.children) == rests
    if rests:
        for where in tree["rest"].data_vars.values():
            assert where.dims == ("chain", "draw", "region")
            assert list(where.coords["region"].values) == list(compositions.CONNECTOME.labels)
            assert np.isfinite(where.values).all()


def test_the_runs_of_ci_are_runs_of_the_battery():
    assert set(NONLINEAR) <= set(RUNS)


def test_few_runs_have_every_pair():
    rows = list(compositions.itertools.product("abc", (1, 2), (True, False), "xyz"))
    chosen = compositions.covering(rows)
    assert len(chosen) < len(rows) / 3
    for i, j in ((0, 1), (0, 3), (1, 2), (2, 3)):
        assert {(row[i], row[j]) for row in chosen} == {(row[i], row[j]) for row in rows}
