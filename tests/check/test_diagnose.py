import copy

import numpy as np
import pytest
import trees
import xarray as xr

from nmm_infer.check import diagnose, predictive
from nmm_infer.check._predictive import Prediction
from nmm_infer.check._table import contraction
from nmm_infer.results import Kind

# Each broken tree, and exactly the criteria that are not met in it with their severity.
BROKEN = {
    "good": (trees.good, {}),
    "divergent": (trees.divergent, {"divergences": "problem"}),
    "unmixed": (
        trees.unmixed,
        {"R-hat": "problem", "bulk ESS": "problem", "tail ESS": "problem", "modes": "problem"},
    ),
    "sticky": (trees.sticky, {"R-hat": "problem", "bulk ESS": "problem", "tail ESS": "problem"}),
    "next_to_nothing": (
        trees.next_to_nothing,
        {"R-hat": "problem", "bulk ESS": "problem", "tail ESS": "problem"},
    ),
    "low_energy": (trees.low_energy, {"E-BFMI": "problem"}),
    "saturated": (trees.saturated, {"tree depth": "problem"}),
    "rarely_saturated": (lambda: trees.saturated(0.005), {"tree depth": "warning"}),
    "failing": (trees.failing, {"failed simulations": "problem"}),
    "rarely_failing": (lambda: trees.failing(3), {"failed simulations": "warning"}),
    "walls": (lambda: trees.at_walls(unstable=300), {"walls": "note"}),
    "walls_in_the_warmup": (lambda: trees.at_walls(0.0, unstable=300), {}),
    "walls_everywhere": (lambda: trees.at_walls(0.6, unstable=3000), {"walls": "warning"}),
    "without_fixed_points": (lambda: trees.at_walls(no_fixed_point=1000, unstable=10), {"walls": "warning"}),
    "no_walls": (lambda: trees.at_walls(0.0, unstable=0, no_fixed_point=0, zero_density=0), {}),
    "svi_at_an_edge": (trees.svi_at_an_edge, {"approximation": "warning", "optimisation": "problem"}),
    "svi_over_an_edge": (
        lambda: trees.with_attrs(trees.svi(), zero_density=3000),
        {"approximation": "warning", "walls": "warning"},
    ),
    "wider": (trees.wider, {"what was learnt": "warning"}),
    "heavy_tailed": (trees.heavy_tailed, {"what was learnt": "note"}),
    "a new approximation": (
        lambda: trees.with_attrs(
            trees.unmixed(), engine="Flow(layers=3)", draws_are="independent draws of an approximation"
        ),
        {"approximation": "warning"},
    ),
    "a new population": (
        lambda: trees.with_attrs(
            trees.changed(trees.smc(), tempering=None), engine="Ensemble()", draws_are="populations"
        ),
        {},
    ),
    "interrupted": (trees.interrupted, {"interrupted run": "warning"}),
    "uninformed": (trees.uninformed, {"what was learnt": "note"}),
    "svi": (trees.svi, {"approximation": "warning"}),
    "svi_falling": (lambda: trees.svi(falling=True), {"approximation": "warning", "optimisation": "problem"}),
    "posterior_only": (
        trees.posterior_only,
        {"divergences": "warning", "E-BFMI": "warning", "what was learnt": "note"},
    ),
    "evoked": (trees.evoked, {}),
    "influenced": (trees.influenced, {"Pareto k (LOO)": "warning"}),
    "smc": (trees.smc, {}),
    "smc_copies": (
        lambda: trees.smc(copies=5),
        {"particles": "problem", "R-hat": "problem", "bulk ESS": "problem"},
    ),
    "smc_stuck": (lambda: trees.smc(acceptance=0.03), {"temperatures": "warning"}),
    "smc_cut": (lambda: trees.smc(last=0.3), {"temperatures": "problem"}),
    "mclmc": (trees.mclmc, {"energy error": "note"}),
    "mclmc_untuned": (lambda: trees.mclmc(error=5e-3), {"energy error": "problem"}),
    "map": (trees.point, {"approximation": "warning", "what was learnt": "note"}),
    "khat": (lambda: trees.with_attrs(trees.svi(), pareto_k=1.3), {"Pareto k-hat": "problem"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_finding_fires_exactly_when_it_should(name):
    make, expected = BROKEN[name]
    diagnosis = diagnose(make())
    assert {finding.what: finding.severity for finding in diagnosis.findings} == expected
    assert diagnosis.ok == ("problem" not in expected.values())
    for finding in diagnosis.findings:
        assert finding.remedy
        assert finding.remedy in " ".join(str(diagnosis).split())


def test_walls_are_named_by_their_reasons():
    walls = next(
        check
        for check in diagnose(trees.at_walls(unstable=300, zero_density=7)).checks
        if check.what == "walls"
    )
    assert walls.measured.endswith(
        "% of the trajectories ended at one; the network is unstable at 300, the density is zero at 7 points"
    )
    assert "the prior reaches where the network is unstable, and the posterior ends there" in walls.remedy
    burden = diagnose(trees.at_walls(0.6, unstable=3000)).findings[0]
    assert "the draws are valid" in burden.remedy
    assert "nearer to its fixed point" in diagnose(trees.at_walls(no_fixed_point=1000)).findings[0].remedy


def test_a_posterior_wider_than_the_prior_is_not_called_the_prior():
    finding = diagnose(trees.wider()).findings[0]
    assert finding.measured == "the posterior is wider than the prior: likelihood.noise (3.3 times)"
    assert "data and prior disagree there, or the chains have not converged" in finding.remedy
    heavy = trees.heavy_tailed()
    assert (
        float(contraction(heavy["posterior"]["likelihood.noise"], heavy["prior"]["likelihood.noise"])) < -0.1
    )
    assert diagnose(heavy).findings[0].measured == "nothing about likelihood.noise"


def test_pareto_k_is_that_of_arviz():
    import arviz_stats

    tree = trees.influenced()
    kept = tree["log_likelihood"]["y"].isel(time=slice(1, None))  # arviz refuses the constant one
    loo = arviz_stats.loo(trees.changed(tree, log_likelihood=kept.to_dataset()), pointwise=True, reff=1.0)
    found = next(check for check in diagnose(tree).checks if check.what == "Pareto k (LOO)")
    assert found.measured == f"1 of 39 observations above, at most {float(loo.pareto_k.max()):.2f}"


def test_one_chain_has_no_r_hat():
    found = {finding.what: finding for finding in diagnose(trees.single_chain()).findings}
    assert found["R-hat"].measured == "not available: one chain"
    assert "chains=4" in found["R-hat"].remedy
    assert "R-hat" not in {finding.what for finding in diagnose(trees.svi()).findings}


def test_words_name_what_was_measured():
    text = str(diagnose(trees.unmixed()))
    assert text.startswith("Do not use these draws yet: 4 problems.")
    assert "at coupling.G" in text
    assert "gathered at low model.tau.sd" in str(diagnose(trees.divergent()))
    assert "stopped after 300 draws a chain" in str(diagnose(trees.interrupted()))
    assert "nothing about likelihood.noise" in str(diagnose(trees.uninformed()))


def test_a_noise_that_data_hardly_show_is_told_from_one_that_is_slow():
    advice = (
        "likelihood.noise reaches down to nothing: if it is a standard deviation, nmm.RootHalfNormal is a"
        " prior"
    )
    assert advice in " ".join(str(diagnose(trees.next_to_nothing())).split())
    assert "down to nothing" not in str(diagnose(trees.sticky()))


def test_numbers_agree_with_arviz():
    import arviz_stats

    tree = trees.unmixed()
    row = next(row for row in diagnose(tree).table if row.name == "model.tau")
    tau = tree["posterior"].to_dataset()[["model.tau"]]
    assert row.r_hat == pytest.approx(float(arviz_stats.rhat(tau)["model.tau"].max()))
    assert row.ess_bulk == pytest.approx(float(arviz_stats.ess(tau)["model.tau"].min()))
    assert row.ess_tail == pytest.approx(float(arviz_stats.ess(tau, method="tail")["model.tau"].min()))
    assert row.unit == "ms"
    assert row.size == 10


def test_contraction_is_one_minus_the_ratio_of_variances():
    rng = np.random.default_rng(0)
    prior = xr.DataArray(rng.normal(0, 2, (1, 100_000)), dims=("chain", "draw"))
    posterior = xr.DataArray(rng.normal(3, 1, (4, 50_000)), dims=("chain", "draw"))
    assert float(contraction(posterior, prior)) == pytest.approx(0.75, abs=0.01)
    assert np.isnan(float(contraction(posterior, xr.ones_like(prior))))


def test_constants_are_named_and_break_nothing():
    tree = trees.with_posterior(
        trees.good(),
        fixed=(("chain", "draw"), np.full((4, 500), 3.0)),
        zeros=(("chain", "draw"), np.zeros((4, 500))),
    )
    diagnosis = diagnose(tree)
    assert diagnosis.ok
    assert [row.name for row in diagnosis.table if row.constant] == ["fixed", "zeros"]
    assert "constant" in str(diagnosis)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("draws", "measured"),
    [
        (np.full((4, 100), 0.7), "all draws are equal in mu"),
        (np.full((4, 100), "text"), "no parameter is numeric: mu"),
    ],
)
def test_draws_that_never_move_are_a_problem_whatever_made_them(kind, draws, measured):
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (("chain", "draw"), draws)})})
    diagnosis = diagnose(_said(tree, kind))
    assert not diagnosis.ok
    assert any(
        finding.severity == "problem" and measured in finding.measured for finding in diagnosis.findings
    )


