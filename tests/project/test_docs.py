"""What the documentation says of the code is so, and the README's code runs. The pages' code runs when the
site is built (`docs/build.py`).
"""

import ast
import functools
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmm_infer.models._catalogue import model_classes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name != "models"]
PAGES = [ROOT / "README.md", *WRITTEN]
MODELS = model_classes()
model = pytest.mark.parametrize("cls", MODELS.values(), ids=MODELS)


@functools.cache
def tool(name):
    """A module of `docs`, which is no part of the package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


@functools.cache
def documents():
    return tool("generate").documents()


# ---------------------------------------------------------------- code


@pytest.mark.slow
def test_readme_runs(tmp_path):
    """As a reader would run it, in an empty folder, with few draws."""
    program = tmp_path / "README.py"
    program.write_text(
        tool("pages").script((ROOT / "README.md").read_text(encoding="utf-8"), short=True), encoding="utf-8"
    )
    (tmp_path / "empty").mkdir()
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
    }
    command = [sys.executable, "-W", "error::SyntaxWarning", str(program)]
    done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"README.md (lines as in the file):\n{done.stderr[-4000:]}"


PAGE = """# Title

Text.

<!-- skip -->
```python
never()
```

<!-- tags: hide-input -->
```python
engine = nmm.infer.NUTS(draws=500, warmup=300)
```

<!-- drawn below -->
![picture](picture.png)

```python
draw()
```
"""


def test_blocks_of_a_page_are_those_that_run():
    pages = tool("pages")
    assert [(block.code, block.tags) for block in pages.blocks(PAGE)] == [
        ("engine = nmm.infer.NUTS(draws=500, warmup=300)", ["hide-input"]),
        ("draw()", []),
    ]
    lines = pages.script(PAGE, short=True).split("\n")
    assert (
        lines[11]
        == "engine = nmm.infer.NUTS(max_tree_depth=3, predictive_draws=3, chunk=10, draws=10, warmup=10)"
    )
    assert [number for number, line in enumerate(lines) if line] == [
        PAGE.split("\n").index(line) for line in ("engine = nmm.infer.NUTS(draws=500, warmup=300)", "draw()")
    ]


def test_page_as_a_notebook():
    pytest.importorskip("nbformat", reason="of the group docs")
    notebook = tool("pages").notebook(PAGE)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    first, code, _ = notebook.cells
    assert "never()" in first.source
    assert code.metadata["tags"] == ["hide-input"]
    assert notebook.metadata["source_map"] == [0, 11, 18]
    assert not any("picture.png" in cell.source for cell in notebook.cells)


@pytest.mark.parametrize(
    "page",
    [*PAGES[1:], *sorted((DOCS / "models").glob("*.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_code_is_no_wider_than_its_column(page):
    text = page.read_text(encoding="utf-8")
    for found in tool("pages").FENCE.finditer(text):
        for line in found.group(2).splitlines():
            is_text = found.group(1).startswith("{")  # of a directive
            assert len(line) <= 88 or is_text, f"{page.name}: {len(line)} characters, at most 88 fit: {line}"


# ---------------------------------------------------------------- how long, how many numbers


MEASURED = """---
orphan: true
---
# Title

Of 12 regions 3.5 % were slow, in 49 000 steps (Whittle 1953; NeuroImage 30:1255), with `draws=500`.

1. In float32 it takes JAX 0.12, and 10⁻⁶ is enough. [Why](../page-2.md)

| 1 | 2 |
|---|---|
| 3 | 4 |

![Picture 5](picture.png)

<!-- skip -->
```python
never(1)
```

