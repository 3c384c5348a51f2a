"""`nmm-infer report`."""

from pathlib import Path
from typing import Annotated

import typer

from ._errors import fail
from ._result import load_result


def report(
    file: Annotated[Path, typer.Argument(help="A result, such as posterior.nc.")],
    out: Annotated[
        Path | None, typer.Option(help="The page to write; default: beside the result, ending in .html.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
) -> None:
    """Write a self-contained HTML page about a posterior."""
    from rich.console import Console
    from rich.text import Text

    tree = load_result(file)
    from ..report import write_report

    console = Console()
    try:
        with console.status("drawing"):
            path = write_report(tree, out or file.with_suffix(".html"), title=title)
    except (ValueError, OSError) as error:
        fail(f"{file}: {error}")
    console.print(Text(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)"), soft_wrap=True)
