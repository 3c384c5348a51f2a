"""What may be in the repository, and how its classes and files look."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import pytest

import nmm_infer

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400

# Written in pieces, so that this file does not contain what it looks for.
PRIVATE = re.compile(
    rb"(?<![\w.])/(?:"
    + b"|".join((b"ho" + b"me", b"Us" + b"ers", b"ro" + b"ot", b"wo" + b"rk", b"m" + b"nt"))
    + rb")/[A-Za-z]"
)


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def classes():
    """Every class that the package defines."""
    found = set()
    for info in pkgutil.walk_packages(nmm_infer.__path__, "nmm_infer."):
        module = importlib.import_module(info.name)
        found |= {c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == info.name}
    return sorted(found, key=lambda c: (c.__module__, c.__qualname__))


@pytest.fixture(scope="module")
def modules():
    return [c for c in classes() if issubclass(c, eqx.Module)]


def is_abstract(cls):
    return cls.__name__.startswith(("Abstract", "_Abstract"))


def test_no_paths_of_anyones_machine():
    for path in tracked():
        found = PRIVATE.search(path.read_bytes()) if path.suffix not in (".npz", ".png") else None
        assert not found, f"{path.relative_to(ROOT)}: {found.group()}"


def test_classes_are_abstract_or_final(modules):
    assert len(modules) > 40
    for cls in modules:
        for base in cls.__mro__[1:]:
            if base.__module__.startswith("nmm_infer"):
                assert is_abstract(base), (
                    f"{cls.__qualname__} extends {base.__qualname__}, which is not abstract"
                )


def test_final_classes_are_complete(modules):
    for cls in modules:
        assert is_abstract(cls) or not inspect.isabstract(cls), (
            f"{cls.__qualname__} lacks {', '.join(cls.__abstractmethods__)}"
        )


def test_files_fit_in_a_head():
    for path in (ROOT / "nmm_infer").rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE, path


def test_annotations_are_evaluated():
    """Postponed annotations blind whoever reads shapes from them."""
    for path in (ROOT / "nmm_infer").rglob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("first", ["arviz", pytest.param("arviz_stats", marks=pytest.mark.slow)])
def test_arviz_may_be_imported_first(first):
    """It loads NumPyro lazily, which without help leaves NumPyro without its own submodules."""
    code = f"""
import {first}
import numpyro.distributions as dist
import nmm_infer as nmm
from nmm_infer.infer._target import Target
import numpy as np
model = nmm.models.Hopf(omega=nmm.Prior(dist.LogNormal(0.0, 1.0)))
observe, likelihood = nmm.observe.Subsample(period=1.0), nmm.likelihoods.Gaussian(scale=0.1)
problem = nmm.Problem(nmm.Network(model), observe, likelihood, duration=3.0, step=1.0)
target = Target(problem.condition(np.arange(3.0)[:, None]))
assert np.isfinite(target.log_density(target.prior_median()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_package_has_its_files_in_the_wheel():
    for folder in {path.parent for path in (ROOT / "nmm_infer").rglob("*.py")}:
        assert (folder / "__init__.py").exists() or folder.name == "files", folder


def test_tests_that_are_known_to_take_long_exist():
    """Those of `longest.txt`; a renamed one would be among the default tests again."""
    for name in (ROOT / "tests" / "longest.txt").read_text().split("\n")[:-1]:
        file, _, function = name.split("[")[0].partition("::")
        assert f"def {function}(" in (ROOT / file).read_text(), name
