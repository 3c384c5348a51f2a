"""How wrong posteriors of a linearised network are, and whether `check.linearity` says so: `python -m
benchmarks.linearity [--only hopf,...] [--quick]`.

Recordings by the full nonlinear network, in five strengths of noise at three distances from a bifurcation,
each fitted by `Spectral`. One parameter is unknown, so that its posterior is a grid: exact, and the same
program for all recordings. The bias of posterior means and the coverage of 90 % intervals are then compared
with what the check tells from one fit, that to the recording whose estimate is the median. Bar: where the
check says "good" the measured bias is below 0.5 posterior standard deviations and the coverage in 82 to 96 %,
and where it says that the posterior is not to be relied on they are not. Cells within two Monte-Carlo errors
of a limit count as neither. Each model is a process of its own, two at a time; their cells are kept in a
cache folder, so that a run that was stopped continues.
"""

import argparse
import datetime
import functools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .environments import FOLDER

RESULT = Path(__file__).parent / "results" / "linearity.md"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "linearity.png"
# Points of the first grid, and draws of the posterior that the check is given.
POINTS, DRAWS = 201, 400


class Case(NamedTuple):
    """A model, what of it is unknown, and where.

    Fields:
        title: in words.
        network: of the unknown (a value or a prior) and the strength of the noise.
        name: of the unknown's site.
        values: of the unknown, the farthest from the bifurcation first.
        width: standard deviation of its prior.
        levels: standard deviations of the observable under the linearised network.
        interval: between samples in ms.
        band, bands: of the likelihood, in kHz.
    """

    title: str
    network: Callable[[Any, Any], Any]
    name: str
    values: tuple[float, ...]
    width: float
    levels: tuple[float, ...]
    interval: float
    band: tuple[float, float]
    bands: int


def hopf(a: Any, sigma: Any) -> Any:
    """One oscillator below its bifurcation at a = 0."""
    import nmm_infer as nmm

    return nmm.Network(nmm.models.Hopf(a=a, omega=0.2), noise=nmm.noises.Additive(sigma=sigma))


def jansen_rit(mu: Any, sigma: Any) -> Any:
    """One column above the input at which alpha oscillations end."""
    import nmm_infer as nmm

    return nmm.Network(nmm.models.JansenRit(mu=mu), noise=nmm.noises.Additive(sigma=sigma))


def wong_wang(w: Any, sigma: Any) -> Any:
    """Two regions at low activity, towards the fold where it ends."""
    import nmm_infer as nmm

    connectome = nmm.Connectome(np.array([[0.0, 1.0], [1.0, 0.0]]), labels=["A", "B"])
    return nmm.Network(
        nmm.models.ReducedWongWang(w=w),
        connectome,
        nmm.couplings.Additive(G=0.1),
        noise=nmm.noises.Additive(sigma=sigma),
    )


def mean_field(eta: Any, sigma: Any) -> Any:
    """One population of spiking neurons at a low rate, towards the fold where it ends."""
    import nmm_infer as nmm

    return nmm.Network(nmm.models.MontbrioPazoRoxin(eta=eta), noise=nmm.noises.Additive(sigma=sigma))


CASES = {
    "hopf": Case(
        "Hopf, 1 region",
        hopf,
        "model.a",
        (-0.04, -0.02, -0.01),
        0.02,
        (0.002, 0.01, 0.03, 0.06, 0.12),
        2.0,
        (0.012, 0.052),
        16,
    ),
    "jansen_rit": Case(
        "Jansen–Rit, 1 column",
        jansen_rit,
        "model.mu",
        (0.8, 0.6, 0.54),
        0.2,
        (0.05, 0.2, 0.5, 1.0, 2.0),
        8.0,
        (0.004, 0.02),
        16,
    ),
    "wong_wang": Case(
        "Reduced Wong–Wang, 2 regions",
        wong_wang,
        "model.w",
        (0.5, 0.7, 0.78),
        0.2,
        (0.002, 0.006, 0.02, 0.05, 0.1),
        50.0,
        (5e-5, 2e-3),
        12,
    ),
    "mean_field": Case(
        "Montbrió–Pazó–Roxin, 1 population",
        mean_field,
        "model.eta",
        (-8.0, -5.0, -4.0),
        2.0,
        (0.002, 0.006, 0.02, 0.04, 0.08),
        0.1,
        (0.02, 0.6),
        12,
    ),
}


