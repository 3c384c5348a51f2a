"""The same network in every simulator: `python -m benchmarks peers`.

One process for each contestant and task, so that its peak of memory is its own. All are started and compiled first;
then the rounds are interleaved, one contestant at a time, so that the drift of the machine hits all alike.
"""

import datetime
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .contestants import CONTESTANTS, Contestant
from .environments import FOLDER
from .problem import CHECKED, SIGMA, STEP, Task
from .session import SLOPE_TOLERANCE, TOLERANCE, Session
from .table import markdown, row

RESULTS = Path(__file__).parent / "results"


def tasks(quick: bool = False, regions: int = 90) -> tuple[Task, ...]:
    forward, gradient = (2_000, 500) if quick else (10_000, 1_000)
    return (
        Task("MPR", "forward", forward, regions),
        Task("MPR", "gradient", gradient, regions),
        Task("MPR", "speed", gradient, regions),
        Task("Hopf", "forward", forward, regions),
        Task("Hopf", "gradient", gradient, regions),
        Task("Hopf", "speed", gradient, regions),
        Task("Hopf-x", "forward", forward, regions),
    )


def measure(task: Task, contestants: Iterable[Contestant], rounds: int, folder: Path = FOLDER, say: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """A row for every contestant, those that failed included."""
    sessions = []
    try:
        for contestant in contestants:
            sessions.append(Session(contestant, task, folder))
            say(f"  {contestant.name}: {sessions[-1].problem or f'ready after {sessions[-1].info["warm_up"]:.1f} s'}")
        for _ in range(rounds):
            for session in sessions:
                session.round()
        for session in sessions:
            session.check()
    finally:
        for session in sessions:
            session.close()
    return [row(session) for session in sessions]


def run(
    contestants: tuple[Contestant, ...] = CONTESTANTS,
    chosen: tuple[Task, ...] | None = None,
    rounds: int = 5,
    folder: Path = FOLDER,
    results: Path = RESULTS,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure, and write `peers.md` and `peers.json` after every task, so that an interrupted run leaves what it has."""
    everything: dict[str, Any] = {"about": about(rounds), "tasks": []}
    for task in tasks() if chosen is None else chosen:
        say(task.title)
        load = os.getloadavg()[0]
        rows = measure(task, contestants, rounds, folder, say)
        everything["tasks"].append({"task": task._asdict(), "title": task.title, "load": [load, os.getloadavg()[0]], "rows": rows})
        say("\n".join(markdown(task.title, task.steps, rows)))
        write(everything, results)
    return everything


def about(rounds: int) -> dict[str, Any]:
    return {
        "date": str(datetime.date.today()),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "device": "cpu",
        "rounds": rounds,
    }


def write(everything: dict[str, Any], results: Path) -> None:
    results.mkdir(parents=True, exist_ok=True)
    (results / "peers.json").write_text(json.dumps(everything, indent=1) + "\n")
    (results / "peers.md").write_text("\n".join(page(everything)))


def page(everything: dict[str, Any]) -> list[str]:
    facts, measured = everything["about"], everything["tasks"]
    regions = measured[0]["task"]["regions"]
    loads = [load for each in measured for load in each["load"]]
    versions = {name: version for each in measured for each_row in each["rows"] for name, version in (each_row["versions"] or {}).items()}
    load = f"load {min(loads):.1f}–{max(loads):.1f}"
    machine = f"{facts['date']}, {facts['machine']}, {facts['cores']} cores, device {facts['device']}, Python {facts['python']}, {load}."
    lines = [
        "# The same network in every simulator",
        "",
        f"{machine} {', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}.",
        "",
        f"{regions} regions, dense log-normal weights with row sums of at most 1, delays of 10–200 steps of {STEP:g} ms, white noise of {SIGMA:g} per √ms",
        "on both states, float32 unless noted.",
        f"Times are ratios to the first row, best and median of {facts['rounds']} interleaved rounds; the absolute ones depend on the machine.",
        "Processor time adds up all threads, and is the fairer figure when the machine is busy: long calls share their core with others, short ones may not.",
        "The first call includes building and compiling; memory is the peak of the process.",
        "",
        f"*The same as the reference*: without noise, {CHECKED} steps are compared with a plain NumPy loop in float64 that steps in the same way",
        f"(largest difference over the standard deviation, at most {TOLERANCE:g}; of gradients, the slope along one direction against a central difference,",
        f"at most {SLOPE_TOLERANCE:g}). *Off* is how far that way of stepping is from Heun's method with the input of each stage, which is ours.",
        "",
        "MPR is the Montbrió–Pazó–Roxin model, its rate coupled into V'. Hopf is coupled diffusively through x and y, Hopf-x through x alone.",
        "",
    ]
    for each in measured:
        lines += markdown(each["title"], each["task"]["steps"], each["rows"])
    return lines
