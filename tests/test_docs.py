"""Every block of Python in the README and the docs runs, as a reader would run it: page by page, in a fresh process, in an empty folder.

Long runs are shortened; nothing else is changed. `<!-- skip -->` before a block keeps it from running.
"""

import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Settings of real runs, and what they become here.
SHORTER = (
    (r"\bdraws=\d+", "draws=10"),
    (r"\bwarmup=\d+", "warmup=10"),
    (r"\bchains=\d+", "chains=2"),
    (r"\bsteps=\d{3,}", "steps=50"),
    (r"\buse_cores\(\d+\)", "use_cores(2)"),
    (r"\binfer\.NUTS\(", "infer.NUTS(max_tree_depth=3, predictive_draws=3, chunk=10, "),
    (r"\binfer\.SVI\(", "infer.SVI(draws=50, predictive_draws=3, "),
    (r"\bmetrics\.Laplace\(\)", "metrics.Laplace(steps=50)"),
)

# Pages that take a few seconds; the others run with the slow tests.
LIGHT = {"index.md", "models.md"}

FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


def script(page):
    """The page's blocks as one program, every line where it is in the page, so that a traceback points into the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in FENCE.finditer(text):
        before = text[: block.start()].rstrip()
        if block.group(1) != "python" or before.endswith("<!-- skip -->"):
            continue
        first = text[: block.start(2)].count("\n")
        code = block.group(2)
        for pattern, shorter in SHORTER:
            code = re.sub(pattern, shorter, code)
        for number, line in enumerate(code.splitlines()):
            lines[first + number] = line
    return "\n".join(lines)


def with_code(pages):
    for page in pages:
        if script(page).strip():
            yield pytest.param(page, id=page.name, marks=[] if page.name in LIGHT else [pytest.mark.slow])


@pytest.mark.parametrize("page", with_code(PAGES))
def test_page_runs(page, tmp_path):
    program = tmp_path / page.with_suffix(".py").name
    program.write_text(script(page), encoding="utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
    }
    done = subprocess.run([sys.executable, "-W", "error::SyntaxWarning", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{page.name} (lines as in the page):\n{done.stderr[-4000:]}"


def generated():
    """The module `docs/generate.py`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- generated:" in page.read_text(encoding="utf-8")], ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert generated().fill(text) == text, f"{page.name} is behind the code: run `uv run python docs/generate.py`"


def public_names():
    """(module, name) of everything that the package's `__init__` files export."""
    root = importlib.import_module("nmm_infer")
    for name in root.__all__:
        thing = getattr(root, name)
        yield "nmm_infer", name
        if inspect.ismodule(thing) and (Path(thing.__file__).name == "__init__.py" or name in ("adjoints",)):
            for inner, value in vars(thing).items():
                if not inner.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith("nmm_infer"):
                    yield thing.__name__, inner


def test_public_names_are_documented():
    for module, name in public_names():
        thing = getattr(importlib.import_module(module), name)
        # A dataclass without a docstring gets its signature for one.
        assert not (thing.__doc__ or f"{name}(").startswith(f"{name}("), f"{module}.{name} has no docstring"


def test_public_names_are_in_the_reference():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    reference = {path.split(".")[-1] for path in re.findall(r"^::: (\S+)$", text, re.MULTILINE)}
    reference |= set(re.findall(r"<!-- generated: names_(\w+) -->", text))
    elsewhere = {"models", "couplings", "noises"}  # have generated pages of their own
    for name in importlib.import_module("nmm_infer").__all__:
        assert name in reference | elsewhere, f"nmm_infer.{name} is missing from docs/api.md"


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f" {page.name}" in navigation, f"docs/{page.name} is missing from mkdocs.yml"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" not in target and not target.startswith("mailto:") and not target.endswith((".png", ".svg")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