def started(case: Case, value: Any, sigma: Any) -> Any:
    """The network, at rest."""
    import equinox as eqx

    import nmm_infer as nmm

    network = case.network(value, sigma)
    return eqx.tree_at(lambda network: network.initial, network, nmm.linear.fixed_point(network))


@functools.cache
def slowest(name: str, value: float) -> tuple[float, float]:
    """The slowest and the fastest rate, per ms."""
    import nmm_infer as nmm

    rates: Any = np.linalg.eigvals(
        np.asarray(nmm.linear.linearise(CASES[name].network(value, 1.0)).jacobian())
    )
    return float((-np.real(rates)).min()), float(np.abs(rates).max())


@functools.cache
def simulator(name: str, samples: int) -> Callable[..., Any]:
    """The program of many recordings of the full network, the same one for all cells: in steps half as long
    as the check's are for the fastest of them.
    """
    import jax

    import nmm_infer as nmm

    case = CASES[name]
    slow, fast = (
        choose(column)
        for choose, column in zip(
            (min, max), zip(*(slowest(name, value) for value in case.values), strict=True), strict=True
        )
    )
    step = case.interval / np.ceil(case.interval * fast / 0.05)

    def one(value: Any, sigma: Any, key: Any) -> Any:
        observe = nmm.observe.Subsample(period=case.interval)
        return nmm.solve(
            started(case, value, sigma),
            samples * case.interval,
            step=step,
            transient=8.0 / slow,
            key=key,
            observe=observe,
        ).values

    return jax.jit(jax.vmap(one, in_axes=(None, None, 0)))


