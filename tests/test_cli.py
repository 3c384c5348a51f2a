import subprocess
import sys
import types

import pytest
import trees
from typer.testing import CliRunner

from nmm_infer.cli import app
from nmm_infer.models import list_models


def run(*arguments):
    return CliRunner(env={"COLUMNS": "140", "NO_COLOR": "1"}).invoke(app, list(map(str, arguments)))


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


@pytest.mark.parametrize("name", [entry.name for entry in list_models()])
def test_each_model_shows_its_parameters(name):
    from nmm_infer.models.catalogue import model_classes

    outcome = run("models", name)
    assert outcome.exit_code == 0
    cls = model_classes()[name]
    for parameter in cls.parameters().values():
        assert parameter.doc in outcome.output
    for state in cls.states:
        assert state.name in outcome.output
    assert cls.references[0] in outcome.output


def test_models_are_found_whatever_their_case():
    assert "Jansen & Rit 1995" in run("models", "jansenrit").output


def test_unknown_model_suggests_a_close_one():
    outcome = run("models", "JansenRitt")
    assert outcome.exit_code == 2
    assert "there is no model 'JansenRitt'; did you mean JansenRit?" in outcome.stderr
    assert "nmm-infer models lists them" in run("models", "zzzzzz").stderr


def test_check_prints_the_diagnosis(result):
    outcome = run("check", result)
    assert outcome.exit_code == 0, outcome.output
    assert "Every check that applies passed." in outcome.output
    assert "Functional connectivity: r =" in outcome.output


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


def test_importing_the_commands_is_light():
    code = "import sys, nmm_infer.cli; print([m for m in ('jax', 'xarray', 'matplotlib', 'arviz', 'arviz_stats', 'numpyro') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
