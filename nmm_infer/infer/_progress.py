"""Progress that one can watch and interrupt."""

import importlib.util
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
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


# And between two pictures of the bars in a notebook.
REDRAWN = 0.2


class NotebookProgress(Progress):
    """Bars in a notebook without ipywidgets, which rich's own need: text that takes the last one's place."""

    def start(self) -> None:
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

        self._html, self._drawn = HTML, 0.0
        self._place = None if self.disable else display(HTML(""), display_id=True)

    def stop(self) -> None:
        self._draw()

    def update(self, task_id: Any, **changes: Any) -> None:
        super().update(task_id, **changes)
        if time.monotonic() - self._drawn > REDRAWN:
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        if self._place is None:
            return
        page = Console(file=io.StringIO(), force_jupyter=False, color_system=None, width=88)
        page.print(self.get_renderable())
        text = page.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
        self._place.update(self._html(f"<pre>{escape(text)}</pre>"))


@contextmanager
def progress_bar(show: bool) -> Iterator[Progress]:
    """A rich progress bar on stderr, in a notebook below its cell, or a line now and then where there is
    neither terminal nor notebook; nothing if `show` is False.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(stderr=True)
    plain = show and console.is_jupyter and importlib.util.find_spec("ipywidgets") is None
    kind = NotebookProgress if plain else Progress
    with kind(*columns, console=console, disable=not show) as progress:
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
