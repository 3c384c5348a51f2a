"""`nmm-infer check`."""

from pathlib import Path
from typing import Annotated

import typer

from ._errors import fail
from ._result import load_result


def check(
    file: Annotated[Path, typer.Argument(help="A result, such as posterior.nc.")],
    strict: Annotated[bool, typer.Option(help="End with exit code 1 if there is a problem.")] = False,
) -> None:
    """Say in plain words whether a posterior can be trusted, and what it predicts."""
    from rich.console import Console

    from ..check import diagnose, predictive

    tree = load_result(file)
    try:
        diagnosis = diagnose(tree)
    except ValueError as error:
        fail(f"{file}: {error}")
    console = Console()
    console.print(diagnosis)
    console.print()
    console.print(predictive(tree))
    if strict and not diagnosis.ok:
        raise typer.Exit(1)
