"""What a docstring says first."""

import inspect


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line; empty without one."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
