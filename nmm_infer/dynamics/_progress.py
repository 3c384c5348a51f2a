"""How far a branch or a sweep has come, on stderr."""

from contextlib import AbstractContextManager
from typing import Any, Self


class Walk(AbstractContextManager):
    """A line with the present value of the parameter; nothing, if it is not to be shown."""

    def __init__(self, what: str, show: bool):
        self.what = what
        self.status: Any = None
        if show:
            from rich.console import Console

            self.status = Console(stderr=True).status(what)

    def __enter__(self) -> Self:
        if self.status is not None:
            self.status.start()
        return self

    def at(self, value: float, count: int) -> None:
        """Now at `value`, after `count` points."""
        if self.status is not None:
            self.status.update(f"{self.what}: {value:.4g} ({count} points)")

    def __exit__(self, *_: Any) -> None:
        if self.status is not None:
            self.status.stop()
