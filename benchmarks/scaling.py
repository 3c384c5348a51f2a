"""How time and memory grow with regions, steps and parameter sets: `python -m benchmarks.scaling [--quick]`.

Each series grows until a case would take longer than `LIMIT` or plan more than `MEMORY`, so that the
table says where one machine ends. Exponents are slopes of straight lines through the logarithms, on a CPU
of processor time, which others on the machine change less than the time on the clock.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import nmm_infer as nmm

from .memory import MIB, table, where
from .timing import best

RESULT = Path(__file__).parent / "results" / "scaling.md"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "scaling.png"
STEP, SPEED, EVERY = 0.1, 10.0, 100
LIMIT, MEMORY = 300.0, 6 * 1024
REGIONS = (20, 50, 100, 200, 500, 1000)
STEPS = tuple(10**k for k in (3, 4, 5, 6))
SETS = (1, 4, 16, 64, 256, 1024)


class Run(NamedTuple):
    """One case of a series: its size, compile time, planned memory and best times of a run, on the clock and
    of the processors.
    """

    size: int
    compile_s: float
    planned_mib: float
    run_s: float
    cpu_s: float

    @property
    def cost_s(self) -> float:
        """What is fitted and drawn."""
        return self.cpu_s if jax.devices()[0].platform == "cpu" else self.run_s


class Series(NamedTuple):
    """What grows, what is done, and for which size how many `units` (steps, or steps of all sets) a
    run has.
    """

    grows: str
    title: str
    build: Callable[[int], tuple[Any, tuple[Any, ...]]]
    sizes: tuple[int, ...]
    units: Callable[[int], int]


def program(regions: int, steps: int, delays: bool, gradient: bool) -> Callable[..., Any]:
    """Mean power of a network's activity, averaged over windows while it runs, as a function of a regional
    parameter and the coupling.
    """
    rng = np.random.default_rng(0)
    if regions > 1:
        weights = rng.lognormal(size=(regions, regions)) * (1.0 - np.eye(regions))
        connectome = nmm.Connectome(
            weights / weights.sum(axis=1).max(), rng.uniform(30.0, 370.0, weights.shape)
        )
    observe = nmm.observe.TemporalAverage(period=EVERY * STEP)

    def loss(eta, G):
        model = nmm.models.MontbrioPazoRoxin(eta=eta)
        network = (
            nmm.Network(model, connectome, nmm.couplings.Additive(G=G), speed=SPEED if delays else None)
            if regions > 1
            else nmm.Network(model)
        )
        return jnp.mean(
            nmm.solve(
                network, steps * STEP, step=STEP, observe=observe, adjoint=nmm.adjoints.Checkpointed()
            ).values
            ** 2
        )

    return jax.value_and_grad(loss, argnums=(0, 1) if regions > 1 else 0) if gradient else loss


def point(regions: int, sets: int | None = None) -> tuple[Any, Any]:
    """Parameters of one network, or of several."""
    if sets is None:
        return jnp.full(regions, -5.0), jnp.asarray(0.5)
    return -5.0 + 0.1 * jax.random.normal(jax.random.key(0), (sets, regions)), jnp.linspace(0.4, 0.6, sets)


def of_regions(delays: bool, gradient: bool, steps: int) -> Series:
    title = ("value and gradient" if gradient else "value") + (", delays" if delays else "")
    return Series(
        "regions", title, lambda n: (program(n, steps, delays, gradient), point(n)), REGIONS, lambda n: steps
    )


def of_steps(gradient: bool) -> Series:
    return Series(
        "steps",
        "value and gradient" if gradient else "value",
        lambda n: (program(84, n, False, gradient), point(84)),
        STEPS,
        lambda n: n,
    )


def of_sets(regions: int, gradient: bool, steps: int) -> Series:
    title = (
        ("value and gradient" if gradient else "value") + f", {regions} region" + ("s" if regions > 1 else "")
    )
    return Series(
        "parameter sets",
        title,
        lambda n: (jax.vmap(program(regions, steps, False, gradient)), point(regions, n)),
        SETS,
        lambda n: n * steps,
    )


def all_series(steps: int) -> list[Series]:
    return [
        *(of_regions(delays, gradient, steps) for delays in (False, True) for gradient in (False, True)),
        *(of_steps(gradient) for gradient in (False, True)),
        *(of_sets(regions, gradient, steps) for regions in (1, 84) for gradient in (False, True)),
    ]


def measure(series: Series, limit: float, memory: float) -> tuple[list[Run], str]:
    """The runs, and why the series ended."""
    runs: list[Run] = []
    for size in series.sizes:
        if len(runs) > 1:
            # A run grows at least as it did last.
            growth = np.log(runs[-1].run_s / runs[-2].run_s) / np.log(runs[-1].size / runs[-2].size)
            expected = runs[-1].run_s * (size / runs[-1].size) ** growth
            if expected > limit:
                return runs, f"{size} would take {expected:.0f} s"
        function, at = series.build(size)
        start = time.perf_counter()
        compiled = jax.jit(function).lower(*at).compile()
        compile_s = time.perf_counter() - start
        planned = compiled.memory_analysis().temp_size_in_bytes / MIB
        if planned > memory:
            return runs, f"{size} would need {planned / 1024:.1f} GiB"
        runs.append(Run(size, compile_s, planned, *best(compiled, at)))
        print(series.grows, series.title, runs[-1], flush=True)
    return runs, ""


def exponent(runs: list[Run], value: Callable[[Run], float], largest: bool) -> str:
    """Slope over the larger or smaller half of the sizes, with its range."""
    half = runs[-max(2, (len(runs) + 1) // 2) :] if largest else runs[: max(2, (len(runs) + 1) // 2)]
    if len(half) < 2:
        return ""
    slope = np.polyfit(
        np.log([run.size for run in half]), np.log([max(value(run), 1e-9) for run in half]), 1
    )[0]
    return f"{slope:.2f} ({half[0].size}–{half[-1].size})"


def vmap_against_loop(steps: int, sets: int = 16) -> list[tuple[str, ...]]:
    """`sets` parameter sets at once and one after the other, in turns."""
    rows = []
    for regions in (1, 84):
        for gradient in (False, True):
            function, at = program(regions, steps, False, gradient), point(regions, sets)
            together, alone = jax.jit(jax.vmap(function)), jax.jit(function)
            each = [tuple(x[i] for x in at) for i in range(sets)]
            ways = (together, lambda *at, alone=alone, each=each: [alone(*one) for one in each])
            for way in ways:
                jax.block_until_ready(way(*at))
            turns = [[best(way, at, rounds=1)[0] for way in ways] for _ in range(5)]
            fastest = [min(times) for times in zip(*turns, strict=True)]
            name = (
                f"{regions} region{'s' if regions > 1 else ''},"
                f" {'value and gradient' if gradient else 'value'}"
            )
            rows.append((name, *(f"{1e3 * t:.1f}" for t in fastest), f"{fastest[0] / fastest[1]:.2f}"))
    return rows


def draw(results: list[tuple[Series, list[Run]]], target: Path) -> None:
    import matplotlib.pyplot as plt

    clock = "processor time" if jax.devices()[0].platform == "cpu" else "time"
    panels = {
        "regions": f"{clock} of a step, µs",
        "steps": f"{clock} of a run, s",
        "parameter sets": f"{clock} of a step of one set, µs",
    }
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.0), layout="constrained")
    for axis, (grows, label) in zip(axes, panels.items(), strict=True):
        for k, (series, runs) in enumerate(
            (series, runs) for series, runs in results if series.grows == grows
        ):
            sizes = np.array([run.size for run in runs])
            scale = np.array([1.0 if grows == "steps" else 1e6 / series.units(run.size) for run in runs])
            axis.loglog(
                sizes,
                scale * [run.cost_s for run in runs],
                "o-",
                color=f"C{k}",
                ms=4,
                lw=1.5,
                label=series.title,
            )
        if grows == "regions":
            first = results[0][1]
            sizes = np.array([run.size for run in first[-3:]], float)
            axis.loglog(
                sizes,
                0.4e6 * first[-1].cost_s / results[0][0].units(0) * (sizes / sizes[-1]) ** 2,
                "k:",
                lw=1,
                label="∝ regions²",
            )
        if grows == "steps":
            memory = axis.twinx()
            for k, (_, runs) in enumerate(
                (series, runs) for series, runs in results if series.grows == "steps"
            ):
                memory.loglog(
                    [run.size for run in runs],
                    [run.planned_mib for run in runs],
                    "s--",
                    color=f"C{k}",
                    ms=3,
                    lw=1,
                    alpha=0.7,
                )
            memory.set_ylabel("planned memory, MiB (dashed)")
            memory.set_ylim(0.01, 1e4)
        axis.set(xlabel=grows, ylabel=label)
        axis.grid(alpha=0.3, which="major")
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(target, dpi=110)


def lines_of(
    results: list[tuple[Series, list[Run], str]], loop: list[tuple[str, ...]], steps: int, quick: bool
) -> Iterable[str]:
    device = jax.devices()[0]
    yield from (
        "# How a run grows" + (" (quick)" if quick else ""),
        "",
        (
            f"{where()}, device {device.platform} ({device.device_kind}). Montbrió–Pazó–Roxin, dense"
            f" connectome, delays 3–37 ms, step {STEP:g} ms, Heun, float32, Checkpointed(256), {steps} steps"
            f" unless these grow; windows of {EVERY} steps are averaged while it runs. Memory is what XLA"
            " planned for temporary arrays."
        ),
        "",
    )
    units = {"regions": "step", "steps": "step", "parameter sets": "step of one set"}
    for grows, unit in units.items():
        rows = [
            (
                series.title,
                f"{run.size}",
                f"{1e6 * run.run_s / series.units(run.size):.3g}",
                f"{1e6 * run.cpu_s / series.units(run.size):.3g}",
                f"{run.run_s:.3g}",
                f"{run.planned_mib:.1f}",
                f"{run.compile_s:.1f}",
            )
            for series, runs, _ in results
            if series.grows == grows
            for run in runs
        ]
        yield from (
            f"## {grows.capitalize()}",
            "",
            *table(
                ("what", grows, f"µs per {unit}", "of processors", "run, s", "memory, MiB", "compile, s"),
                rows,
            ),
            "",
        )
    slopes = [
        (
            series.grows,
            series.title,
            *(exponent(runs, lambda run: run.cost_s, largest) for largest in (False, True)),
            exponent(runs, lambda run: run.planned_mib, True),
            ended,
        )
        for series, runs, ended in results
    ]
    yield from (
        "## Exponents",
        "",
        *table(("grows", "what", "time, small", "time, large", "memory, large", "ended because"), slopes),
        "",
    )
    yield from (
        "## 16 parameter sets: vmap against a loop",
        "",
        *table(("what", "vmap, ms", "loop, ms", "ratio"), loop),
        "",
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer steps, and at most 2 s a case")
    parser.add_argument(
        "--limit", type=float, help=f"the longest run of a case in s; {LIMIT:g}, or 2 if quick"
    )
    options = parser.parse_args()
    quick = options.quick
    steps, limit = (500, 2.0) if quick else (2000, LIMIT)
    results = [(series, *measure(series, options.limit or limit, MEMORY)) for series in all_series(steps)]
    loop = vmap_against_loop(steps)
    target = RESULT.with_stem("scaling_quick") if quick else RESULT
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines_of(results, loop, steps, quick)))
    record = [
        {
            "grows": series.grows,
            "title": series.title,
            "runs": [run._asdict() for run in runs],
            "ended": ended,
            "steps": steps,
        }
        for series, runs, ended in results
    ]
    target.with_suffix(".json").write_text(
        json.dumps({"where": where(), "series": record, "vmap_against_loop": loop}, indent=1) + "\n"
    )
    draw([(series, runs) for series, runs, _ in results], target.with_suffix(".png") if quick else PICTURE)
    print(f"written to {target.name}")


if __name__ == "__main__":
    main()
