"""`nmm-infer models`."""

import json
import re
from typing import Annotated, Any

import typer

from .._tools._docstrings import summary
from ._errors import fail, suggestion


def models(
    name: Annotated[
        str | None, typer.Argument(help="Show one model: equations, states, parameters, presets, literature.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="List only this category: phenomenological, physiological or network.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the neural mass models, or show one of them."""
    from rich.console import Console

    from ..models._catalogue import CATEGORIES, list_models, model_classes

    console = Console()
    if category is not None and category.lower() not in CATEGORIES:
        fail(f"there is no category {category!r}; there are {', '.join(CATEGORIES)}")
    if name is None:
        listed = [entry for entry in list_models() if category is None or entry.category == category.lower()]
        if as_json:
            typer.echo(json.dumps([entry._asdict() for entry in listed], indent=2))
            return
        console.print(_catalogue(listed))
        console.print("\n[dim]nmm-infer models NAME shows equations and parameters.[/dim]")
        return
    if as_json:
        fail("--json prints the list; leave it out to show one model")
    if category is not None:
        fail("--category selects from the list; leave it out to show one model")
    by_lower = {known.lower(): cls for known, cls in model_classes().items()}
    if name.lower() not in by_lower:
        fail(
            "there is no model"
            f" {name!r}{suggestion(name, model_classes()) or '; nmm-infer models lists them'}"
        )
    _show(console, by_lower[name.lower()]())


def _table(*heads: str, right: tuple[str, ...] = (), wrap: str = "") -> Any:
    """An empty table without lines; only the column `wrap` gives way in a narrow terminal."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", no_wrap=head != wrap)
    return table


def _catalogue(entries: Any) -> Any:
    """The models below the names of their categories."""
    from itertools import groupby

    table = _table("name", "states", "use case", right=("states",), wrap="use case")
    for category, group in groupby(entries, key=lambda entry: entry.category):
        table.add_row(f"[dim]{category}[/dim]", "", "")
        for entry in group:
            table.add_row(f"  {entry.name}", str(entry.n_states), entry.use_case)
    return table


def _show(console: Any, model: Any) -> None:
    from rich.text import Text

    from ..models._catalogue import description, nested_parts, presets

    cls = type(model)
    console.print(Text.assemble((cls.__name__, "bold"), f"  {model.category}; {model.use_case}"))
    for paragraph in description(model):
        console.print(
            Text(
                "\n"
                + (
                    _equations(paragraph.text, console.width)
                    if paragraph.equations
                    else _prose(paragraph.text)
                )
            )
        )
    console.print(Text(""), _states(model))
    noise = ", ".join(model.noisy_states())
    facts = {
        "sends": ", ".join(model.sends),
        "coupling enters": ", ".join(model.ports),
        "observable": model.observable,
        "noise drives": noise,
    }
    console.print(Text("\n" + "\n".join(f"{what}: {names}" for what, names in facts.items()) + "\n"))
    if cls.parameters():
        console.print(_parameters(cls))
    for field, part in nested_parts(model).items():
        _part(console, model, field, part)
    if presets(cls):
        table = _table("preset", "what it is", wrap="what it is")
        for preset, doc in presets(cls).items():
            table.add_row(f"{cls.__name__}.{preset}()", doc)
        console.print(Text(""), table)
    console.print(Text("\nliterature", "bold"), Text("\n".join(map(_cited, model.references))), sep="\n")


def _cited(reference: str) -> str:
    from ..models._dois import doi_of

    found = doi_of(reference)
    return f"{reference}, doi:{found}" if found else reference


def _prose(text: str) -> str:
    """One line that the terminal breaks where it ends, without Markdown's emphasis; lists keep
    their lines.
    """
    return (text if "\n- " in f"\n{text}" else " ".join(text.split())).replace("**", "")


def _equations(text: str, width: int) -> str:
    """Equations that stand side by side go below each other where the terminal is too narrow."""
    lines = text.splitlines()
    return (
        text if max(map(len, lines)) <= width else "\n".join(re.sub(r",\s{2,}", "\n", line) for line in lines)
    )


def _states(model: Any) -> Any:
    """The states, then the variables computed from them."""
    computed = model.derived | model.driven
    described = any(summary(getattr(model, name)) for name in computed)
    table = _table(
        "variable",
        "unit",
        "initial",
        "range",
        *(("meaning",) if described else ()),
        right=("initial",),
        wrap="meaning",
    )
    for state in model.states:
        table.add_row(
            state.name,
            _unit(state.unit),
            f"{state.initial:g}" + ", spread" * state.spread,
            f"{state.low:g} to {state.high:g}",
        )
    for name, unit in computed.items():
        doc = summary(getattr(model, name))
        table.add_row(
            name,
            _unit(unit),
            "",
            "derived" if name in model.derived else "derived, with the input",
            *((doc,) if described else ()),
        )
    return table


def _parameters(cls: Any, prefix: str = "") -> Any:
    table = _table("parameter", "default", "unit", "range", "meaning", right=("default",), wrap="meaning")
    for p in cls.parameters().values():
        default = "none" if p.default is None else f"{p.default:g}"
        table.add_row(prefix + p.name, default, _unit(p.unit), f"{p.low:g} to {p.high:g}", p.doc)
    return table


def _part(console: Any, model: Any, field: str, part: Any) -> None:
    """A part that the model is composed of: a model by name, anything else with its parameters."""
    from rich.text import Text

    from ..models._base import AbstractModel
    from ..models._catalogue import alternatives
    from ..parameters import AbstractPart

    name = type(part).__name__
    text = Text.assemble("\n", (field, "bold"), f": {name}. ", summary(type(part)))
    if isinstance(part, AbstractModel):
        text.append(f" Its parameters are {field}.…; nmm-infer models {name} shows them.")
    elif others := [other for other in alternatives(model, field) if other != name]:
        text.append(f" Or {', '.join(others)}.")
    console.print(text)
    if isinstance(part, AbstractPart) and not isinstance(part, AbstractModel) and part.parameters():
        console.print(_parameters(part, f"{field}."))


def _unit(text: str) -> str:
    return "" if text == "1" else text
