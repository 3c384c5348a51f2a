"""A worker: one simulator and one task in a process of its own, that speaks JSON lines over stdin and stdout.

It says what it is when it is ready, and then answers `time` (one round) and `check` (the noise-free run
that is compared with the reference) until its input ends. What the simulators print goes to stderr.
"""

import importlib.metadata
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .problem import Task
from .reference import EXACT, Scheme

# A round calls a fast function several times and reports the best, at most so often or for so long.
CALLS, SECONDS = 20, 0.3


class Unsupported(Exception):
    """The simulator cannot do the task; says why in a few words."""


class Work(NamedTuple):
    """A task as one simulator does it.

    run: does it once, with noise, and returns when the result is there.
    check: without noise: the states after each of `problem.CHECKED` steps for a forward task, else the gradient as one vector.
    scheme: how it steps.
    keeps: which states are kept.
    note: what else is different from the task.
    """

    run: Callable[[], Any]
    check: Callable[[], Any]
    scheme: Scheme = EXACT
    keeps: str = "every 10th step"
    note: str = ""


def serve(build: Callable[[Task, str], Work], *packages: str) -> None:
    """Be a worker: `build(task, variant)` makes its work; `packages` are those whose versions are told."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def reply(**message: Any) -> None:
        replies.write(json.dumps(message) + "\n")

    try:
        task, variant = Task(**json.loads(sys.argv[1])), sys.argv[2]
        start = time.perf_counter()
        work = build(task, variant)
        before = peak()
        work.run()
        reply(
            versions={package: importlib.metadata.version(package) for package in packages},
            python=".".join(map(str, sys.version_info[:3])),
            warm_up=time.perf_counter() - start,
            before=before,
            scheme=work.scheme._asdict(),
            keeps=work.keeps,
            note=work.note,
        )
        for line in sys.stdin:
            if line.strip() == "time":
                reply(seconds=best_of(work.run), peak=peak())
            else:
                reply(values=np.asarray(work.check(), dtype=float).tolist())
    except Unsupported as reason:
        reply(unsupported=str(reason))
    except Exception as error:
        traceback.print_exc()
        reply(error=f"{type(error).__name__}: {error}")


def best_of(run: Callable[[], Any]) -> float:
    best, began = float("inf"), time.perf_counter()
    for _ in range(CALLS):
        start = time.perf_counter()
        run()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - began > SECONDS:
            break
    return best


def peak() -> float:
    """Largest resident memory so far, MiB."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / (1024 * 1024 if sys.platform == "darwin" else 1024)