def _said(tree, kind):
    tree.attrs["draws_are"] = str(kind)
    return tree


def test_one_constant_region_among_varying_ones():
    tree = trees.good()
    tau = tree["posterior"]["model.tau"].copy()
    tau[..., 3] = 1000.0
    assert diagnose(trees.with_posterior(tree, model__tau=tau)).ok


def test_chains_that_never_move_are_not_constant():
    stuck = np.repeat(np.arange(4.0)[:, None], 500, axis=1)
    diagnosis = diagnose(trees.with_posterior(trees.good(), stuck=(("chain", "draw"), stuck)))
    assert {f.what for f in diagnosis.findings} >= {"R-hat", "bulk ESS"}


def test_likelihoods_of_chains_that_never_move_have_no_tail():
    tree = trees.influenced()
    y = tree["log_likelihood"]["y"]
    tree["log_likelihood"]["y"] = y.isel(draw=[0] * y.sizes["draw"]).assign_coords(draw=y["draw"])
    assert "Pareto k (LOO)" not in {check.what for check in diagnose(tree).checks}


def test_nan_among_draws_is_a_problem():
    tree = trees.good()
    G = tree["posterior"]["coupling.G"].copy()
    G[0, 0] = np.nan
    found = {f.what: f for f in diagnose(trees.with_posterior(tree, coupling__G=G)).findings}
    assert found["finite draws"].measured == "NaN or infinite values in coupling.G"


