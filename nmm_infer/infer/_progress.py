"""Progress that one can watch and interrupt."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Seconds between two lines where bars cannot be drawn: in the log of a batch job.
EVERY = 60.0


@contextmanager
def progress_bar(show: bool) -> Iterator[Progress]:
    """A rich progress bar on stderr, or a line now and then where that is no terminal; nothing if `show` is
    False.
    """
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
        self._said = time.monotonic()
        self._task: Any = progress.add_task(description, total=total, note="")

    def advance(self, n: int, note: str = "") -> None:
        """`n` more done."""
        self._progress.update(self._task, advance=n, note=note)
        console = self._progress.console
        if (
            not (self._progress.disable or console.is_terminal or console.is_jupyter)
            and time.monotonic() - self._said > EVERY
        ):
            self._said = time.monotonic()
            task = self._progress.tasks[self._task]
            seconds = task.elapsed or 0.0
            console.print(
                f"{task.description} {task.completed:g}/{task.total:g}, {seconds:.0f} s {note}".rstrip(),
                highlight=False,
                markup=False,
                soft_wrap=True,
            )

    def finish(self, note: str = "") -> None:
        """Done, perhaps early."""
        self._progress.update(self._task, completed=self._progress.tasks[self._task].total, note=note)
