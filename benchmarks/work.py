"""What a worker makes of a task."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .reference import EXACT, Scheme


class UnsupportedError(Exception):
    """The simulator cannot do the task; says why in a few words."""


class Work(NamedTuple):
    """A task as one simulator does it.

    run: does it once, with noise, and returns when the result is there. check: without noise: the states
    after each of `problem.CHECKED` steps for a forward task, else the gradient as one vector. scheme: how it
    steps. keeps: which states are kept. note: what else is different from the task.
    """

    run: Callable[[], Any]
    check: Callable[[], Any]
    scheme: Scheme = EXACT
    keeps: str = "every 10th step"
    note: str = ""
