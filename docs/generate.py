"""Writes what the docs can take from the code: tables, a page for each model, lists of names.

    python docs/generate.py

A page asks for a table with `<!-- generated: NAME -->` and ends it with `<!-- end -->`; NAME is a function
below. The pages in `docs/models` are made as a whole, each from a class and its hallmark, a script in
`docs/hallmarks` (its picture: `docs/figures.py`).
"""

import ast
import functools
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import equinox as eqx
import pages
import reference
from typesetting import typeset

import nmm_infer as nmm
from nmm_infer._tools._docstrings import summary
from nmm_infer.models import AbstractModel
from nmm_infer.models._catalogue import (
    CATEGORIES,
    alternatives,
    description,
    model_classes,
    nested_parts,
    presets,
)
from nmm_infer.models._dois import doi_of
from nmm_infer.parameters import AbstractPart

DOCS = Path(__file__).parent
MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return (
        "\n".join(
            "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
            for line in lines
        )
        + "\n"
    )


def unit(text: str) -> str:
    return "" if text == "1" else text


def default(value: object) -> str:
    return "none" if value is None else f"{value:g}"


def parameters(cls: type[AbstractPart]) -> str:
    slots = cls.parameters().values()
    if not slots:
        return "No parameters.\n"
    rows = (
        (
            f"`{p.name}`",
            default(p.default),
            unit(p.unit),
            f"{p.low:g} to {p.high:g}",
            p.doc,
        )
        for p in slots
    )
    return table(("parameter", "default", "unit", "range", "meaning"), rows)


def final(module: object) -> list[type]:
    classes = (
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, AbstractPart)
    )
    return sorted(
        (
            c
            for c in classes
            if not inspect.isabstract(c) and not c.__name__.startswith("Abstract")
        ),
        key=lambda c: c.__name__,
    )


def stem(cls: type) -> str:
    """Of the model's file, its hallmark and its picture."""
    return cls.__module__.rpartition("._")[2]


def hallmark(cls: type) -> Path:
    """The script that shows what the model does: a docstring that is the caption, and code that leaves a
    figure.
    """
    return DOCS / "hallmarks" / f"{stem(cls)}.py"


def catalogue() -> str:
    pieces = []
    for category in CATEGORIES:
        rows = []
        for entry in nmm.list_models():
            cls = model_classes()[entry.name]
            if entry.category == category:
                picture = (
                    f"[![{entry.name}](images/models/{stem(cls)}.png)](models/{entry.name}.md)"
                    if hallmark(cls).exists()
                    else ""
                )
                rows.append(
                    (
                        f"[`{entry.name}`](models/{entry.name}.md)",
                        str(entry.n_states),
                        entry.use_case,
                        picture,
                    )
                )
        if rows:
            pieces += [
                f"### {category.capitalize()}\n",
                table(("model", "states", "what for", ""), rows),
            ]
    return "\n".join(["", *pieces, ""])


