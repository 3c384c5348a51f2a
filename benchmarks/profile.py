"""Where the time of a step goes: `python -m benchmarks.profile`.

JAX's profiler says how long each operation of the compiled program took; the names that the simulation
gives its parts (`jax.named_scope`) say which part it belongs to. Profiling itself takes time, so shares
are of the profiled run, and are put on the time of a run without it.
"""

import argparse
import datetime
import os
import platform
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import nmm_infer as nmm
from nmm_infer import couplings, models, noises

from .problem import EVERY, SIGMA, SPEED, STEP, STRENGTH, Problem, Task

RESULT = Path(__file__).parent / "results" / "profile.md"
STEPS, ROUNDS, PROFILED = 1000, 30, 5
KEY = jax.random.key(0)
# Name of a scope, and what is in it. The innermost counts.
PARTS = {
    "fetch": "slices of what was sent are copied, for every edge",
    "weigh": "weighted and summed for every region",
    "steps": "the model's equations, Heun's stages",
    "noise": "drawing random numbers",
    "lines": "what is sent is added to the past",
    "record": "states or observations are written down",
}
REST = "the rest"
COPY = re.compile(r"copy[\w.\-]*")
INSTRUCTION = re.compile(
    r"^\s*(?:ROOT )?%?([\w.\-]+) = .*?metadata=\{[^}]*?op_name=\"([^\"]*)\"", re.MULTILINE
)


def network(eta: Any, G: Any, delays: bool, noise: bool) -> nmm.Network:
    problem = Problem(Task("MPR", "gradient", STEPS))
    return nmm.Network(
        models.MontbrioPazoRoxin(eta=eta),
        nmm.Connectome(problem.weights, problem.lengths),
        couplings.Additive(G=G),
        speed=SPEED if delays else None,
        noise=noises.Additive(sigma=SIGMA) if noise else None,
        initial=problem.initial,
    )


def program(gradient: bool, delays: bool, noise: bool) -> tuple[Any, tuple[Any, ...]]:
    """A compiled simulation, or its value and gradient, and its arguments."""

    def run(eta: Any, G: Any) -> Any:
        return nmm.solve(
            network(eta, G, delays, noise), STEPS * STEP, step=STEP, sample_every=EVERY * STEP, key=KEY
        ).values

    function = (
        jax.value_and_grad(lambda eta, G: jnp.mean(run(eta, G)[:, 0] ** 2), argnums=(0, 1))
        if gradient
        else run
    )
    at = (
        jnp.asarray(Problem(Task("MPR", "gradient", STEPS)).regional, jnp.float32),
        jnp.float32(STRENGTH["MPR"]),
    )
    return jax.jit(function).lower(*at).compile(), at


def part_of(path: str) -> str:
    """The innermost named part in the path of an operation."""
    names = re.split(r"[/()]", path)
    return next((name for name in reversed(names) if name in PARTS), REST)


def shares(compiled: Any, arguments: tuple[Any, ...]) -> dict[str, float]:
    """Fraction of the time of each part."""
    paths = dict(INSTRUCTION.findall(compiled.as_text()))
    spent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(PROFILED):
                jax.block_until_ready(compiled(*arguments))
        files = list(Path(folder).rglob("*.xplane.pb"))
        assert files, "the profiler wrote nothing"
        for plane in jax.profiler.ProfileData.from_file(str(files[0])).planes:
            for line in plane.lines:
                spent.update(_spent([(e.start_ns, e.duration_ns, e.name) for e in line.events], paths))
    total = sum(spent.values())
    return {part: spent[part] / total for part in (*PARTS, REST)}


def _spent(events: list[tuple[float, float, str]], paths: dict[str, str]) -> Counter[str]:
    """Time of each part on one thread: that of an event without the events inside of it, which are of the
    same part if they have no name of their own.
    """
    spent: Counter[str] = Counter()
    around: list[tuple[float, str | None]] = []
    for start, duration, name in sorted(events, key=lambda event: (event[0], -event[1])):
        while around and around[-1][0] <= start:
            around.pop()
        outer = around[-1][1] if around else None
        # Copies that the compiler added have a name and no path.
        part = (
            part_of(paths[name])
            if name in paths
            else REST
            if outer is None and COPY.fullmatch(name)
            else outer
        )
        if outer is not None:
            spent[outer] -= int(duration)
        if part is not None:
            spent[part] += int(duration)
        around.append((start + duration, part))
    return spent


def microseconds(compiled: Any, arguments: tuple[Any, ...]) -> float:
    """Best time of a step."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="where the table is written")
    out = parser.parse_args().out
    header = ("", "µs per step", *PARTS, REST)
    rows = []
    for delays, noise in ((False, False), (True, False), (True, True)):
        for gradient in (False, True):
            compiled, arguments = program(gradient, delays, noise)
            per_step = microseconds(compiled, arguments)
            parts = shares(compiled, arguments)
            name = (
                f"{'value and gradient' if gradient else 'forward'},"
                f" {'delays' if delays else 'no delays'}{', noise' if noise else ''}"
            )
            rows.append((name, f"{per_step:.2f}", *(f"{per_step * share:.2f}" for share in parts.values())))
    lines = [
        "# Where the time of a step goes",
        "",
        (
            f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, jax {jax.__version__},"
            f" device {jax.devices()[0].platform}, load {os.getloadavg()[0]:.1f}. Montbrió–Pazó–Roxin,"
            f" {Problem(Task('MPR', 'gradient', STEPS)).weights.shape[0]} regions, dense, delays of 10–200"
            f" steps, float32, {STEPS} steps; microseconds per step, from the shares in a profile."
        ),
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        "; ".join(f"*{name}*: {what}" for name, what in PARTS.items())
        + ". *The rest* is the loops' own: values kept for the backward pass, copies.",
        "",
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines))
    print("\n".join(lines), f"written to {out}", sep="\n")


if __name__ == "__main__":
    main()
