"""docs/how-to/extending.md says: one file and one export line make a model. Here it is done, with the
page's own code, to a copy of the package.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"^```\w+\n(.*?)^```$",
    (ROOT / "docs" / "how-to" / "extending.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


def block(containing):
    """The one block of the page that has this text."""
    (found,) = [code for code in BLOCKS if containing in code]
    return found


def add(path, line):
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n" + line, encoding="utf-8")


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package with the page's model: its file, with the package's own imports relative, and its line."""
    root = tmp_path_factory.mktemp("copy")
    for folder in ("nmm_infer", "tests", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.nc"))
    shutil.copy(ROOT / "pyproject.toml", root)
    models = root / "nmm_infer" / "models"
    file = models / "_morris_lecar.py"
    file.write_text(block("class MorrisLecar(AbstractModel)"), encoding="utf-8")
    replace(file, "from nmm_infer.models import", "from ._base import")
    replace(file, "from nmm_infer.parameters import", "from ..parameters import")
    add(models / "__init__.py", block("as MorrisLecar"))
    return root


def run(root, *command):
    """Python in the copy, where it finds the copy of the package before the installed one."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "MPLBACKEND": "Agg",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache")),
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


# What the battery of all models asks first, in a few lines: finite, and differentiable, in every state and
# parameter.
PROPERTIES = """
import jax, jax.numpy as jnp, numpy as np
import nmm_infer as nmm

assert nmm.__file__.startswith(ROOT), nmm.__file__
model = nmm.models.MorrisLecar()
y = jnp.asarray([[s.low, s.initial, s.high] for s in model.states])
arguments = jax.tree.map(jnp.asarray, model), y, jnp.zeros((1, 3))
drift, back = jax.vjp(lambda m, y, c: m.drift(0.0, y, c), *arguments)
slopes = jax.tree.leaves(back(jnp.ones_like(drift)))
assert drift.shape == (2, 3) and len(slopes) == len(model.parameters()) + 2
assert all(np.all(np.isfinite(a)) for a in (drift, *slopes))
print(nmm.list_models())

from typer.testing import CliRunner
from nmm_infer.cli import app
for arguments in (["models", "--category", "physiological"], ["models", "morrislecar"]):
    print(CliRunner().invoke(app, arguments).output)
"""


def test_one_file_and_one_line_make_a_model(copy):
    shown = run(copy, "-c", f"ROOT = {str(copy)!r}\n{PROPERTIES}")
    assert re.search(r"^MorrisLecar +physiological +2 +class II excitability$", shown, re.MULTILINE)
    assert re.search(r"^  MorrisLecar +2 +class II excitability", shown, re.MULTILINE)
    assert "Morris & Lecar 1981" in shown
    assert re.search(r"^g_Ca +4\.4 +mS/cm\^2 +1 to 10 +conductance of calcium", shown, re.MULTILINE)


FORMULA = """
def morris_lecar(p, y, c):
    V, w = y
    m, rest = (1 / (1 + np.exp(-2 * (V - p[at]) / p[width])) for at, width in (("V1", "V2"), ("V3", "V4")))
    x = (V - p["V3"]) / (2 * p["V4"])
    calcium, potassium = p["g_Ca"] * m * (p["V_Ca"] - V), p["g_K"] * w * (p["V_K"] - V)
    total = p["I"] + c[0] + p["g_L"] * (p["V_L"] - V) + calcium + potassium
    return [total / p["C"], p["phi"] * (np.exp(x) + np.exp(-x)) / 2 * (rest - w)]


FORMULAS[models.MorrisLecar] = morris_lecar
"""
UNITS = (
    '    "mS/cm^2": ("siemens/meter^2", 10.0),\n    "uA/cm^2": ("amp/meter^2", 1e-2),\n    "uF/cm^2":'
    ' ("farad/meter^2", 1e-2),\n'
)


@pytest.mark.slow
def test_the_tests_of_all_models_test_it(copy):
    """With its line in the catalogue, its formula, and units that no other model has."""
    tests = copy / "tests"
    replace(tests / "catalogue.py", "MODELS = {\n", 'MODELS = {\n    "MorrisLecar": models.MorrisLecar,\n')
    add(tests / "formulas" / "physiological.py", FORMULA)
    replace(tests / "models" / "test_models.py", "OTHER = {\n", "OTHER = {\n" + UNITS)
    summary = run(
        copy,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-k",
        "MorrisLecar or battery",
        "tests/models/test_models.py",
    )
    assert int(re.search(r"(\d+) passed", summary).group(1)) >= 15, summary


@pytest.mark.slow
def test_the_docs_show_it(copy):
    """Its hallmark, a picture, a page and an entry in the navigation."""
    hallmark = copy / "docs" / "hallmarks" / "morris_lecar.py"
    hallmark.parent.mkdir(exist_ok=True)
    hallmark.write_text(
        block("Firing does not start").replace("MorrisLecar(", "nmm.models.MorrisLecar("), encoding="utf-8"
    )
    run(copy, "docs/figures.py", "morris_lecar")
    run(copy, "docs/generate.py")
    page = (copy / "docs" / "models" / "MorrisLecar.md").read_text(encoding="utf-8")
    assert r"C\,\dot{V} &= I - g_{L}\,\left(V - V_{L}\right)" in page
    assert "![MorrisLecar](../images/models/morris_lecar.png)" in page
    assert (copy / "docs" / "images" / "models" / "morris_lecar.png").stat().st_size < 60_000
    assert "\nmodels/MorrisLecar\n" in (copy / "docs" / "models.md").read_text(encoding="utf-8")


def test_rest_loses_its_stability_where_the_page_says():
    """Where the trace of the Jacobian is zero (a Hopf bifurcation: the current rises with the potential
    everywhere), in plain NumPy.
    """

    def m(V):
        return (1 + np.tanh((V + 1.2) / 18)) / 2

    def w(V):
        return (1 + np.tanh((V - 2) / 30)) / 2

    def trace(V):
        slope = 1 / (2 * 18 * np.cosh((V + 1.2) / 18) ** 2)
        return (-4.4 * slope * (V - 120) - 4.4 * m(V) - 8 * w(V) - 2) / 20 - 0.04 * np.cosh((V - 2) / 60)

    def current(V):
        return 2 * (V + 60) + 4.4 * m(V) * (V - 120) + 8 * w(V) * (V + 84)

    assert np.all(np.diff(current(np.linspace(-60, 40, 1000))) > 0)
    currents = [current(brentq(trace, *bracket)) for bracket in ((-40, -10), (0, 20))]
    np.testing.assert_allclose(currents, [93.9, 212.0], atol=0.05)
    assert "rest is unstable for I between 93.9 and 212.0" in block("class MorrisLecar(AbstractModel)")


@pytest.mark.slow
def test_firing_starts_where_the_page_says(copy):
    code = block("Firing does not start").replace("MorrisLecar(", "nmm.models.MorrisLecar(")
    first = run(
        copy,
        "-c",
        code
        + "\nprint(current[rate > 0].min().round(1), rate[rate > 0].min(), np.all(np.diff(rate) >= -0.15))",
    )
    assert first.split() == ["88.4", "8.5", "True"]