def names_of(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def variables(model: AbstractModel) -> str:
    """States, and what is computed from them."""
    rows = [
        (
            f"`{s.name}`",
            unit(s.unit),
            f"{s.initial:g}" + ", spread" * s.spread,
            f"{s.low:g} to {s.high:g}",
        )
        for s in model.states
    ]
    text = table(("state", "unit", "initial value", "range"), rows)
    if computed := model.derived | model.driven:
        rows = [
            (
                f"`{name}`",
                unit(text),
                "states" if name in model.derived else "states and input",
                summary(getattr(model, name)),
            )
            for name, text in computed.items()
        ]
        text += "\n" + table(("derived variable", "unit", "of", "meaning"), rows)
    return text


def part(model: AbstractModel, field: str, value: eqx.Module) -> str:
    """A part that a model is composed of: a link to it if it is a model, and otherwise what it is."""
    name, link = type(value).__name__, type(value).__name__ in model_classes()
    what = (
        f"`{field}`: [`{name}`]({name}.md), whose parameters are set through it."
        if link
        else f"`{field}`: `{name}`. {summary(type(value))}"
    )
    others = [other for other in alternatives(model, field) if other != name]
    pieces = [what + (f" Or {names_of(others)}." if others else "") + "\n"]
    if isinstance(value, AbstractPart) and not link and value.parameters():
        pieces.append(parameters(type(value)))
    return "\n".join(pieces)


def model_page(cls: type[AbstractModel]) -> str:
    """Everything that is known of a model, from its class and its hallmark."""
    model, name = cls(), cls.__name__
    first, *rest = description(model)
    pieces = [
        (
            f"<!-- made by docs/generate.py from nmm_infer/models/_{stem(cls)}.py and"
            f" docs/hallmarks/{stem(cls)}.py -->\n"
        ),
        f"# {name}\n",
        first.text + "\n",
        (
            f"`nmm.models.{name}`: {model.category}; {model.use_case}. How to read this page:"
            " [Models](../models.md).\n"
        ),
        "## Equations\n",
        *(f"{typeset(p.text)}\n" if p.equations else p.text + "\n" for p in rest),
        "## Variables\n",
        variables(model),
        (
            f"Regions send {names_of(model.sends)}; coupling enters at {names_of(model.ports)}; observed is"
            f" `{model.observable}`; noise drives {names_of(model.noisy_states())}.\n"
        ),
        "## Parameters\n",
        parameters(cls),
    ]
    parts = nested_parts(model)
    if parts:
        pieces += [
            "## Parts\n",
            *(part(model, field, value) for field, value in parts.items()),
        ]
    if presets(cls):
        rows = ((f"`{name}.{preset}()`", doc) for preset, doc in presets(cls).items())
        pieces += ["## Presets\n", table(("constructor", "what it is"), rows)]
    pieces += [
        "## Literature\n",
        "".join(f"- {reference}\n{doi(reference)}" for reference in model.references),
    ]
    if hallmark(cls).exists():
        caption, code = hallmark_of(cls)
        pieces += [
            "## What it does\n",
            caption + "\n",
            # The site shows what the code below it draws instead.
            f"<!-- drawn below -->\n![{name}](../images/models/{stem(cls)}.png)\n",
            f"```python\n{code}\n```\n",
        ]
    return "\n".join(pieces)


def doi(reference: str) -> str:
    """A line below a reference that leads to it."""
    found = doi_of(reference)
    return f"  [doi:{found}](<https://doi.org/{quote(found)}>)\n" if found else ""


def hallmark_of(cls: type) -> tuple[str, str]:
    """Caption and code."""
    source = hallmark(cls).read_text(encoding="utf-8")
    tree = ast.parse(source)
    caption = " ".join((ast.get_docstring(tree) or "").split())
    return caption, "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()


def model_pages() -> dict[Path, str]:
    """The page of every model, by its path."""
    return {
        DOCS / "models" / f"{name}.md": model_page(cls)
        for name, cls in model_classes().items()
    }


def model_navigation() -> str:
    """The pages of all models for the navigation, by category."""
    pieces = []
    for category in CATEGORIES:
        names = [
            name for name, cls in model_classes().items() if cls.category == category
        ]
        if names:
            entries = "\n".join(f"models/{name}" for name in names)
            options = f":hidden:\n:caption: {category.capitalize()}"
            pieces.append(f"```{{toctree}}\n{options}\n\n{entries}\n```\n")
    return "\n".join(["", *pieces, ""])


def sections(module: object) -> str:
    return "\n".join(
        [
            "",
            *(
                part
                for cls in final(module)
                for part in (
                    f"### {cls.__name__}\n",
                    summary(cls) + "\n",
                    parameters(cls),
                )
            ),
            "",
        ]
    )


def couplings() -> str:
    return sections(nmm.couplings)


def noises() -> str:
    return sections(nmm.noises)


def stimuli() -> str:
    return sections(nmm.stimuli)


def observations() -> str:
    return sections(nmm.observe)


def kernels() -> str:
    return sections(nmm.observe.kernels)


def likelihoods() -> str:
    return sections(nmm.likelihoods)


def names(package: str) -> str:
    """A list of what a package exports; every name gets a page of its own."""
    listed = "\n".join(f"   {name}" for name in reference.names_in(package))
    directive = f".. autosummary::\n   :toctree: reference\n   :caption: {package}"
    return f"\n```{{eval-rst}}\n{directive}\n\n{listed}\n```\n\n"


TABLES = {
    f"names_{name.replace('.', '_')}": functools.partial(names, name)
    for name in reference.PACKAGES
}
TABLES |= {
    f.__name__: f
    for f in (
        catalogue,
        model_navigation,
        couplings,
        noises,
        stimuli,
        observations,
        kernels,
        likelihoods,
    )
}


def fill(text: str) -> str:
    """The page with its generated parts made anew."""
    return MARKED.sub(
        lambda found: found.group(1) + TABLES[found.group(2)]() + found.group(3), text
    )


def documents() -> dict[Path, str]:
    """Everything that is made here as it should be, by path."""
    written = (page for page in pages.paths() if page.parent.name != "models")
    filled = {page: fill(page.read_text(encoding="utf-8")) for page in written}
    return filled | model_pages()


def main() -> None:
    (DOCS / "models").mkdir(exist_ok=True)
    expected = documents()
    for path in set((DOCS / "models").glob("*.md")) - set(expected):
        path.unlink()
        print(f"removed {path.name}")
    for path, text in expected.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"updated {path.name}")


if __name__ == "__main__":
    main()
