import importlib.metadata
import json
import subprocess
import sys
import types

import pytest
import trees
from typer.testing import CliRunner

from nmm_infer.cli import app
from nmm_infer.models import list_models
from nmm_infer.models._catalogue import CATEGORIES, model_classes, nested_parts, presets


def run(*arguments, columns=140):
    return CliRunner(env={"COLUMNS": str(columns), "NO_COLOR": "1"}).invoke(app, list(map(str, arguments)))


def words(text):
    """Without line breaks and padding."""
    return " ".join(text.split())


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("result") / "posterior.nc"
    trees.good().to_netcdf(path, engine="h5netcdf")
    return path


def test_help_lists_the_commands():
    output = run("--help").output
    for command in ("models", "demo", "check", "report"):
        assert command in output


def test_models_are_listed_from_the_classes():
    outcome = run("models")
    assert outcome.exit_code == 0
    for entry in list_models():
        assert entry.name in outcome.output
        assert entry.use_case in outcome.output


def test_catalogue_prints_as_a_table():
    entries = list_models()
    lines = str(entries).splitlines()
    assert len(lines) == len(entries) + 1
    assert repr(entries) == str(entries)
    position = lines[0].index("category")
    assert all(line[position - 2 : position] == "  " and line[position] != " " for line in lines)
    jansen_rit = next(entry for entry in entries if entry.name == "JansenRit")
    assert (jansen_rit.n_states, jansen_rit.category) == (6, "physiological")
    assert "AbstractModel" not in str(entries)


def test_catalogue_is_in_order():
    """By category, and in a category as in a dictionary: ERP after Epileptor."""
    keys = [(CATEGORIES.index(entry.category), entry.name.lower()) for entry in list_models()]
    assert keys == sorted(keys)


def test_unknown_category_of_a_class_is_named(monkeypatch):
    from nmm_infer.models import Linear

    monkeypatch.setattr(Linear, "category", "linear")
    with pytest.raises(
        ValueError,
        match=r"Linear.category is 'linear', expected one of phenomenological, physiological, network",
    ):
        list_models()


@pytest.mark.parametrize("name", [entry.name for entry in list_models()])
def test_each_model_shows_what_it_is(name):
    outcome = run("models", name)
    assert outcome.exit_code == 0
    cls = model_classes()[name]
    model = cls()
    for parameter in cls.parameters().values():
        assert f"{parameter.name} {parameter.default:g}" in words(outcome.output)
        assert f"{parameter.low:g} to {parameter.high:g} {parameter.doc}" in words(outcome.output)
    for variable in model.variables():
        assert f"\n{variable} " in outcome.output
    assert f"noise drives: {', '.join(model.noisy_states())}" in words(outcome.output)
    for preset, doc in presets(cls).items():
        assert doc.endswith("."), preset  # a whole sentence, however the docstring is wrapped
        assert f"{name}.{preset}() {doc[:40]}" in words(outcome.output)
    for reference in model.references:
        assert reference in words(outcome.output)
    for field, part in nested_parts(model).items():
        assert f"{field}: {type(part).__name__}." in words(outcome.output)


@pytest.mark.parametrize("name", [entry.name for entry in list_models()])
def test_models_fit_in_a_narrow_terminal(name):
    output = run("models", name, columns=80).output
    assert max(map(len, output.splitlines())) <= 80
    assert output.count("…") == run("models", name).output.count("…")  # nothing is cut off


def test_equations_side_by_side_go_below_each_other_in_a_narrow_terminal():
    assert "\nS' = -S/τ_s + (1 - S) γ H(x)\nH(x) = " in run("models", "ReducedWongWang", columns=60).output
    assert "\nS' = -S/τ_s + (1 - S) γ H(x),  H(x) = " in run("models", "ReducedWongWang").output


def test_parts_of_a_model_say_what_may_stand_in_their_place():
    output = words(run("models", "WilsonCowan").output)
    assert "response: ShiftedSigmoid." in output
    assert "Or Rectifier, Sigmoid." in output
    assert "core: WilsonCowan." in (output := words(run("models", "WilsonCowanAdaptive").output))
    assert "nmm-infer models WilsonCowan shows them" in output


def test_models_of_a_category():
    output = run("models", "--category", "Network").output
    assert [entry.name in output for entry in list_models()] == [
        entry.category == "network" for entry in list_models()
    ]
    outcome = run("models", "--category", "physiologic")
    assert outcome.exit_code == 2
    assert (
        "there is no category 'physiologic'; there are phenomenological, physiological, network"
        in outcome.stderr
    )
    assert "leave it out to show one model" in run("models", "Hopf", "--category", "network").stderr


def test_models_are_found_whatever_their_case():
    assert "Jansen & Rit 1995" in run("models", "jansenrit").output