@functools.cache
def density(name: str) -> Callable[..., Any]:
    """The program of the log posterior on a grid, of many recordings: also the same one for all cells."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm

    case, spectral = CASES[name], likelihood(CASES[name])

    def of(grid: Any, value: Any, sigma: Any, values: Any, observed: Any) -> Any:
        def at(x: Any) -> Any:
            found, failure = spectral.distribution(
                case.network(x, sigma), nmm.observe.Subsample(), None, observed
            )
            heights = jax.vmap(lambda one: jnp.sum(found.log_prob(one)))(values)
            return jnp.where(failure == 0, heights, -jnp.inf) - 0.5 * ((x - value) / case.width) ** 2

        return jax.lax.map(at, grid)

    return eqx.filter_jit(of)


def likelihood(case: Case) -> Any:
    """Of every cell of the model."""
    import nmm_infer as nmm

    return nmm.likelihoods.Spectral(band=case.band, bands=case.bands, nodes=3, repetition_time=case.interval)


class Cell(NamedTuple):
    """What was measured at one distance and one strength, and what the check said."""

    model: str
    value: float
    slowest: float
    level: float
    failed: int
    bias: float
    bias_error: float
    coverage: float
    coverage_error: float
    told_bias: float
    told_error: float
    told_coverage: float
    told_coverage_error: float
    ok: bool
    said: str
    seconds: float


def measure(name: str, value: float, level: float, recordings: int, samples: int) -> Cell:
    """One cell."""
    import jax
    import jax.numpy as jnp
    import numpyro.distributions as dist
    import xarray as xr

    import nmm_infer as nmm

    case = CASES[name]
    sigma = level / _sd(case.network(value, 1.0))
    data = np.asarray(
        simulator(name, samples)(
            jnp.asarray(value), jnp.asarray(sigma), jax.random.split(jax.random.key(1), recordings)
        )
    )
    finite = np.isfinite(data).all(axis=(1, 2))
    problem = nmm.Problem(
        case.network(nmm.Prior(dist.Normal(value, case.width)), sigma),
        nmm.observe.Subsample(),
        likelihood(case),
    )
    conditioned = [problem.condition(one) for one in data[finite]]
    values = jnp.stack([jnp.asarray(one.values) for one in conditioned])

    def posterior(grid: np.ndarray) -> np.ndarray:
        heights = np.asarray(
            density(name)(
                jnp.asarray(grid), jnp.asarray(value), jnp.asarray(sigma), values, conditioned[0].observed
            )
        ).T
        weights = np.exp(heights - heights.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    # A first grid over the whole prior finds where the posteriors are, a second one resolves them.
    grid = value + case.width * np.linspace(-5.0, 5.0, POINTS)
    grid = _finer(grid, posterior(grid))
    p = posterior(grid)
    mean = p @ grid
    sd = np.sqrt(np.maximum(p @ grid**2 - mean**2, 1e-300))
    below = (p * (grid < value)).sum(axis=1)
    z = (mean - value) / sd
    covered = (below > 0.05) & (below < 0.95)
    n = len(z)
    typical = int(np.argsort(mean)[n // 2])
    draws = np.random.default_rng(0).choice(grid, size=(1, DRAWS), p=p[typical]) + (
        grid[1] - grid[0]
    ) * np.random.default_rng(1).uniform(-0.5, 0.5, (1, DRAWS))
    group = xr.Dataset({case.name: (("chain", "draw"), draws)})
    tree = xr.DataTree.from_dict(
        {
            "posterior": group,
            "unconstrained_posterior": group,
            "constant_data": conditioned[typical].constant_data(),
        }
    )
    began = time.perf_counter()
    try:
        found = nmm.check.linearity(problem, tree, recordings=min(100, recordings), progress=False)
        row = found.table()[0]
        told, ok, said = (row.bias, row.bias_error, row.coverage, row.coverage_error), found.ok, found.verdict
        said = (
            said
            if not found.lost
            else f"{said} ({found.lost} of {found.data.attrs['recordings']} simulations lost)"
        )
    except ValueError as error:
        told, ok, said = (np.nan,) * 4, False, str(error)
    share = float(covered.mean())
    errors = float(z.std() / np.sqrt(n)), float(np.sqrt(max(share * (1 - share), 1 / n) / n))
    return Cell(
        model=name,
        value=value,
        slowest=slowest(name, value)[0],
        level=level,
        failed=int((~finite).sum()),
        bias=float(z.mean()),
        bias_error=errors[0],
        coverage=share,
        coverage_error=errors[1],
        told_bias=float(told[0]),
        told_error=float(told[1]),
        told_coverage=float(told[2]),
        told_coverage_error=float(told[3]),
        ok=ok,
        said=said,
        seconds=time.perf_counter() - began,
    )


def _sd(network: Any) -> float:
    """Of the observable of the first region, to first order."""
    from scipy.linalg import solve_continuous_lyapunov

    import nmm_infer as nmm

    linear = nmm.linear.linearise(network)
    shape = (linear.n_states, linear.n_regions)
    noise, first = np.zeros(shape), np.zeros(shape)
    noise[list(linear.noisy)] = 1.0
    first[:, 0] = np.asarray(linear.m)[:, 0]
    P = solve_continuous_lyapunov(np.asarray(linear.jacobian()), -np.diag(noise.ravel()))
    return float(np.sqrt(first.ravel() @ P @ first.ravel()))


def _finer(grid: np.ndarray, p: np.ndarray) -> np.ndarray:
    """A grid over where any posterior has mass."""
    inside = np.flatnonzero((p > 1e-4).any(axis=0))
    low, high = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, len(grid) - 1)]
    return np.linspace(low, high, POINTS)


def verdict(cell: dict[str, Any]) -> str:
    """What the measured bias and coverage are, by the check's limits: "good", "bad", or "unclear" within two
    errors of one.
    """
    from nmm_infer.check._linearity._linearity_report import BIAS, COVERAGE

    low, high = COVERAGE
    inside = (
        (BIAS - abs(cell["bias"])) / cell["bias_error"],
        min(cell["coverage"] - low, high - cell["coverage"]) / cell["coverage_error"],
    )
    return "bad" if min(inside) < -2.0 else "good" if min(inside) > 2.0 else "unclear"


def write(cells: list[dict[str, Any]], target: Path, recordings: int) -> None:
    """Markdown for people and JSON for programs."""
    software = ", ".join(f"{package} {version(package)}" for package in ("jax", "numpyro"))
    found = [(verdict(cell), cell["ok"]) for cell in cells]
    counts = {
        (what, ok): sum(one == (what, ok) for one in found)
        for what in ("good", "unclear", "bad")
        for ok in (True, False)
    }
    head = (
        "model",
        "unknown",
        "slowest mode (1/s)",
        "linear sd",
        "bias (sd)",
        "90 % hold",
        "check: bias",
        "check: hold",
        "so it is",
        "check says",
    )
    lines = [
        "# Is the linearisation good?",
        "",
        (
            f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, {software}, Python"
            f" {platform.python_version()}. `python -m benchmarks.linearity`."
        ),
        "",
        (
            f"{recordings} recordings of the full nonlinear network in each row, fitted by `Spectral` with"
            " one unknown, whose posterior is exact on a grid. Measured: mean of (posterior mean -"
            " truth)/posterior sd, and how often 90 % intervals held the truth. Check: what"
            " `check.linearity` tells from the fit to one of them, the one with the median estimate. The"
            " linear sd is that of the observable under the linearised network."
        ),
        "",
        (
            f"Of {counts['good', True] + counts['good', False]} cells that are good the check calls"
            f" {counts['good', True]} good; of {counts['bad', True] + counts['bad', False]} that are bad it"
            f" calls {counts['bad', False]} bad and {counts['bad', True]} good;"
            f" {counts['unclear', True] + counts['unclear', False]} are too near to a limit to count."
        ),
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for cell, (what, ok) in zip(cells, found, strict=True):
        case = CASES[cell["model"]]
        told = np.isfinite(cell["told_bias"])
        row = (
            case.title,
            f"{case.name.removeprefix('model.')} = {cell['value']:g}",
            f"{1e3 * cell['slowest']:.3g}",
            f"{cell['level']:g}",
            f"{cell['bias']:+.2f} ± {cell['bias_error']:.2f}",
            f"{100 * cell['coverage']:.0f} %",
            f"{cell['told_bias']:+.2f} ± {cell['told_error']:.2f}" if told else "–",
            f"{100 * cell['told_coverage']:.0f} %" if told else "–",
            what,
            "good" if ok else "do not rely on it",
        )
        lines.append("| " + " | ".join(row) + " |")
    absent = [
        f"{case.title} ({n} of {len(case.values) * len(case.levels)} cells)"
        for name, case in CASES.items()
        if (n := _measured(cells, name)) < len(case.values) * len(case.levels)
    ]
    remarkable = [cell for cell in cells if "lost" in cell["said"] or not np.isfinite(cell["told_bias"])]
    lost = [
        f"- {CASES[cell['model']].title} at {cell['value']:g}, sd {cell['level']:g}: {cell['said']}"
        for cell in remarkable
    ]
    lines += ["", f"Not complete: {'; '.join(absent)}."] if absent else []
    target.write_text("\n".join([*lines, "", *lost, *([""] if lost else [])]))
    target.with_suffix(".json").write_text(json.dumps(cells, indent=1) + "\n")


def _measured(cells: list[dict[str, Any]], name: str) -> int:
    return sum(cell["model"] == name for cell in cells)


def draw(cells: list[dict[str, Any]], target: Path) -> None:
    """What was told against what was measured."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from nmm_infer.check._linearity._linearity_report import BIAS, COVERAGE
    from nmm_infer.viz._style import CHAINS, FAINT, PRIOR, calm, legend

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.6), layout="constrained")
    for ax, what, limits, zone in (
        (left, "bias", (-6.0, 6.0), (-BIAS, BIAS)),
        (right, "coverage", (-0.02, 1.02), COVERAGE),
    ):
        calm(ax)
        ax.axhspan(*zone, color=PRIOR, alpha=0.5, lw=0, zorder=0)
        ax.axvspan(*zone, color=PRIOR, alpha=0.5, lw=0, zorder=0)
        ax.plot(limits, limits, color=FAINT, lw=0.8, zorder=1)
        for (name, case), colour in zip(CASES.items(), CHAINS, strict=False):
            if not _measured(cells, name):
                continue
            for ok, marker in ((True, "o"), (False, "x")):
                of = [
                    cell
                    for cell in cells
                    if cell["model"] == name and cell["ok"] == ok and np.isfinite(cell["told_bias"])
                ]
                x, y = ([np.clip(cell[key], *limits) for cell in of] for key in (what, f"told_{what}"))
                ax.scatter(
                    x,
                    y,
                    c=colour,
                    marker=marker,
                    s=24,
                    lw=1.2,
                    label=case.title.split(",")[0] if ok and ax is left else None,
                    zorder=2,
                )
        ax.set(xlim=limits, ylim=limits)
    left.set(xlabel="measured bias (posterior sd)", ylabel="told by check.linearity")
    right.set(xlabel="measured coverage of 90 % intervals", ylabel="told by check.linearity")
    legend(left, loc="upper left")
    right.text(0.03, 0.97, "o: good   x: do not rely on it", transform=right.transAxes, va="top", fontsize=8)
    figure.savefig(target, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", default=",".join(CASES), help="models, comma-separated; cells that others measured are kept"
    )
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one distance, two strengths, few recordings, to see that it works",
    )
    parser.add_argument("--again", action="store_true", help="measure anew what the cache folder has")
    parser.add_argument(
        "--write",
        action="store_true",
        help="only write the page and draw the picture, of the cells that there are",
    )
    parser.add_argument("--jobs", type=int, default=2, help="models at a time, if there are several")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := sorted(set(chosen) - set(CASES)):
        parser.error(f"--only names {', '.join(unknown)}, expected some of {', '.join(CASES)}")
    import jax

    jax.config.update("jax_enable_x64", True)
    if len(chosen) > 1 and not options.write:
        # Of two `--only` the last one counts.
        each = [sys.executable, "-m", "benchmarks.linearity", *sys.argv[1:], "--only"]
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda name: subprocess.run([*each, name], check=True), chosen))
        options.write = True
    folder = FOLDER / ("linearity_quick" if options.quick else "linearity")
    folder.mkdir(parents=True, exist_ok=True)
    recordings = 40 if options.quick else options.recordings
    for name in [] if options.write else chosen:
        case, file = CASES[name], folder / f"{name}.json"
        cells = json.loads(file.read_text()) if file.exists() and not options.again else []
        measured = {(cell["value"], cell["level"]) for cell in cells}
        for value in case.values[1:2] if options.quick else case.values:
            for level in case.levels[::3] if options.quick else case.levels:
                if (value, level) in measured:
                    continue
                cells.append(measure(name, value, level, recordings, options.samples)._asdict())
                print(cells[-1], flush=True)
                file.write_text(json.dumps(cells))
    done = [
        cell
        for name in CASES
        if (folder / f"{name}.json").exists()
        for cell in json.loads((folder / f"{name}.json").read_text())
    ]
    target = folder / "linearity.md" if options.quick else RESULT
    write(done, target, recordings)
    draw(done, folder / "linearity.png" if options.quick else PICTURE)
    print(f"written to {target}")


if __name__ == "__main__":
    main()
