"""The command line, `nmm-infer`. A new command is one file and one line here."""

import typer

from .check import check
from .demo import demo
from .models import models
from .report import report

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
