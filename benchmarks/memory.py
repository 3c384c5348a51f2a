"""What a long run keeps in memory: `python -m benchmarks.memory [--quick]`.

Every case runs in a process of its own. Its peak is the process's (`ru_maxrss`) minus that of a process
that compiled and ran the same program over a few samples, so that Python, JAX and the compiler do not
count. Beside it stands what XLA planned for temporary arrays.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

RESULT = Path(__file__).parent / "results" / "memory.md"
STEP, PERIOD, SPEED, MINUTE, MIB = 1.0, 720.0, 10.0, 60_000.0, 2**20
TARGET = 1.5 * 1024


class Case(NamedTuple):
    """A run of `regions` (84: the shipped connectome) for `minutes`, and what is made of it.

    `seen` is bold, fc of bold, fc (of every step, gathered while it runs) or stored fc (of a trajectory);
    `frame` are the steps of Checkpointed, 0: Stored. A case that is planned only is compiled and not run.
    """

    seen: str
    gradient: bool = False
    delays: bool = False
    frame: int = 256
    regions: int = 84
    minutes: float = 10.0
    planned_only: bool = False

    @property
    def title(self) -> str:
        what = {
            "bold": "BOLD",
            "fc of bold": "FC of BOLD, gathered",
            "fc": "FC of every step, gathered",
            "stored fc": "FC of every step, trajectory kept",
        }[self.seen]
        return (
            f"{'value and gradient' if self.gradient else 'value'}: {what}, {self.regions} regions,"
            f" {self.minutes:g} min"
            + (", delays" if self.delays else "")
            + ((f", Checkpointed({self.frame})" if self.frame else ", Stored") if self.gradient else "")
        )


CASES = (
    Case("bold"),
    Case("bold", delays=True),
    Case("bold", gradient=True),
    Case("bold", gradient=True, delays=True),
    Case("bold", gradient=True, frame=720 * 4),
    Case("bold", gradient=True, frame=720 * 16),
    Case("bold", gradient=True, frame=720 * 64),
    Case("bold", gradient=True, frame=0, minutes=1.0),
    Case("bold", gradient=True, frame=0),
    Case("fc of bold", gradient=True, delays=True),
    Case("fc"),
    Case("stored fc"),
    Case("fc", gradient=True),
    Case("stored fc", gradient=True),
    Case("fc", regions=1000, minutes=1.0),
    Case("stored fc", regions=1000, minutes=1.0),
    Case("fc of bold", regions=1000, planned_only=True),
    Case("fc of bold", gradient=True, regions=1000, planned_only=True),
    Case("fc", gradient=True, regions=1000, planned_only=True),
)
# A minute of BOLD with and without gradient and delays, and FC both ways.
QUICK = tuple(case._replace(minutes=1.0) for case in (*CASES[:4], CASES[10], CASES[11]))


def program(case: Case, duration: float):
    """The compiled function of a case, and its arguments."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import nmm_infer as nmm

    observe = {
        "bold": nmm.observe.Bold(period=PERIOD),
        "fc of bold": nmm.observe.Chain(
            nmm.observe.Bold(period=PERIOD), nmm.observe.FunctionalConnectivity()
        ),
        "fc": nmm.observe.FunctionalConnectivity(period=STEP),
        "stored fc": nmm.observe.FunctionalConnectivity(),
    }[case.seen]
    if case.regions == 84:
        connectome = nmm.datasets.desikan_killiany().scaled_by_spectral_radius()
    else:
        rng = np.random.default_rng(0)
        weights = rng.lognormal(size=(case.regions, case.regions)) * (1.0 - np.eye(case.regions))
        connectome = nmm.Connectome(
            weights / weights.sum(axis=1).max(), rng.uniform(20.0, 200.0, weights.shape)
        )
    adjoint = nmm.adjoints.Checkpointed(case.frame) if case.frame else nmm.adjoints.Stored()

    def loss(w, G):
        model, noise = nmm.models.ReducedWongWang(w=w), nmm.noises.Additive(sigma=0.005)
        network = nmm.Network(
            model, connectome, nmm.couplings.Additive(G=G), noise=noise, speed=SPEED if case.delays else None
        )
        key = jax.random.key(0)
        if case.seen == "stored fc":
            signal = observe(nmm.solve(network, duration, step=STEP, key=key, adjoint=adjoint))
        else:
            signal = nmm.solve(network, duration, step=STEP, key=key, adjoint=adjoint, observe=observe)
        return jnp.sum(signal.values**2)

    at = jnp.full(case.regions, 0.9), jnp.asarray(0.1)
    return (
        jax.jit(jax.value_and_grad(loss, argnums=(0, 1)) if case.gradient else loss).lower(*at).compile(),
        at,
    )


