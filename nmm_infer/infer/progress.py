"""Progress that one can watch and interrupt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def progress_bar(show: bool) -> Iterator[Progress]:
    """A rich progress bar on stderr; invisible if `show` is False."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not show) as progress:
        yield progress


class Steps:
    """One line of progress, moved in chunks."""

    def __init__(self, progress: Progress, description: str, total: int):
        self._progress = progress
        self._task: Any = progress.add_task(description, total=total, note="")

    def advance(self, n: int, note: str = "") -> None:
        """`n` more done."""
        self._progress.update(self._task, advance=n, note=note)

    def finish(self, note: str = "") -> None:
        """Done, perhaps early."""
        self._progress.update(self._task, completed=self._progress.tasks[self._task].total, note=note)
