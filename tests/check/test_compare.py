"""Bridges, stacking, chains in several modes, and comparison of models, against what is known exactly."""

import densities
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trees
import xarray as xr
from jax.scipy.stats import gamma

import nmm_infer as nmm
from nmm_infer.check._diagnostics._multimodality import finding
from nmm_infer.infer._evidence._bridge_sampling import bridge
from nmm_infer.infer._evidence._leave_one_out import leave_one_out
from nmm_infer.infer._evidence._stacking import stacking_weights

KEY = jax.random.key(0)

# ---------------------------------------------------------------- bridges


def test_a_bridge_gives_the_evidence_of_a_skewed_density_within_its_error():
    """log x of gamma variables, with a known constant."""

    def log_density(u):
        return gamma.logpdf(jnp.exp(u), 1.5).sum() + u.sum() + 3.0

    found = [
        bridge(log_density, np.log(np.random.default_rng(k).gamma(1.5, size=(4, 250, 4))), jax.random.key(k))
        for k in range(10)
    ]
    z = np.array([(one.value - 3.0) / one.error for one in found])
    assert max(one.error for one in found) < 0.05
    assert np.abs(z).max() < 4
    assert np.sqrt((z**2).mean()) > 0.3  # the errors are not exaggerated either


def test_the_error_of_a_bridge_knows_autocorrelation():
    """Each draw ten times in a row is worth a tenth; the same draws in a random order look independent."""
    x = np.random.default_rng(0).normal(size=(4, 100, 3))
    f = lambda u: -0.5 * (u**2).sum() - 0.1 * (u**4).sum()  # noqa: E731
    weights = np.exp(-0.1 * (x**4).sum(-1))
    kept = np.random.default_rng(1).uniform(size=weights.shape) < weights
    draws = np.stack([chain[keep][:40] for chain, keep in zip(x, kept, strict=True)])
    runs = np.repeat(draws, 10, axis=1)
    mixed = runs.reshape(-1, 3)[np.random.default_rng(2).permutation(runs.shape[0] * runs.shape[1])].reshape(
        runs.shape
    )
    assert bridge(f, runs, KEY).error > 1.3 * bridge(f, mixed, KEY).error


def test_a_bridge_of_too_few_draws_is_refused():
    with pytest.raises(
        ValueError, match="got 12 draws for 3 unknowns, expected at least 30: draw more, or use SMC"
    ):
        bridge(lambda x: -(x**2).sum(), np.random.default_rng(0).normal(size=(2, 6, 3)), KEY)


# ---------------------------------------------------------------- the family of five


@pytest.fixture(scope="module")
def family():
    """Exact draws of five nested regressions, as an engine returns them; the first three predictors are the
    true ones.
    """
    fits = {}
    for k in range(1, densities.K + 1):
        engine = nmm.infer.Laplace(nmm.infer.MAP(starts=1), draws=1000, predictive_draws=100)
        fits[f"{k} predictors"] = engine(
            densities.linear(k), densities.DATA, key=jax.random.key(k), progress=False
        )
    return fits


def test_the_true_member_of_five_nested_models_wins_with_exact_evidences(family):
    table = nmm.check.compare(family)
    assert table.most_probable == "3 predictors"
    exact = {f"{k} predictors": densities.linear_evidence(k) for k in range(1, 6)}
    for row in table.rows:
        assert row.log_evidence == pytest.approx(exact[row.name], abs=1e-3)
    z = np.exp(np.array(list(exact.values())) - max(exact.values()))
    probability = dict(zip(exact, z / z.sum(), strict=True))
    assert all(row.probability == pytest.approx(probability[row.name], abs=1e-3) for row in table.rows)
    # Leave-one-out cannot tell the true model from one with idle predictors, and says so; it rejects those
    # that lack one.
    assert table.best in ("3 predictors", "4 predictors", "5 predictors")
    assert {row.name for row in table.rows[3:]} == {"1 predictors", "2 predictors"}
    assert "cannot be told from it" in str(table)
    assert sum(row.weight for row in table.rows) == pytest.approx(1.0)
    assert all(row.weight < 0.05 for row in table.rows[3:])
    assert table.observations == densities.N


def test_leave_one_out_is_that_of_the_closed_form(family):
    """The predictive density of a left-out observation of a conjugate regression."""
    X = densities.DESIGN[:, :3]
    exact = 0.0
    for i in range(densities.N):
        keep = np.arange(densities.N) != i
        A, y = X[keep], densities.DATA[keep]
        covariance = np.linalg.inv(np.eye(3) + A.T @ A / densities.NOISE**2)
        mean = covariance @ A.T @ y / densities.NOISE**2
        variance = densities.NOISE**2 + X[i] @ covariance @ X[i]
        exact += -0.5 * np.log(2 * np.pi * variance) - 0.5 * (densities.DATA[i] - X[i] @ mean) ** 2 / variance
    row = next(row for row in nmm.check.compare(family).rows if row.name == "3 predictors")
    assert row.elpd == pytest.approx(exact, abs=0.5)


