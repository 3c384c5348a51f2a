"""`nmm-infer models`."""

from typing import Annotated, Any

import typer

from .errors import fail, suggestion


def models(name: Annotated[str | None, typer.Argument(help="Show one model: equations, parameters, references.")] = None) -> None:
    """List the neural mass models, or show one of them."""
    from rich.console import Console

    from ..models.catalogue import list_models, model_classes

    classes = model_classes()
    console = Console()
    if name is None:
        console.print(_catalogue(list_models()))
        console.print("[dim]nmm-infer models NAME shows equations and parameters.[/dim]")
        return
    by_lower = {known.lower(): cls for known, cls in classes.items()}
    if name.lower() not in by_lower:
        fail(f"there is no model {name!r}{suggestion(name, classes) or '; nmm-infer models lists them'}")
    _show(console, by_lower[name.lower()])


def _catalogue(entries: Any) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("name", "category", "states", "use case"):
        table.add_column(head, justify="right" if head == "states" else "left", no_wrap=head == "name")
    for entry in entries:
        table.add_row(entry.name, entry.category, str(entry.n_states), entry.use_case)
    return table


def _show(console: Any, cls: Any) -> None:
    import inspect

    from rich.table import Table
    from rich.text import Text

    console.print(Text.assemble((cls.__name__, "bold"), f"  {cls.category}; {cls.use_case}"))
    console.print(Text("\n" + inspect.cleandoc(cls.__doc__ or "") + "\n"))
    states = Table("state", "unit", "initial", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for state in cls.states:
        states.add_row(state.name, _unit(state.unit), f"{state.initial:g}")
    console.print(states)
    facts = (("sends", cls.sends), ("coupling enters", cls.ports), ("observable", (cls.observable,)))
    console.print(Text("\n" + "\n".join(f"{what}: {', '.join(names)}" for what, names in facts) + "\n"))
    parameters = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("parameter", "default", "unit", "range", "meaning"):
        parameters.add_column(head, justify="right" if head == "default" else "left", no_wrap=head != "meaning")
    for p in cls.parameters().values():
        parameters.add_row(p.name, f"{p.default:g}", _unit(p.unit), f"{p.low:g} to {p.high:g}", p.doc)
    console.print(parameters)
    console.print(Text("\n" + "\n".join(cls.references)))


def _unit(text: str) -> str:
    return "" if text == "1" else text
