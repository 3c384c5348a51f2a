"""`nmm-infer demo`."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller fit, in a fraction of the time.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for posterior.nc and report.html.")] = Path("."),
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    chains: Annotated[int | None, typer.Option(min=1, help="Chains; default: the demo's own.")] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, help="Draws of each chain; default: until they are enough.")
    ] = None,
) -> None:
    """Fit resting-state BOLD of one subject on a real connectome; writes posterior.nc and report.html."""
    from rich.console import Console

    from ..demo import run
    from ._errors import fail

    given = {name: value for name, value in (("chains", chains), ("draws", draws)) if value is not None}
    try:
        run(quick=quick, out=out, seed=seed, console=Console(), **given)
    except OSError as error:  # of the folder before anything is computed, of a full disk at the end
        fail(f"the demo cannot write into {out}: {error.strerror or error}")