def test_blocks_leave_out_runs_of_neighbours(family):
    table = nmm.check.compare(family, blocks={"time": 6})
    assert table.observations == densities.N // 6
    assert table.best in ("3 predictors", "4 predictors", "5 predictors")
    with pytest.raises(
        ValueError, match=r"compare\(blocks=...\) names frequency, but 'y' of model '1 predictors' has time"
    ):
        nmm.check.compare(family, blocks={"frequency": 2})


def test_correlated_residuals_are_named(family):
    """A slow wave that no model knows of is added to the data."""
    slow = np.sin(np.arange(densities.N) / 5.0)
    changed = {}
    for name, tree in family.items():
        tree = trees.changed(tree, observed_data=tree["observed_data"].to_dataset() + slow)
        changed[name] = tree
    assert "residuals of neighbouring samples correlate" in str(nmm.check.compare(changed))
    assert "blocks={'time': n}" in str(nmm.check.compare(changed))
    assert "residuals of neighbouring samples" not in str(nmm.check.compare(family))


def test_bridge_laplace_and_smc_agree_on_a_problem(family):
    exact = densities.linear_evidence(3)
    bridged = nmm.infer.bridge_sampling(densities.linear(3), densities.DATA, family["3 predictors"], key=KEY)
    assert bridged.attrs["log_evidence"] == pytest.approx(
        exact, abs=max(4 * bridged.attrs["log_evidence_se"], 0.01)
    )
    assert bridged.attrs["log_evidence_method"] == "bridge sampling"
    smc = nmm.infer.SMC(particles=500, chains=4, predictive_draws=0)(
        densities.linear(3), densities.DATA, key=KEY, progress=False
    )
    assert smc.attrs["log_evidence"] == pytest.approx(exact, abs=0.2)
    assert smc.attrs["log_evidence"] == pytest.approx(exact, abs=5 * smc.attrs["log_evidence_se"])
    with pytest.raises(ValueError, match="pass the data of the fit"):
        nmm.infer.bridge_sampling(densities.linear(3), densities.DATA + 1.0, family["3 predictors"], key=KEY)
    with pytest.raises(
        ValueError,
        match=(
            r"got draws of w \[3\], the problem has the unknowns w \[4\]; pass what an engine returned for"
            r" this problem"
        ),
    ):
        nmm.infer.bridge_sampling(densities.linear(4), densities.DATA, family["3 predictors"], key=KEY)


def test_what_cannot_be_compared_is_refused(family):
    one, two = family["1 predictors"], family["2 predictors"]
    with pytest.raises(ValueError, match="got 1 model, expected at least 2"):
        nmm.check.compare({"a": one})
    with pytest.raises(ValueError, match="models of different data"):
        nmm.check.compare({"a": one, "b": trees.with_attrs(two, data_hash="other")})
    with pytest.raises(ValueError, match="'b'] has no log_likelihood, which leave-one-out needs"):
        nmm.check.compare({"a": one, "b": trees.changed(two, log_likelihood=None)})
    few = trees.changed(two, posterior=two["posterior"].to_dataset().isel(draw=slice(0, 10)))
    with pytest.raises(ValueError, match="'b'] has 10 draws, expected at least 25"):
        nmm.check.compare({"a": one, "b": few})
    short = trees.changed(two, log_likelihood=two["log_likelihood"].to_dataset().isel(time=slice(0, 10)))
    with pytest.raises(ValueError, match=r"different numbers of observations: \{'a': 60, 'b': 10\}"):
        nmm.check.compare({"a": one, "b": short})
    bare = {name: trees.with_attrs(tree) for name, tree in (("a", one), ("b", two))}
    del bare["b"].attrs["log_evidence"]
    assert "no evidence for b: fit with nmm.infer.SMC()" in str(nmm.check.compare(bare))
    assert nmm.check.compare(bare).most_probable is None


# ---------------------------------------------------------------- chains in several places


def test_chains_in_several_places_are_grouped_and_named():
    assert not nmm.check.modes(trees.good()).several
    found = nmm.check.modes(trees.unmixed())
    assert found.groups == ((0, 1, 3), (2,)) or found.groups == ((2,), (0, 1, 3))
    assert found.apart == ("coupling.G",)
    assert "The chains are in 2 places, apart in coupling.G:" in str(found)


