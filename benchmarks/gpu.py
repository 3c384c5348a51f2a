"""What a GPU gives beside the processor of its machine: `python -m benchmarks.gpu [--only
simulations,gradients,posteriors,regions]`.

The same programs on both, each platform in a process of its own, one after the other: networks with and
without delays over many parameter sets at once, gradients of log densities over many chains at once, and
posteriors of an evoked response by engines that run many chains. Times are the best of several runs once
compiled; those of posteriors are of the whole call. Without a GPU the column of the processor is all there
is. `--keep` keeps what an earlier run measured and this one does not: the parts take some minutes each.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .fits import circumstances, earlier, fitted, publish, table
from .timing import best

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "gpu.md"
PLATFORMS = {"cpu": "processor", "cuda": "GPU"}
PARTS = ("simulations", "gradients", "posteriors", "regions")
POSTERIORS = ("posteriors", "regions")
STEPS = 1000


class Timed(NamedTuple):
    """One measurement: the part it belongs to, what was run, how many at once, seconds, and for posteriors
    what they gave.
    """

    part: str
    title: str
    batch: int
    seconds: float
    ess: float = float("nan")
    r_hat: float = float("nan")
    divergences: int = 0


def simulations(quick: bool) -> Iterator[Timed]:
    """Montbrió–Pazó–Roxin networks, 84 regions, single precision."""
    import jax

    from .scaling import point, program

    for delays in (False, True):
        for gradient in (False, True):
            title = ("value and gradient" if gradient else "value") + (
                ", delays of 3 to 37 ms" if delays else ""
            )
            for batch in (1, 4) if quick else (1, 16, 256) if gradient else (1, 16, 256, 2048):
                run = (
                    jax.jit(jax.vmap(program(84, 100 if quick else STEPS, delays, gradient)))
                    .lower(*point(84, batch))
                    .compile()
                )
                yield Timed("simulations", title, batch, best(run, point(84, batch), rounds=3)[0])


def gradients(quick: bool) -> Iterator[Timed]:
    """Log density and gradient at draws of the prior, all at once."""
    import jax
    import jax.numpy as jnp

    from nmm_infer.infer._engine import precision
    from nmm_infer.infer._target import Target
    from nmm_infer.infer.devices import Parallel

    from . import resting
    from .erp import data, question

    cases: list[tuple[str, str, Callable[[], Any]]] = [
        ("evoked response, 10 unknowns, double", "float64", lambda: (question(0.5), data()[1:, None])),
        ("cross-spectra at rest, 68 regions, single", "float32", lambda: resting.lemon()[1:]),
        ("cross-spectra at rest, 200 regions, single", "float32", lambda: resting.simulated(200)[1:]),
        ("cross-spectra at rest, 400 regions, single", "float32", lambda: resting.simulated(400)[1:]),
    ]
    for title, dtype, make in cases[:1] if quick else cases:
        with precision(dtype), Parallel().threads():
            problem, values = make()
            target = Target(problem.condition(values))
            for batch in (
                (1, 4)
                if quick
                else (1, 4, 64, 1024)
                if target.size < 100
                else (1, 4, 32)
                if target.size < 500
                else (1, 4)
            ):
                x = jnp.asarray(target.prior_median()) + 0.01 * jax.random.normal(
                    jax.random.key(0), (batch, target.size)
                )
                run = jax.jit(jax.vmap(target.value_and_gradient)).lower(x).compile()
                yield Timed("gradients", title, batch, best(run, (x,))[0])


def posteriors(quick: bool) -> Iterator[Timed]:
    """The evoked response of `benchmarks.erp`, whole calls."""
    import jax

    from nmm_infer import infer

    from .erp import data, question

    metric = infer.metrics.Laplace()
    few = {"draws": 25, "warmup": 25} if quick else {}

    def sampler(engine: Any, **settings: Any) -> Any:
        return engine(metric=metric, predictive_draws=0, **{**settings, **few})

    engines = (
        ("ChEES", 64, sampler(infer.ChEES, chains=64, draws=200, warmup=200)),
        ("ChEES", 1024, sampler(infer.ChEES, chains=1024, draws=100, warmup=200)),
        ("NUTS", 4, sampler(infer.NUTS, chains=4, draws=500, warmup=200)),
        ("NUTS", 64, sampler(infer.NUTS, chains=64, draws=200, warmup=200)),
    )
    problem = question(0.5)
    conditioned = problem.condition(data()[1:, None])
    for title, chains, engine in engines[:1] if quick else engines:
        fit = fitted(
            title, partial(engine, problem, conditioned, key=jax.random.key(1), progress=False), engine.warmup
        )
        yield Timed("posteriors", title, chains, fit.seconds, fit.ess, fit.r_hat, fit.divergences)


def regions(quick: bool) -> Iterator[Timed]:
    """Every region's parameters at rest, those of `benchmarks.resting`: whole calls, the largest first, where
    a GPU has most to give.
    """
    import jax

    import nmm_infer as nmm

    from . import resting

    nmm.use_cores(4)  # a chain for each of so many processors; on a GPU all chains are one program
    nuts, hmc = resting.engine(quick), resting.engine(quick, draws=900, length=resting.LENGTH)
    for name, sampler in (
        (("lemon", nuts),) if quick else (("400", hmc), ("200", hmc), ("lemon", hmc), ("lemon", nuts))
    ):
        case = resting.CASES[name]()
        run = partial(
            sampler, case.problem, case.problem.condition(case.data), key=jax.random.key(0), progress=False
        )
        fit = fitted(f"{case.title}, {type(sampler).__name__}", run, sampler.warmup)
        yield Timed("regions", fit.title, fit.chains, fit.seconds, fit.ess, fit.r_hat, fit.divergences)


def work(part: str, quick: bool) -> None:
    """Measures one part on the platform of this process, and prints each line as it is found."""
    import jax

    jax.config.update("jax_enable_compilation_cache", False)
    began = time.perf_counter()
    for one in {
        "simulations": simulations,
        "gradients": gradients,
        "posteriors": posteriors,
        "regions": regions,
    }[part](quick):
        print(json.dumps({"device": jax.devices()[0].device_kind, **one._asdict()}), flush=True)
    print(f"{part}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def measured(part: str, platform: str, quick: bool, limit: float) -> list[dict[str, Any]]:
    """What a process of its own finds within the limit."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--work", part, *(["--quick"] if quick else [])]
    # A GPU's memory is not taken in advance, so that others may have some.
    environment = {**os.environ, "JAX_PLATFORMS": platform, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=limit, check=False
        )
        out = done.stdout
    except subprocess.TimeoutExpired as stopped:
        out = stopped.stdout.decode() if isinstance(stopped.stdout, bytes) else stopped.stdout or ""
        print(f"{part} on {platform}: stopped after {limit:.0f} s", flush=True)
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    for one in found:
        print(f"{platform} {one}", flush=True)
    return [{"platform": platform, **one} for one in found]


