"""The command line, `nmm-infer`. A new command is one file and one line here."""

from typing import Annotated

import typer

from ._check import check
from ._demo import demo
from ._models import models
from ._report import report

app = typer.Typer(
    name="nmm-infer",
    help="Bayesian inference for brain network models: from a connectome to a posterior.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nmm_infer {version('nmm-infer')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before the command."""


app.command()(models)
app.command()(demo)
app.command()(check)
app.command()(report)