def test_two_draws_are_few_but_no_error():
    tree = trees.good()
    few = trees.changed(
        tree,
        **{
            name: tree[name].to_dataset().isel(draw=slice(0, 2))
            for name in ("posterior", "sample_stats", "posterior_predictive")
        },
    )
    assert not diagnose(few).ok


def test_a_tree_without_posterior_is_refused():
    tree = trees.changed(trees.good(), posterior=None)
    with pytest.raises(ValueError, match=r"needs posterior draws .* got a tree with sample_stats"):
        diagnose(tree)


@pytest.mark.parametrize("pareto_k", [0.3, 1.2])
def test_pareto_k_judges_an_approximation(pareto_k):
    diagnosis = diagnose(trees.with_attrs(trees.svi(), pareto_k=pareto_k))
    assert diagnosis.ok == (pareto_k < 0.7)


def test_nothing_is_changed():
    tree = trees.good()
    before = copy.deepcopy(tree)
    diagnose(tree)
    predictive(tree)
    assert tree.identical(before)


@pytest.mark.parametrize(
    "group", ["sample_stats", "prior", "posterior_predictive", "observed_data", "constant_data"]
)
def test_any_group_may_be_absent(group):
    tree = trees.changed(trees.good(), **{group: None})
    assert diagnose(tree).ok
    assert str(predictive(tree))


def test_predictive_numbers():
    tree = trees.good()
    prediction = predictive(tree)
    upper = np.triu_indices(10, 1)
    expected = np.corrcoef(
        tree["posterior_predictive"]["fc"].mean(("chain", "draw")).values[upper],
        tree["observed_data"]["fc"].values[upper],
    )[0, 1]
    assert prediction.fc_correlation == pytest.approx(expected)
    low, high = prediction.fc_interval
    assert low < high <= 1
    assert 0.8 < prediction.power_coverage < 1
    assert prediction.structure_correlation > 0.3
    assert prediction.missing == ()
    assert "90 %" in str(prediction)