def _case(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["platform"], row["part"], row["title"], row["batch"]


def page(rows: list[dict[str, Any]], where: list[str]) -> str:
    """The result in markdown."""
    at = {_case(row): row for row in rows}
    devices = {row["platform"]: row["device"] for row in rows}
    lines = [
        "# A GPU beside the processor of its machine",
        "",
        *where,
        f"GPU: {devices.get('cuda', 'none')}.",
        "",
    ]
    titles = {
        "simulations": f"Simulations: Montbrió–Pazó–Roxin, 84 regions, {STEPS} steps, single precision",
        "gradients": "Log densities and their gradients",
        "posteriors": "Posteriors of an evoked response, metrics.Laplace(), double precision",
        "regions": "Posteriors of every region's parameters at rest, single precision",
    }
    for part, title in titles.items():
        cases = list(dict.fromkeys((row["title"], row["batch"]) for row in rows if row["part"] == part))
        if not cases:
            continue
        body = []
        for name, batch in cases:
            cells = [at.get((platform, part, name, batch)) for platform in PLATFORMS]
            seconds = [one and one["seconds"] for one in cells]
            ratio = f"{seconds[0] / seconds[1]:.2f}" if all(seconds) else ""
            if part in POSTERIORS:
                shown = [
                    (
                        f"{one['seconds']:.1f} s, ESS {one['ess']:.0f}, {one['ess'] / one['seconds']:.0f} /s"
                        if one
                        else ""
                    )
                    for one in cells
                ]
                ratio = (
                    f"{cells[1]['ess'] / cells[1]['seconds'] / cells[0]['ess'] * cells[0]['seconds']:.2f}"
                    if all(cells)
                    else ""
                )
                quality = [f"{one['r_hat']:.3f}, {one['divergences']}" for one in cells if one]
                body.append((name, str(batch), *shown, ratio, "; ".join(quality)))
            else:
                body.append(
                    (name, str(batch), *(f"{1e3 * one:.2f} ms" if one else "" for one in seconds), ratio)
                )
        head = ("", "chains" if part in POSTERIORS else "at once", *PLATFORMS.values(), "GPU faster, times")
        lines += [
            f"## {title}",
            "",
            *table((*head, "R-hat, divergences") if part in POSTERIORS else head, body),
        ]
    return "\n".join(lines)


def main() -> None:
    import jax

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument(
        "--platforms",
        default="",
        help=f"comma-separated: {', '.join(PLATFORMS)}; default: those of this machine",
    )
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each part on each platform")
    parser.add_argument(
        "--keep", action="store_true", help="keep what an earlier run measured and this one does not"
    )
    parser.add_argument("--quick", action="store_true", help="few at once, to see that it works")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the table is written")
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.quick)
        return
    chosen = [part for part in options.only.split(",") if part]
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"--only got {', '.join(unknown)}, expected some of {', '.join(PARTS)}")
    platforms = (
        options.platforms.split(",")
        if options.platforms
        else ["cpu", *(["cuda"] if jax.default_backend() == "gpu" else [])]
    )
    before = earlier(options.out.with_suffix(".json"), options.keep)
    rows, where = before.get("rows", []), before.get("where", [])
    for part in chosen:
        for platform in platforms:
            new = measured(part, platform, options.quick, options.limit)
            found = {_case(row) for row in new}
            rows = [*(row for row in rows if _case(row) not in found), *new]
            here = list(dict.fromkeys([*where, circumstances(options.quick)]))
            publish(page(rows, here), {"where": here, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
