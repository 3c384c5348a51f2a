"""Errors of the user end with one line on stderr and exit code 2, not with a traceback."""

import difflib
from collections.abc import Iterable
from typing import NoReturn

import typer


def fail(message: str) -> NoReturn:
    """Ends the command with `message`."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), message))
    raise typer.Exit(2)


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" for names that contain `name` or are close to it, whatever its case; "" without
    any.
    """
    by_lower = {text.lower(): text for text in known}
    containing = [text for text in by_lower if name.lower() in text]
    near = containing[:4] or difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(by_lower[text] for text in near)}?" if near else ""
