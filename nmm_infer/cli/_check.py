"""`nmm-infer check`."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from ._errors import fail
from ._result import load_result


def check(
    file: Annotated[Path, typer.Argument(help="A result, such as posterior.nc.")],
    strict: Annotated[bool, typer.Option(help="End with exit code 1 if there is a problem.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show also the coordinates of pooled parameters (.x, .z).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Say in plain words whether a posterior can be trusted, and what it predicts."""
    from rich.console import Console

    from ..check import diagnose, predictive

    tree = load_result(file)
    try:
        diagnosis = diagnose(tree, coordinates=everything)
    except ValueError as error:
        fail(f"{file}: {error}")
    prediction = predictive(tree)
    if as_json:
        both = {"diagnosis": diagnosis.as_dict(), "prediction": dataclasses.asdict(prediction)}
        typer.echo(json.dumps(both, indent=2))
    else:
        console = Console()
        console.print(diagnosis)
        console.print()
        console.print(prediction)
    if strict and not diagnosis.ok:
        raise typer.Exit(1)