def test_predictive_falls_back_to_the_correlation_of_the_data():
    tree = trees.good()
    without_fc = trees.changed(tree, observed_data=tree["observed_data"].to_dataset().drop_vars("fc"))
    upper = np.triu_indices(10, 1)
    measured = np.corrcoef(tree["constant_data"]["data"].values.T)[upper]
    predicted = tree["posterior_predictive"]["fc"].mean(("chain", "draw")).values[upper]
    assert predictive(without_fc).fc_correlation == pytest.approx(np.corrcoef(measured, predicted)[0, 1])


def test_coverage_of_signals_and_overconfidence():
    assert 0.85 < predictive(trees.evoked()).coverage < 0.95
    tree = trees.good()
    narrow = tree["posterior_predictive"].to_dataset()
    narrow = narrow.assign(
        power=narrow["power"].mean(("chain", "draw")) * (1 + 0.001 * (narrow["power"] - 1))
    )
    text = str(predictive(trees.changed(tree, posterior_predictive=narrow)))
    assert "fewer than they should" in text


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        (0.5, "misses something"),
        (0.81, "somewhat fewer than they should"),
        (0.9, "about as they should"),
        (0.99, "noise is overestimated"),
    ],
)
def test_coverage_of_ninety_per_cent_intervals_is_judged(coverage, words):
    assert words in str(Prediction(None, None, None, coverage, None, ()))


def test_what_is_missing_is_said():
    assert "no variable of posterior_predictive" in str(predictive(trees.posterior_only()))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_numbers_are_never_cut(width):
    """In a narrow terminal columns give way, and names are folded."""
    from rich.console import Console

    diagnosis = diagnose(trees.good())
    console = Console(record=True, width=width)
    console.print(diagnosis)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for cells in diagnosis.cells():
        assert cells[1] in text
        assert cells[5] in text
    assert ("ESS tail" in text) == (width == 100)


def test_coordinates_of_pooled_parameters_are_shown_on_request():
    assert "model.tau.z" not in str(diagnose(trees.good())).split("What was learnt")[1]
    assert "model.tau.z" in str(diagnose(trees.good(), coordinates=True)).split("What was learnt")[1]
    assert "model.tau.z" in {row.name for row in diagnose(trees.good()).table}


def test_few_frequency_bands_are_not_accused_of_influence():
    tree = trees.influenced()
    bands = tree["log_likelihood"].to_dataset().rename(time="frequency")
    with_bands = trees.changed(tree, log_likelihood=bands)
    [finding] = [check for check in diagnose(with_bands).checks if check.what == "Pareto k (LOO)"]
    assert "frequency bands above" in finding.measured
    assert "StudentT" not in finding.remedy
    few = trees.changed(tree, log_likelihood=bands.isel(frequency=slice(3, 9)))
    assert all(check.what != "Pareto k (LOO)" for check in diagnose(few).checks)


def test_rich_rendering_has_the_same_words():
    from rich.console import Console

    console = Console(record=True, width=140)
    console.print(diagnose(trees.divergent()))
    console.print(predictive(trees.good()))
    text = console.export_text()
    assert "Do not use these draws yet" in text
    assert "raise the target acceptance" in text
    assert "model.tau (10)" in text
    assert "Functional connectivity: r =" in text


def test_a_run_that_is_only_too_short_is_told_so():
    tree = trees.good()
    short = {name: tree[name].to_dataset() for name in ("posterior", "sample_stats")}
    short = {name: data.isel(draw=slice(0, 10)) for name, data in short.items()}
    short["posterior"] = short["posterior"].assign(
        {
            name: data + 0.7 * data.std(["chain", "draw"]) * xr.DataArray([0.0, 1.0, 0.0, -1.0], dims="chain")
            for name, data in short["posterior"].data_vars.items()
        }
    )
    found = {check.what: check for check in diagnose(trees.changed(tree, **short)).checks}
    assert found["modes"].severity == "good"
    assert found["R-hat"].severity == "problem"
    assert found["R-hat"].remedy.startswith("run a longer warmup and more draws")
    assert "about" in found["bulk ESS"].remedy or "begin with 500" in found["bulk ESS"].remedy
