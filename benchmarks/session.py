"""One contestant at one task: its worker process, seen from outside."""

import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from .contestants import Contestant
from .environments import FOLDER, InstallError, python_of
from .problem import CHECKED, Problem, Task
from .reference import EXACT, Scheme, direction, simulate, slope

ROOT = Path(__file__).parent.parent
PATIENCE = 900  # seconds for an answer
# Largest difference from the reference over the standard deviation of its trajectory; relative difference of
# a slope.
TOLERANCE, SLOPE_TOLERANCE = 1e-3, 1e-2


class Session:
    """Starts a worker; afterwards `problem` says in a few words what went wrong, if anything did."""

    def __init__(self, contestant: Contestant, task: Task, folder: Path = FOLDER):
        self.contestant, self.task = contestant, task
        self.problem: str | None = None
        self.excused = False
        self.seconds: list[float] = []
        self.processor: list[float] = []
        self.info: dict[str, Any] = {}
        self.agreement: dict[str, Any] = {}
        self.process: subprocess.Popen[str] | None = None
        try:
            python = python_of(contestant.worker, contestant.packages, folder)
        except InstallError as error:
            self.problem = str(error)
            return
        self.process = subprocess.Popen(
            [
                python,
                "-m",
                "benchmarks.worker",
                contestant.worker,
                json.dumps(task._asdict()),
                contestant.variant,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        self.info = self._answer() or {}

    def round(self) -> None:
        """One more time."""
        answer = self._ask("time")
        if answer:
            self.seconds.append(answer["seconds"])
            self.processor.append(answer["processor"])
            self.info["peak"] = answer["peak"]

    def check(self) -> None:
        """Compare a run without noise with the reference."""
        answer = self._ask("check")
        if answer:
            self.agreement = compare(
                self.task, Scheme(**self.info["scheme"]), np.array(answer["values"], dtype=float)
            )

    def close(self) -> None:
        """End the worker."""
        if self.process is None:
            return
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _ask(self, what: str) -> dict[str, Any] | None:
        if self.problem is not None or self.process is None:
            return None
        assert self.process.stdin is not None
        try:
            print(what, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return self._failed("its process ended")
        return self._answer()

    def _answer(self) -> dict[str, Any] | None:
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            self.process.kill()
            return self._failed(f"no answer within {PATIENCE} s")
        line = self.process.stdout.readline()
        if not line:
            return self._failed(f"its process ended with {self.process.wait()}")
        answer = json.loads(line)
        if "unsupported" in answer:
            self.excused = True
            return self._failed(answer["unsupported"])
        return self._failed(answer["error"].splitlines()[0][:200]) if "error" in answer else answer

    def _failed(self, why: str) -> None:
        self.problem = why


def environment() -> dict[str, str]:
    """On a CPU, and everybody compiles anew."""
    return {"JAX_PLATFORMS": "cpu"} | {
        name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"
    }


def compare(task: Task, scheme: Scheme, values: np.ndarray) -> dict[str, Any]:
    """How far the values are from the reference with the same scheme (`error`), and, forward, that from the
    exact scheme (`off`).
    """
    problem = Problem(task)
    if task.kind == "forward":
        reference, exact = (simulate(problem, CHECKED, each) for each in (scheme, EXACT))
        if values.shape != reference.shape:
            return {
                "verified": False,
                "error": None,
                "why": f"got shape {values.shape}, expected {reference.shape}",
            }
        error = float(np.abs(values - reference).max() / reference.std())
        return {
            "verified": error < TOLERANCE,
            "error": error,
            "off": float(np.abs(reference - exact).max() / exact.std()),
        }
    wanted = slope(problem, CHECKED, scheme, task.kind)
    towards = np.ones(1) if task.kind == "speed" else direction(problem)
    if values.shape != towards.shape:
        return {
            "verified": False,
            "error": None,
            "why": f"got shape {values.shape}, expected {towards.shape}",
        }
    error = float(abs(values @ towards / wanted - 1.0))
    return {"verified": error < SLOPE_TOLERANCE, "error": error}
