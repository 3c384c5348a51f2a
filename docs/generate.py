"""Writes the tables of the docs from the metadata of the code, between the markers that ask for them.

    python docs/generate.py

A page asks with `<!-- generated: NAME -->` and ends the table with `<!-- end -->`; NAME is a function below.
"""

import functools
import importlib
import inspect
import re
from collections.abc import Iterable
from pathlib import Path

import nmm_infer as nmm
from nmm_infer.models.catalogue import model_classes
from nmm_infer.parameters import AbstractPart

MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines) + "\n"


def unit(text: str) -> str:
    return "" if text == "1" else text


def default(value: object) -> str:
    return "none" if value is None else f"{value:g}"


def parameters(cls: type[AbstractPart]) -> str:
    slots = cls.parameters().values()
    if not slots:
        return "No parameters.\n"
    rows = ((f"`{p.name}`", default(p.default), unit(p.unit), f"{p.low:g} to {p.high:g}", p.doc) for p in slots)
    return table(("parameter", "default", "unit", "range", "meaning"), rows)


def summary(cls: type) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].split())


def final(module: object) -> list[type]:
    classes = (c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, AbstractPart))
    return sorted((c for c in classes if not inspect.isabstract(c) and not c.__name__.startswith("Abstract")), key=lambda c: c.__name__)


def catalogue() -> str:
    rows = ((f"[`{e.name}`](#{e.name.lower()})", e.category, str(e.n_states), e.use_case) for e in nmm.list_models())
    return table(("model", "category", "states", "what for"), rows)


def models() -> str:
    pieces = []
    for name, cls in model_classes().items():
        paragraphs = inspect.cleandoc(cls.__doc__ or "").split("\n\n")
        text = [f"```text\n{p}\n```" if re.search(r"\w'+ = |^x_|^\w\(", p, re.MULTILINE) else p for p in paragraphs]
        states = ", ".join(f"`{s.name}`" + (f" ({s.unit})" if unit(s.unit) else "") for s in cls.states)
        derived = "; derived: " + ", ".join(f"`{n}`" + (f" ({t})" if unit(t) else "") for n, t in cls.derived.items()) if cls.derived else ""
        facts = f"States: {states}{derived}. Sends `{'`, `'.join(cls.sends)}`, input enters at `{'`, `'.join(cls.ports)}`, observed is `{cls.observable}`."
        references = "References: " + "; ".join(cls.references) + "."
        pieces += [f"### {name}\n", "\n\n".join(text) + "\n", facts + "\n", parameters(cls), references + "\n"]
    return "\n".join(["", *pieces, ""])


def sections(module: object) -> str:
    return "\n".join(["", *(part for cls in final(module) for part in (f"### {cls.__name__}\n", summary(cls) + "\n", parameters(cls))), ""])


def couplings() -> str:
    return sections(nmm.couplings)


def noises() -> str:
    return sections(nmm.noises)


def observations() -> str:
    return sections(nmm.observe)


def kernels() -> str:
    return sections(nmm.observe.kernels)


def likelihoods() -> str:
    return sections(nmm.likelihoods)


def names(module: object) -> str:
    """The directives that document what a package exports, by where it is defined: functions may have the name of their file."""
    things = (thing for name, thing in vars(module).items() if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)))
    ours = {f"{thing.__module__}.{thing.__qualname__}": thing.__name__ for thing in things if thing.__module__.startswith("nmm_infer")}
    return "\n" + "\n".join(f"::: {path}" for path in sorted(ours, key=lambda path: ours[path].lower())) + "\n\n"


PACKAGES = ("solvers", "adjoints", "linear", "observe", "likelihoods", "infer", "check", "viz", "report", "datasets")
TABLES = {f"names_{name}": functools.partial(names, importlib.import_module(f"nmm_infer.{name}")) for name in PACKAGES}
TABLES |= {f.__name__: f for f in (catalogue, models, couplings, noises, observations, kernels, likelihoods)}


def fill(text: str) -> str:
    """The page with its generated parts made anew."""
    return MARKED.sub(lambda found: found.group(1) + TABLES[found.group(2)]() + found.group(3), text)


def main() -> None:
    for page in Path(__file__).parent.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        if fill(text) != text:
            page.write_text(fill(text), encoding="utf-8")
            print(f"updated {page.name}")


if __name__ == "__main__":
    main()
