"""Initial states as people give them: by name, with labels and units, from another run, unknown, at
random.
"""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import xarray as xr
from numpyro import handlers

import nmm_infer as nmm
from nmm_infer import couplings, models

REGIONS = ("a", "b", "c")
CONNECTOME = nmm.Connectome(np.ones((3, 3)) - np.eye(3), labels=REGIONS)
ONE = np.array([0.1, 0.2, 0.3])


def network(initial=None, model=None, connectome=CONNECTOME):
    return nmm.Network(model or models.Hopf(), connectome, couplings.Additive(G=0.1), initial=initial)


DEFAULT = network().initial
ROWS = {
    "number": 0.5,
    "array": ONE,
    "list": list(ONE),
    "series": pd.Series(ONE, REGIONS)[["c", "a", "b"]],
    "dataarray": xr.DataArray(ONE, dims="region", coords={"region": list(REGIONS)}).isel(region=[1, 2, 0]),
    "scalar dataarray": xr.DataArray(0.5),
    "quantity": 0.5 * u.UNITLESS,
    "traced kind": jnp.asarray(ONE),
}


@pytest.mark.parametrize("name", ROWS)
def test_states_by_name(name):
    initial = network({"y": ROWS[name]}).initial
    np.testing.assert_allclose(initial, [DEFAULT[0], 0.5 * np.ones(3) if np.ndim(ROWS[name]) == 0 else ONE])


def test_units_of_single_states():
    initial = nmm.Network(models.MontbrioPazoRoxin(), initial={"r": 10 * u.Hz}).initial
    assert initial[0, 0] == pytest.approx(0.01)
    with pytest.raises(nmm.UnitError, match=r"initial=.*'r'"):
        nmm.Network(models.MontbrioPazoRoxin(), initial={"r": 10 * u.mV})


def test_what_was_simulated_is_where_another_begins():
    trajectory = nmm.solve(network({"x": ONE}), 2.0, step=0.5)
    data = nmm.simulate(network({"x": ONE}), 2.0, step=0.5)
    tree = xr.DataTree.from_dict({"run": data})
    shuffled = nmm.Connectome(CONNECTOME.weights, labels=("c", "a", "b"))
    for given in (trajectory, data, data.isel(time=-1), data.isel(region=[2, 1, 0]), tree["run"]):
        np.testing.assert_array_equal(network(given).initial, trajectory.values[-1])
        np.testing.assert_array_equal(
            network(given, connectome=shuffled).initial, trajectory.values[-1][:, jnp.array([2, 0, 1])]
        )
    np.testing.assert_array_equal(
        network(data[["y"]].isel(time=-1)).initial, [DEFAULT[0], trajectory.values[-1, 1]]
    )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"z": 0.0}, ValueError, "has z, expected some of the states of Hopf: x, y"),
        (
            {"x": np.ones(2)},
            ValueError,
            r"at 'x' has shape \(2,\), expected a number or one for each of the 3 regions",
        ),
        ({"x": np.nan}, ValueError, r"at 'x' contains NaN"),
        ({"x": pd.Series(ONE, ["a", "b", "d"])}, ValueError, r"at 'x' has other labels"),
        (
            nmm.solve(nmm.Network(nmm.models.Hopf()), 1.0, step=0.5).final,
            ValueError,
            "got the end of a run with the regions region, expected a, b, c",
        ),
    ],
    ids=["name", "shape", "nan", "labels", "ending"],
)
def test_what_does_not_fit_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        network(given)


def test_some_states_may_be_unknown():
    net = network({"y": nmm.Prior(dist.Uniform(-0.5, 0.5), over="region")})
    with handlers.trace() as trace, handlers.seed(rng_seed=0):
        drawn = nmm.sample(net)
    assert trace["initial.y"]["value"].shape == (3,)
    np.testing.assert_array_equal(drawn.initial, [DEFAULT[0], trace["initial.y"]["value"]])
    assert np.ptp(drawn.initial[1]) > 0


def test_random_starts_from_keys():
    net = network({"x": nmm.Prior(dist.Normal(0.0, 0.1), over="region"), "y": 0.2})
    with handlers.trace() as trace, handlers.seed(rng_seed=0):
        one = nmm.sample(net, key=7)
    assert not trace  # they belong to no model
    np.testing.assert_array_equal(one.initial, nmm.sample(net, key=jax.random.key(7)).initial)
    starts = jax.vmap(lambda key: nmm.solve(nmm.sample(net, key=key), 1.0, step=0.5).values[0])(
        jax.random.split(jax.random.key(0), 4)
    )
    assert np.ptp(starts[:, 0], axis=0).min() > 0


@pytest.mark.parametrize("n", [5, 68])
def test_phases_start_incoherent(n):
    connectome = nmm.Connectome(np.ones((n, n)) - np.eye(n))
    theta = nmm.Network(models.Kuramoto(), connectome, couplings.Kuramoto(K=0.1)).initial[0]
    assert theta[0] == 0.0
    assert np.all(np.abs(theta) <= np.pi)
    assert abs(np.exp(1j * theta).mean()) < 1.1 / n
    members = nmm.Network(
        {"phases": models.Kuramoto(), "rates": models.LeakyIntegrator()},
        connectome,
        couplings.Additive(G=0.0),
        groups={"rates": connectome.labels[:2]},
    )
    np.testing.assert_array_equal(members.initial[0, 2:], theta[: n - 2])