```python
plt.plot(2)
```
"""


def test_words_and_numbers_are_counted_in_prose():
    found = tool("counts").counts(MEASURED)
    words = (
        "Title Of 12 regions 3.5 were slow in 49 000 steps Whittle 1953 NeuroImage 30:1255 with code"
        " In float32 it takes JAX 0.12 and 10⁻⁶ is enough Why"
    )
    assert found.words == len(words.split())
    assert found.numbers == 4  # 12, 3.5, 49 000 and 10⁻⁶
    assert (found.code, found.pictures) == (2, 2)


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.relative_to(DOCS).as_posix())
def test_pages_are_short_and_tell_rather_than_measure(page):
    """What is looked up (the reference, at the top of `docs`) and what was measured may be long."""
    found = tool("counts").counts(page.read_text(encoding="utf-8"))
    folder = page.parent.name
    if folder not in ("docs", "benchmarks"):
        most = 1200 if folder == "tutorials" else 2000
        assert found.words <= most, f"{page.name} has {found.words} words, at most {most} are read"
    if folder in ("tutorials", "how-to"):
        assert found.density < 2, (
            f"{page.name} has {found.density:.1f} numbers per 100 words, expected less than 2; measurements"
            " belong to docs/benchmarks (`python docs/counts.py` counts)"
        )


# ---------------------------------------------------------------- what is made from the code


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "<!-- generated:" in page.read_text(encoding="utf-8")],
    ids=lambda page: page.name,
)
def test_generated_tables_are_up_to_date(page):
    assert documents()[page] == page.read_text(encoding="utf-8"), (
        f"{page.name} is behind the code: run `uv run python docs/generate.py`"
    )


@model
def test_generated_page_of_a_model_is_up_to_date(cls):
    page = ROOT / "docs" / "models" / f"{cls.__name__}.md"
    assert page.exists(), f"docs/models/{page.name} is missing: run `uv run python docs/generate.py`"
    assert documents()[page] == page.read_text(encoding="utf-8"), (
        f"{page.name} is behind the code: run `uv run python docs/generate.py`"
    )


@model
def test_page_of_a_model_says_everything(cls):
    page = (ROOT / "docs" / "models" / f"{cls.__name__}.md").read_text(encoding="utf-8")
    instance = cls()
    for name in (
        *cls.parameters(),
        *instance.variables(),
        *instance.sends,
        *instance.ports,
        instance.observable,
        *instance.noisy_states(),
    ):
        assert f"`{name}`" in page
    for reference in instance.references:
        assert f"\n- {reference}\n" in page


@model
def test_model_has_a_hallmark(cls):
    """A caption of one or two sentences, up to 20 statements besides imports, and a picture that is no
    burden.
    """
    path = tool("generate").hallmark(cls)
    assert path.exists(), (
        f"{cls.__name__} needs docs/hallmarks/{path.name}, which shows what the model does; see"
        " docs/how-to/extending.md"
    )
    caption, code = tool("generate").hallmark_of(cls)
    assert caption.endswith(".")
    assert len(caption) < 500, f"the caption in {path.name} is long"
    statements = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert 0 < len(statements) <= 20, f"{path.name} has {len(statements)} statements"
    assert not re.search(r"savefig|plt\.show", code), (
        f"{path.name} saves or shows its figure; leave that to docs/figures.py"
    )
    picture = ROOT / "docs" / "images" / "models" / f"{path.stem}.png"
    assert picture.exists(), f"{picture.name} is missing: run `uv run python docs/figures.py {path.stem}`"
    assert picture.stat().st_size <= 60_000


def test_hallmarks_belong_to_models():
    scripts = {path.stem for path in (ROOT / "docs" / "hallmarks").glob("*.py")}
    assert scripts <= {tool("generate").stem(cls) for cls in MODELS.values()}
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


def public():
    return dict(tool("reference").public())


def test_public_names_are_documented():
    for name, thing in public().items():
        # A dataclass without a docstring gets its signature for one.
        last = name.rpartition(".")[2]
        assert not (inspect.getdoc(thing) or f"{last}(").startswith(f"{last}("), (
            f"nmm_infer.{name} has no docstring"
        )


def test_public_packages_are_in_the_reference():
    root = importlib.import_module("nmm_infer")
    packages = {name for name in root.__all__ if inspect.ismodule(getattr(root, name))}
    assert packages <= set(tool("reference").PACKAGES), "a package is missing from docs/reference.py"


def test_every_public_name_has_a_page_in_the_reference():
    blocks = re.findall(
        r"^\.\. autosummary::\n(?:   :.*\n)+\n((?:   \S+\n)+)",
        (DOCS / "api.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    listed = [name for block in blocks for name in block.split()]
    assert len(listed) == len(set(listed))
    missing, unknown = set(public()) - set(listed), set(listed) - set(public())
    assert not missing, (
        f"not in docs/api.md: {', '.join(sorted(missing))}; run `uv run python docs/generate.py`"
    )
    assert not unknown, f"in docs/api.md, but not public: {', '.join(sorted(unknown))}"


def test_every_page_is_in_the_navigation():
    listed = {"index"}
    for page in PAGES[1:]:
        for body in re.findall(
            r"^```\{toctree\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            entries = [line for line in body.splitlines() if line and not line.startswith(":")]
            listed |= {str((page.parent / entry).relative_to(DOCS)) for entry in entries}
    for page in DOCS.rglob("*.md"):
        assert str(page.relative_to(DOCS).with_suffix("")) in listed, (
            f"docs/{page.relative_to(DOCS)} is in no toctree"
        )


NAME = re.compile(r"\bnmm((?:\.[A-Za-z_]\w*)+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_names_in_the_text_exist(page):
    whole = page.read_text(encoding="utf-8")
    for span in re.findall(r"`([^`\n]+)`", tool("pages").FENCE.sub("", whole)):
        for path in NAME.findall(span):
            if f"class {path.rpartition('.')[2]}(" in whole:  # as if the page's own class were in the package
                continue
            thing = importlib.import_module("nmm_infer")
            for part in path[1:].split("."):
                assert hasattr(thing, part) or part in getattr(thing, "__dataclass_fields__", ()), (
                    f"{page.name}: there is no nmm{path}"
                )
                thing = getattr(thing, part, None)


def test_links_between_pages_lead_somewhere():
    for page in (*PAGES, *(DOCS / "models").glob("*.md")):
        for target in re.findall(
            r"\]\(([^)#\s]+)", tool("pages").FENCE.sub("", page.read_text(encoding="utf-8"))
        ):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_what_pages_include_exists():
    for page in WRITTEN:
        for target in re.findall(
            r"^```\{(?:literal)?include\} (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert (page.parent / target).exists(), f"{page.name} includes {target}"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("τ_e E' = -E + β_e [x_e]₊", r"τ_{e}\,\dot{E} &= - E + β_{e}\,\left[x_{e}\right]_+"),
        ("r' = (Δ/(π τ) + 2 r V) / τ", r"\dot{r} &= \frac{\frac{Δ}{π\,τ} + 2\,r\,V}{τ}"),
        ("y3' = A a² S(y1 - y2)", r"\dot{y}_{3} &= A\,a^{2}\,S\left(y_{1} - y_{2}\right)"),
        (
            "v'' = a b / (1 + exp(-v)) - 1/2",
            r"\ddot{v} &= \frac{a\,b}{1 + \exp\left(- v\right)} - \frac{1}{2}",
        ),
        (
            "f = 0  if x1 < -1e-6,  else  x1",
            r"f &= \begin{cases} 0 & \text{if } x_{1} < - 10^{-6} \\ x_{1} & \text{else} \end{cases}",
        ),
        ("σ_V² = Σ_x s_x / (2 g)", r"σ_{V}^{2} &= \sum_x\,s_{x} \big/ \left(2\,g\right)"),
        ("E' of `core`, with c", r"&\text{E' of core, with c}"),
    ],
)
def test_equations_are_typeset(text, latex):
    assert tool("typesetting").statement(text) == latex
    block = tool("typesetting").typeset(f"x' = y,  y' = -x\n{text}")
    assert block.count("&") >= 3
    assert block.startswith("$$\n\\begin{aligned}\n\\dot{x} &= y \\\\\n\\dot{y} &= - x \\\\\n")


@model
def test_brackets_of_typeset_equations_close(cls):
    page = (ROOT / "docs" / "models" / f"{cls.__name__}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^\$\$\n(.*?)^\$\$$", page, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        assert block.count(r"\left") == block.count(r"\right")
        assert block.count("{") == block.count("}")
