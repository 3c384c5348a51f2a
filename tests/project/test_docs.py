"""Every block of Python in the README and the docs runs, as a reader would run it: page by page, in a fresh process, in an empty folder.

Long runs are shortened; nothing else is changed. `<!-- skip -->` before a block keeps it from running. The pages of the models are
short and many: those of a category share a process, and each has its own namespace.
"""

import functools
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmm_infer.models._catalogue import CATEGORIES, model_classes

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODELS = model_classes()
model = pytest.mark.parametrize("cls", MODELS.values(), ids=MODELS)

# Settings of real runs, and what they become here.
SHORTER = (
    (r",\s*(max_tree_depth|predictive_draws|chunk)=\d+", ""),
    (r"\bdraws=\d+", "draws=10"),
    (r"\bwarmup=\d+", "warmup=10"),
    (r"\bchains=\d+", "chains=2"),
    (r"\bsteps=\d{3,}", "steps=50"),
    (r"\b(Adam|PathAnnealing)\(\d{3,}", r"\1(50"),
    (r"\bgenerations=\d+", "generations=10"),
    (r"\brecordings=\d+", "recordings=8"),
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


def run(folder, *command):
    """What a reader's Python does with `command` in an empty folder."""
    (folder / "empty").mkdir()
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
    }
    return subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", *map(str, command)], cwd=folder / "empty", env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("page", with_code(PAGES))
def test_page_runs(page, tmp_path):
    program = tmp_path / page.with_suffix(".py").name
    program.write_text(script(page), encoding="utf-8")
    done = run(tmp_path, program)
    assert done.returncode == 0, f"{page.name} (lines as in the page):\n{done.stderr[-4000:]}"


# Runs programs one after the other, each in a namespace of its own, and goes on after one that fails.
RUN_EACH = """
import pathlib, sys, traceback
import matplotlib.pyplot as plt

failed = False
for program in sys.argv[1:]:
    plt.close("all")
    try:
        exec(compile(pathlib.Path(program).read_text(encoding="utf-8"), program, "exec"), {"__name__": "__main__"})
        assert plt.get_fignums(), f"{program} left no figure"
    except Exception:
        failed = True
        traceback.print_exc(limit=-4)
sys.exit(failed)
"""


@pytest.mark.slow
@pytest.mark.parametrize("category", CATEGORIES)
def test_code_of_models_runs_and_draws(category, tmp_path):
    programs = []
    for name, cls in MODELS.items():
        code = script(ROOT / "docs" / "models" / f"{name}.md")
        if cls.category == category and code.strip():
            programs.append(tmp_path / f"{name}.py")
            programs[-1].write_text(code, encoding="utf-8")
    done = run(tmp_path, "-c", RUN_EACH, *programs)
    assert done.returncode == 0, f"(lines as in the pages):\n{done.stderr[-8000:]}"


# ---------------------------------------------------------------- what is made from the code


@functools.cache
def generated():
    """The module `docs/generate.py`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def documents():
    return generated().documents()


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- generated:" in page.read_text(encoding="utf-8")], ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page):
    assert documents()[page] == page.read_text(encoding="utf-8"), f"{page.name} is behind the code: run `uv run python docs/generate.py`"


@model
def test_generated_page_of_a_model_is_up_to_date(cls):
    page = ROOT / "docs" / "models" / f"{cls.__name__}.md"
    assert page.exists(), f"docs/models/{page.name} is missing: run `uv run python docs/generate.py`"
    assert documents()[page] == page.read_text(encoding="utf-8"), f"{page.name} is behind the code: run `uv run python docs/generate.py`"


def test_generated_navigation_is_up_to_date():
    navigation = ROOT / "mkdocs.yml"
    assert documents()[navigation] == navigation.read_text(encoding="utf-8"), "mkdocs.yml is behind the code: run `uv run python docs/generate.py`"


@model
def test_page_of_a_model_says_everything(cls):
    page = (ROOT / "docs" / "models" / f"{cls.__name__}.md").read_text(encoding="utf-8")
    instance = cls()
    for name in (*cls.parameters(), *instance.variables(), *instance.sends, *instance.ports, instance.observable, *instance.noisy_states()):
        assert f"`{name}`" in page
    for reference in instance.references:
        assert f"\n- {reference}\n" in page


@model
def test_model_has_a_hallmark(cls):
    """A caption of one or two sentences, up to 20 lines of code besides imports, and a picture that is no burden."""
    path = generated().hallmark(cls)
    assert path.exists(), f"{cls.__name__} needs docs/hallmarks/{path.name}, which shows what the model does; see docs/extending.md"
    caption, code = generated().hallmark_of(cls)
    assert caption.endswith(".")
    assert len(caption) < 500, f"the caption in {path.name} is long"
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
    assert 0 < len(lines) <= 20, f"{path.name} has {len(lines)} lines of code"
    assert not re.search(r"savefig|plt\.show", code), f"{path.name} saves or shows its figure; leave that to docs/figures.py"
    picture = ROOT / "docs" / "images" / "models" / f"{path.stem}.png"
    assert picture.exists(), f"{picture.name} is missing: run `uv run python docs/figures.py {path.stem}`"
    assert picture.stat().st_size <= 60_000


def test_hallmarks_belong_to_models():
    scripts = {path.stem for path in (ROOT / "docs" / "hallmarks").glob("*.py")}
    assert scripts <= {generated().stem(cls) for cls in MODELS.values()}
    assert {path.stem for path in (ROOT / "docs" / "images" / "models").glob("*")} <= scripts


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("x' = γ x + c", True),
        ("H(x; a, b) = a x - b\nx = S", True),
        ("τ_e E' = -E + s", True),
        ("E' and I' of `core`\nτ_a a' = -a + b E", True),
        ("Below a = 0 a damped oscillation, above it a limit cycle.", False),
        ("The observable is\n`psp` = y1 - y2, in mV.", False),
    ],
)
def test_equations_are_told_from_prose(text, equations):
    from nmm_infer.models import Linear
    from nmm_infer.models._catalogue import description

    # What a docstring consists of does not depend on the class: any model's will do.
    kept = Linear.__doc__
    Linear.__doc__ = f"What it is.\n\n{text}\n"
    try:
        assert [paragraph.equations for paragraph in description(Linear())] == [False, equations]
    finally:
        Linear.__doc__ = kept


# ---------------------------------------------------------------- what is documented, and where


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
    elsewhere = {"models", "couplings", "noises", "stimuli"}  # have generated pages of their own
    for name in importlib.import_module("nmm_infer").__all__:
        assert name in reference | elsewhere, f"nmm_infer.{name} is missing from docs/api.md"


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs")
        assert f" {name}\n" in f"{navigation}\n", f"docs/{name} is missing from mkdocs.yml"


def test_links_between_pages_lead_somewhere():
    for page in (*PAGES, *(ROOT / "docs" / "models").glob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)", FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" not in target and not target.startswith("mailto:") and not target.endswith((".png", ".svg")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