def test_lower_chains_are_a_local_optimum_and_equal_ones_a_posterior():
    tree = trees.unmixed()
    lp = tree["sample_stats"]["lp"].values.copy()
    lp[2] -= 50.0
    lower = nmm.check.modes(trees.with_stats(tree, lp=lp))
    assert lower.groups == ((0, 1, 3), (2,))
    assert lower.log_density[0] - lower.log_density[1] == pytest.approx(50.0, abs=2.0)
    assert "sit in a local optimum" in str(lower)
    assert "several modes of similar height" in str(nmm.check.modes(tree))


def test_the_finding_for_diagnose():
    tree = trees.unmixed()
    bad = finding(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset())
    assert bad.severity == "problem"
    assert "apart in coupling.G" in bad.measured
    assert finding(trees.good()["posterior"].to_dataset(), None).severity == "good"
    assert finding(trees.single_chain()["posterior"].to_dataset(), None) is None


# ---------------------------------------------------------------- stacking


def test_stacking_weights_are_those_that_predict_best():
    """Two experts, each right about its own part of the data: weights are the shares."""
    elpd = np.full((100, 2), -60_000.0)
    elpd[:70, 0] += 50.0
    elpd[70:, 1] += 50.0
    np.testing.assert_allclose(stacking_weights(elpd), [0.7, 0.3], atol=1e-3)
    np.testing.assert_allclose(stacking_weights(elpd[:70]), [1.0, 0.0], atol=1e-6)


def chains_of(means, draws=200, seed=0):
    """Chains at different places of the mean of normal data."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=30)
    mu = np.asarray(means)[:, None] + 0.1 * rng.normal(size=(len(means), draws))
    loglik = -0.5 * (y - mu[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    coords = {"chain": np.arange(len(means)), "draw": np.arange(draws)}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (("chain", "draw"), mu)}, coords=coords),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "time"), loglik)}, coords=coords),
            "observed_data": xr.Dataset({"y": (("time",), y)}),
        }
    )


def test_a_stacked_tree_leaves_out_chains_that_predict_badly():
    tree = chains_of([0.0, 5.0, -4.0])
    stacked = nmm.infer.stack(tree)
    w = stacked.attrs["stacking_weights"]
    assert w[0] > 0.99
    assert stacked["posterior"]["mu"].dims == ("chain", "draw")
    np.testing.assert_array_equal(stacked["posterior"]["mu"].values[0], tree["posterior"]["mu"].values[0])
    assert (stacked["posterior"]["source_chain"] == 0).all()
    assert stacked["log_likelihood"]["y"].dims == ("chain", "draw", "time")
    np.testing.assert_array_equal(stacked["observed_data"]["y"], tree["observed_data"]["y"])


def test_draws_of_a_stacked_tree_have_the_shares_of_the_weights():
    stacked = nmm.infer.stack(chains_of([-0.6, 0.6], seed=1))
    w = stacked.attrs["stacking_weights"]
    source = stacked["posterior"]["source_chain"].values
    np.testing.assert_allclose(np.bincount(source, minlength=2) / source.size, w, atol=0.01)
    assert w.sum() == pytest.approx(1.0)


def test_an_observation_that_no_parameter_changes_has_its_own_density():
    tree = chains_of([0.0, 5.0])
    pointwise = tree["log_likelihood"].to_dataset()
    pointwise["y"][:, :, 0] = -1.25
    found = leave_one_out(tree["posterior"].to_dataset().isel(chain=[0]), pointwise.isel(chain=[0]))
    rest = leave_one_out(
        tree["posterior"].to_dataset().isel(chain=[0]), pointwise.isel(chain=[0], time=slice(1, None))
    )
    assert found.elpd[0] == -1.25
    np.testing.assert_array_equal(found.elpd[1:], rest.elpd)
    assert found.p_loo == rest.p_loo
    assert nmm.infer.stack(trees.changed(tree, log_likelihood=pointwise)).attrs["stacking_weights"][0] > 0.99


def test_stacking_needs_chains_and_a_likelihood():
    with pytest.raises(ValueError, match=r"stack\(tree\) got one chain, expected at least 2"):
        nmm.infer.stack(chains_of([0.0]))
    with pytest.raises(ValueError, match=r"stack\(tree\) got 10 draws a chain, expected at least 25"):
        nmm.infer.stack(chains_of([0.0, 1.0], draws=10))
    with pytest.raises(ValueError, match=r"stack\(tree\) needs the group 'log_likelihood', got posterior"):
        nmm.infer.stack(trees.posterior_only())
