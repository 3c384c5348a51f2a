"""A worker: one simulator and one task in a process of its own, that speaks JSON lines over stdin and stdout.

`python -m benchmarks.worker WORKER TASK VARIANT` says what it is when it is ready, and then answers `time`
(one round) and `check` (the noise-free run that is compared with the reference) until its input ends.
What the simulators print goes to stderr.
"""

import importlib
import importlib.metadata
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from .problem import Task
from .work import UnsupportedError

# A round calls a fast function several times and reports the best, at most so often or for so long.
CALLS, SECONDS = 20, 0.3


def serve(name: str, task: Task, variant: str) -> None:
    """Be a worker: `benchmarks.workers.NAME` has `build(task, variant)`, which makes its work, and
    `PACKAGES`, whose versions are told.
    """
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def reply(**message: Any) -> None:
        replies.write(json.dumps(message) + "\n")

    try:
        # Imported here, when nothing can print between the replies any more and what fails is told.
        module = importlib.import_module(f"benchmarks.workers.{name}")
        start, before = time.perf_counter(), peak()
        work = module.build(task, variant)
        work.run()
        reply(
            versions={package: importlib.metadata.version(package) for package in module.PACKAGES},
            python=".".join(map(str, sys.version_info[:3])),
            warm_up=time.perf_counter() - start,
            before=before,
            peak=peak(),
            scheme=work.scheme._asdict(),
            keeps=work.keeps,
            note=work.note,
        )
        for line in sys.stdin:
            if line.strip() == "time":
                reply(**best_of(work.run), peak=peak())
            else:
                reply(values=np.asarray(work.check(), dtype=float).tolist())
    except UnsupportedError as reason:
        reply(unsupported=str(reason))
    except Exception as error:
        traceback.print_exc()
        reply(error=f"{type(error).__name__}: {error}")


def best_of(run: Callable[[], Any]) -> dict[str, float]:
    """The shortest wall time and the least processor time (of all threads) of several calls.

    On a busy machine a long call shares its core and a short one may not, which only the processor time does
    not see.
    """
    best, least, began = float("inf"), float("inf"), time.perf_counter()
    for _ in range(CALLS):
        start, used = time.perf_counter(), time.process_time()
        run()
        end = time.perf_counter()
        best, least = min(best, end - start), min(least, time.process_time() - used)
        if end - began > SECONDS:
            break
    return {"seconds": best, "processor": least}


def peak() -> float:
    """Largest resident memory so far, MiB."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    serve(sys.argv[1], Task(**json.loads(sys.argv[2])), sys.argv[3])
