"""The same network in every simulator: `python -m benchmarks peers`.

One process for each contestant and task, so that its peak of memory is its own. All are started and compiled
first; then the rounds are interleaved, one contestant at a time, so that the drift of the machine hits all
alike.
"""

import datetime
import json
import os
import platform
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


def measure(
    task: Task,
    contestants: Iterable[Contestant],
    rounds: int,
    folder: Path = FOLDER,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """A row for every contestant, those that failed included."""
    sessions = []
    try:
        for contestant in contestants:
            sessions.append(Session(contestant, task, folder))
            say(
                f"  {contestant.name}:"
                f" {sessions[-1].problem or f'ready after {sessions[-1].info["warm_up"]:.1f} s'}"
            )
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
    keep: bool = False,
) -> list[dict[str, Any]]:
    """Measure, and write `peers.md` and `peers.json` after every task, so that an interrupted run leaves what
    it has.

    With `keep` the tasks of an earlier run stay until they are measured anew.
    """
    everything = earlier(results) if keep else []
    for task in tasks() if chosen is None else chosen:
        say(task.title)
        load = os.getloadavg()[0]
        rows = measure(task, contestants, rounds, folder, say)
        found = {"task": task._asdict(), "title": task.title, "about": about(rounds, load), "rows": rows}
        everything = in_order([*(each for each in everything if each["task"] != found["task"]), found])
        say("\n".join(section(found)))
        write(everything, results)
    return everything


def earlier(results: Path) -> list[dict[str, Any]]:
    file = results / "peers.json"
    return json.loads(file.read_text()) if file.exists() else []


def in_order(everything: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = [(task.problem, task.kind) for task in tasks()]
    return sorted(everything, key=lambda each: order.index((each["task"]["problem"], each["task"]["kind"])))


def about(rounds: int, load: float) -> dict[str, Any]:
    return {
        "load": [load, os.getloadavg()[0]],
        "date": str(datetime.date.today()),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "device": "cpu",
        "rounds": rounds,
    }


def write(everything: list[dict[str, Any]], results: Path) -> None:
    results.mkdir(parents=True, exist_ok=True)
    (results / "peers.json").write_text(json.dumps(everything, indent=1) + "\n")
    (results / "peers.md").write_text("\n".join(page(everything)))


def section(each: dict[str, Any]) -> list[str]:
    facts = each["about"]
    before, after = facts["load"]
    machine = (
        f"{facts['date']}, {facts['machine']}, {facts['cores']} cores, {facts['device']}, load {before:.1f}"
        f" before and {after:.1f} after"
    )
    return [
        f"## {each['title']}",
        "",
        f"{machine}, {facts['rounds']} rounds.",
        "",
        *markdown(each["task"]["steps"], each["rows"]),
    ]


def page(everything: list[dict[str, Any]]) -> list[str]:
    """All tasks; each has its own date and load, as they need not be measured at once."""
    versions = {
        f"{name} {version}"
        for each in everything
        for found in each["rows"]
        for name, version in (found["versions"] or {}).items()
    }
    pythons = {found["python"] for each in everything for found in each["rows"] if found["python"]}
    lines = [
        "# The same network in every simulator",
        "",
        (
            f"{everything[0]['task']['regions']} regions, dense log-normal weights with row sums of at most"
            f" 1, delays of 10–200 steps of {STEP:g} ms,"
        ),
        f"white noise of {SIGMA:g} per √ms on both states, float32 unless noted.",
        (
            "MPR is the Montbrió–Pazó–Roxin model, its rate coupled into V'. Hopf is coupled diffusively"
            " through x and y, Hopf-x through x alone."
        ),
        "",
        f"Python {', '.join(sorted(pythons))}; {', '.join(sorted(versions))}.",
        "",
        (
            "Times are ratios to the first row, best and median of interleaved rounds; the absolute ones"
            " depend on the machine."
        ),
        (
            "Processor time adds up all threads, and is the fairer figure when the machine is busy: long"
            " calls share their core with others, short ones may not."
        ),
        "The first call includes building and compiling; memory is the peak of the process.",
        "",
        (
            f"*The same as the reference*: without noise, {CHECKED} steps are compared with a plain NumPy"
            " loop in float64 that steps in the same way"
        ),
        (
            f"(largest difference over the standard deviation, at most {TOLERANCE:g}; of gradients, the slope"
            " along one direction against a central difference,"
        ),
        (
            f"at most {SLOPE_TOLERANCE:g}). *Off* is how far that way of stepping is from Heun's method with"
            " the input of each stage, which is ours."
        ),
        "",
    ]
    for each in everything:
        lines += section(each)
    return lines