def test_unknown_model_suggests_a_close_one():
    outcome = run("models", "JansenRitt")
    assert outcome.exit_code == 2
    assert "there is no model 'JansenRitt'; did you mean JansenRit?" in outcome.stderr
    assert "nmm-infer models lists them" in run("models", "zzzzzz").stderr
    # A part of a name brings all that contain it, and nothing that merely looks like it.
    family = "WilsonCowan or WilsonCowanAdaptive or WilsonCowanDelayed or WilsonCowanThreePopulations"
    assert f"there is no model 'wilson'; did you mean {family}?" in run("models", "wilson").stderr


def test_check_prints_the_diagnosis(result):
    outcome = run("check", result)
    assert outcome.exit_code == 0, outcome.output
    assert "Every check that applies passed." in outcome.output
    assert "Functional connectivity: r =" in outcome.output


def test_check_and_models_print_json(result):
    told = json.loads(run("check", result, "--json").output)
    assert told["diagnosis"]["ok"] is True
    assert {"name", "r_hat", "ess_bulk", "contraction"} <= set(told["diagnosis"]["table"][0])
    assert told["prediction"]["fc_correlation"] == pytest.approx(0.7, abs=0.2)
    listed = json.loads(run("models", "--json").output)
    assert [entry["name"] for entry in listed] == [entry.name for entry in list_models()]
    assert "leave it out to show one model" in run("models", "Hopf", "--json").stderr


def test_check_shows_coordinates_on_request(result):
    assert "model.tau.z" not in run("check", result).output.split("What was learnt")[1]
    assert "model.tau.z" in run("check", result, "--all").output.split("What was learnt")[1]


def test_version():
    assert run("--version").output == f"nmm_infer {importlib.metadata.version('nmm-infer')}\n"


def test_check_strict_fails_on_problems(tmp_path):
    path = tmp_path / "divergent.nc"
    trees.divergent().to_netcdf(path, engine="h5netcdf")
    assert run("check", path).exit_code == 0
    outcome = run("check", path, "--strict")
    assert outcome.exit_code == 1
    assert "raise the target acceptance" in outcome.output


def test_report_is_written_beside_the_result_or_where_told(result, tmp_path):
    outcome = run("report", result)
    assert outcome.exit_code == 0, outcome.output
    assert result.with_suffix(".html").is_file()
    out = tmp_path / "page.html"
    assert run("report", result, "--out", out, "--title", "A title").exit_code == 0
    assert "<h1>A title</h1>" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["check", "report"])
def test_a_missing_file_is_one_line(command, result):
    outcome = run(command, result.with_name("posterio.nc"))
    assert outcome.exit_code == 2
    assert "there is no file" in outcome.stderr
    assert "did you mean posterior.nc?" in outcome.stderr
    assert "Traceback" not in outcome.output
    assert "is a folder" in run(command, result.parent).stderr


@pytest.mark.parametrize("command", ["check", "report"])
def test_a_truncated_file_is_one_line(command, result, tmp_path):
    path = tmp_path / "cut.nc"
    path.write_bytes(result.read_bytes()[:5000])
    outcome = run(command, path)
    assert outcome.exit_code == 2
    assert "cannot be read" in outcome.stderr
    assert "truncated" in outcome.stderr
    assert "Traceback" not in outcome.output


def test_a_tree_without_posterior_is_one_line(tmp_path):
    path = tmp_path / "prior.nc"
    trees.changed(trees.good(), posterior=None).to_netcdf(path, engine="h5netcdf")
    for command in ("check", "report"):
        outcome = run(command, path)
        assert outcome.exit_code == 2
        assert "expected a 'posterior'" in outcome.stderr


def test_report_into_a_missing_folder_is_one_line(result, tmp_path):
    outcome = run("report", result, "--out", tmp_path / "absent" / "r.html")
    assert outcome.exit_code == 2
    assert "make it first" in outcome.stderr


def test_demo_passes_its_options_on(monkeypatch, tmp_path):
    got = {}
    module = types.ModuleType("nmm_infer.demo")
    module.run = lambda **options: got.update(options)
    monkeypatch.setitem(sys.modules, "nmm_infer.demo", module)
    outcome = run("demo", "--quick", "--out", tmp_path, "--seed", 3, "--chains", 2)
    assert outcome.exit_code == 0, outcome.output
    assert (got["quick"], got["out"], got["seed"], got["chains"]) == (True, tmp_path, 3, 2)
    assert "draws" not in got


def test_demo_checks_its_folder_before_anything_else(monkeypatch, tmp_path):
    from nmm_infer import demo

    def never():
        raise AssertionError("it began to compute")

    monkeypatch.setattr(demo, "resting_state_problem", never)
    path = tmp_path / "a file"
    path.write_text("")
    outcome = run("demo", "--quick", "--out", path)
    assert outcome.exit_code == 2
    assert f"the demo cannot write into {path}" in words(outcome.stderr)


def test_importing_the_commands_is_light():
    code = (
        "import sys, nmm_infer.cli; print([m for m in ('jax', 'xarray', 'matplotlib', 'arviz', 'arviz_stats',"
        " 'numpyro') if m in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
