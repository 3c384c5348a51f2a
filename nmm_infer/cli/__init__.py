"""The command line, `nmm-infer`. A new command is one file and one line here."""

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
app.command()(models)
app.command()(demo)
app.command()(check)
app.command()(report)