def run(case: Case, duration: float) -> dict:
    """What this process needs for a case; the last thing that it does."""
    import jax
    import numpy as np

    start = time.perf_counter()
    compiled, at = program(case, duration)
    result = {
        "compile_s": time.perf_counter() - start,
        "planned_mib": compiled.memory_analysis().temp_size_in_bytes / MIB,
        "device": jax.devices()[0].platform,
    }
    if not case.planned_only:
        start = time.perf_counter()
        values = jax.block_until_ready(compiled(*at))
        result["run_s"] = time.perf_counter() - start
        assert all(np.all(np.isfinite(value)) for value in jax.tree.leaves(values)), f"{case.title} gave NaN"
    return result | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def in_a_process(case: Case, duration: float) -> dict:
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory",
        "--case",
        json.dumps(case),
        "--duration",
        str(duration),
    ]
    environment = {
        name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"
    }  # so that both compile
    return json.loads(
        subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout.splitlines()[-1]
    )


def where() -> str:
    """Date and machine, for the heading of a result."""
    from importlib.metadata import version

    software = f"jax {version('jax')}, Python {platform.python_version()}"
    return (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, {software}, load"
        f" {os.getloadavg()[0]:.1f}"
    )


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of Markdown."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def measure(case: Case) -> dict:
    result = in_a_process(case, case.minutes * MINUTE)
    if not case.planned_only:
        tiny = in_a_process(case, 4 * PERIOD)
        result["peak_mib"] -= tiny["peak_mib"]
    return {"case": case._asdict(), "title": case.title, **result}


def write(results: list[dict], quick: bool) -> None:
    rows = [
        (
            r["title"],
            "not run" if r["case"]["planned_only"] else f"{max(r['peak_mib'], 0.0):.0f}",
            f"{r['planned_mib']:.1f}",
            f"{r['run_s']:.1f}" if "run_s" in r else "",
        )
        for r in results
    ]
    lines = [
        "# Memory of a run" + (" (quick)" if quick else ""),
        "",
        (
            f"{where()}, device {results[0]['device']}. Reduced Wong–Wang, step {STEP:g} ms, Heun, float32,"
            f" white noise, BOLD every {PERIOD:g} ms; gradients with respect to a parameter of every region"
            " and the global coupling. Peak: of the resident memory, beyond that of a process that did the"
            " same over a few samples; some 15 MiB up or down are the compiler's."
        ),
        "",
        *table(("case", "peak, MiB", "temporary arrays planned by XLA, MiB", "run, s"), rows),
        "",
        f"Target: 10 minutes of BOLD of 84 regions, value and gradient, below {TARGET:g} MiB.",
        "",
    ]
    target = RESULT.with_stem("memory_quick") if quick else RESULT
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines))
    target.with_suffix(".json").write_text(
        json.dumps({"where": where(), "results": results}, indent=1) + "\n"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten, and fewer cases")
    parser.add_argument("--case", type=lambda text: Case(*json.loads(text)), help=argparse.SUPPRESS)
    parser.add_argument("--duration", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run(options.case, options.duration)))
        return
    results = []
    for case in QUICK if options.quick else CASES:
        results.append(measure(case))
        print(
            case.title,
            {name: round(value, 1) for name, value in results[-1].items() if isinstance(value, float)},
            flush=True,
        )
        write(results, options.quick)


if __name__ == "__main__":
    main()
