"""The posterior of an evoked response, in effective draws per second: `python -m benchmarks.erp`.

Ten parameters of one cortical source (ERP) from 200 ms of noisy potential: the benchmark of Baldy, Woodman,
Jirsa & Hashemi 2025 (J R Soc Interface 22:20240880), with its priors, its true values and data simulated
anew. The published way is Euler's method at 0.1 ms and NumPyro's NUTS with a diagonal metric and chains in
parallel. Each way runs in a process of its own, one after the other, and is called twice: the first call
compiles. What counts is the parameter with the smallest bulk ESS.

All posteriors are compared with a long run of the accurate model. Bars: 100 times the published way and twice
NumPyro's NUTS with a dense metric and vectorised chains, compilation included; means within three Monte-Carlo
standard errors, standard deviations within 5 %, a solver whose error is below 1 % of the noise.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .fits import circumstances
from .fits import table as table_of

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "erp.md"
NAMES = ("g_1", "g_2", "g_3", "g_4", "delta", "tau_i", "h_i", "tau_e", "h_e", "u")
SHAPES = (18.16, 29.9, 29.14, 30.77, 22.87, 34.67, 20.44, 33.02, 24.17, 23.62)
SCALES = (0.03, 0.02, 0.005, 0.007, 0.51, 0.23, 0.96, 0.16, 0.07, 0.13)
TRUTH = (0.42, 0.76, 0.15, 0.16, 12.13, 7.77, 27.87, 5.77, 1.63, 3.94)
DURATION, EVERY, NOISE, CHAINS = 200.0, 1.0, 0.1, 4
TITLES = {
    "published": "published: Euler 0.1 ms, NumPyro NUTS, diagonal, parallel chains",
    "numpyro": "Euler 0.1 ms, NumPyro NUTS, dense, vectorised chains",
    "numpyro-rk4": "Runge–Kutta 0.5 ms, NumPyro NUTS, dense, vectorised chains",
    "ours": "nmm_infer: Runge–Kutta 0.5 ms, NUTS(metric=Laplace())",
    "ours-dense": "nmm_infer: Runge–Kutta 0.5 ms, NUTS(metric=Dense())",
    "reference": "reference: Runge–Kutta 0.25 ms, NUTS(metric=Dense()), a long run",
}


def rates(x: Any, theta: Any) -> Any:
    """The nine equations, written for any array library that stacks."""
    import jax.numpy as jnp

    g_1, g_2, g_3, g_4, delta, tau_i, h_i, tau_e, h_e, u = theta
    x1, x2, x3, x4, x5, x6, x7, x8, x9 = x

    def S(v: Any, slope: Any) -> Any:
        return 1.0 / (1.0 + jnp.exp(-0.56 * (v - delta * slope))) - 0.5

    return jnp.stack(
        [
            x4,
            x5,
            x6,
            (h_e * (g_1 * S(x9, x5 - x6) + u) - x1 / tau_e - 2 * x4) / tau_e,
            (h_e * g_2 * S(x1, x4) - x2 / tau_e - 2 * x5) / tau_e,
            (h_i * g_4 * S(x7, x8) - x3 / tau_i - 2 * x6) / tau_i,
            x8,
            (h_e * g_3 * S(x9, x5 - x6) - x7 / tau_e - 2 * x8) / tau_e,
            x5 - x6,
        ]
    )


def by_hand(theta: Any, step: float, euler: bool) -> Any:
    """The potential at 0, 1, … 200 ms by a plain loop."""
    import jax
    import jax.numpy as jnp

    def one(x: Any, _: None) -> tuple[Any, Any]:
        k = rates(x, theta)
        if euler:
            return x + step * k, None
        k1 = rates(x + 0.5 * step * k, theta)
        k2 = rates(x + 0.5 * step * k1, theta)
        k3 = rates(x + step * k2, theta)
        return x + step / 6 * (k + 2 * k1 + 2 * k2 + k3), None

    def sample(x: Any, _: None) -> tuple[Any, Any]:
        x, _ = jax.lax.scan(one, x, length=round(EVERY / step))
        return x, x[8]

    _, potential = jax.lax.scan(sample, jnp.zeros(9), length=round(DURATION / EVERY))
    return jnp.concatenate([jnp.zeros(1), potential])


def data() -> np.ndarray:
    """The potential at the true values, and noise."""
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        clean = np.asarray(jax.jit(lambda theta: by_hand(theta, 0.01, False))(jnp.asarray(TRUTH)))
    return clean + NOISE * np.random.default_rng(0).normal(size=clean.shape)


def with_numpyro(y: np.ndarray, euler: bool, dense: bool, draws: int, warmup: int) -> Any:
    """A function of a seed that samples: draws by name, and their gradients. NumPyro alone, starting where
    the prior is.
    """
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS, init_to_median

    def model(y: Any) -> None:
        theta = jnp.stack(
            [
                numpyro.sample(name, dist.Gamma(a, 1.0 / s))
                for name, a, s in zip(NAMES, SHAPES, SCALES, strict=True)
            ]
        )
        numpyro.sample("y", dist.Normal(by_hand(theta, 0.1 if euler else 0.5, euler), NOISE), obs=y)

    kernel = NUTS(model, dense_mass=dense, init_strategy=init_to_median(num_samples=15))
    sampler = MCMC(
        kernel,
        num_warmup=warmup,
        num_samples=draws,
        num_chains=CHAINS,
        chain_method="vectorized" if dense else "parallel",
        progress_bar=False,
    )

    def run(seed: int) -> tuple[dict[str, np.ndarray], int]:
        sampler.run(jax.random.PRNGKey(seed), jnp.asarray(y), extra_fields=("num_steps",))
        found = {name: np.asarray(x) for name, x in sampler.get_samples(group_by_chain=True).items()}
        return found, int(sampler.get_extra_fields()["num_steps"].sum())

    return run


def question(step: float) -> Any:
    """The same of this package; the potential at 0 ms, which no parameter changes, is left out."""
    import numpyro.distributions as dist

    import nmm_infer as nmm

    priors = {
        name: nmm.Prior(dist.Gamma(a, 1.0 / s)) for name, a, s in zip(NAMES, SHAPES, SCALES, strict=True)
    }
    return nmm.Problem(
        nmm.Network(nmm.models.ERP(**priors)),
        nmm.observe.Subsample(period=EVERY),
        nmm.likelihoods.Gaussian(scale=NOISE),
        duration=DURATION,
        step=step,
        solver=nmm.solvers.RungeKutta4(),
    )


def with_nmm_infer(y: np.ndarray, step: float, engine: Any) -> Any:
    """A function of a seed that samples: draws by name, and their gradients."""
    import jax

    problem = question(step)
    conditioned = problem.condition(
        y[1:, None]
    )  # checked once, so that the second call finds what the first has compiled

    def run(seed: int) -> tuple[dict[str, np.ndarray], int]:
        tree = engine(problem, conditioned, key=jax.random.key(seed), progress=False)
        found = {
            name: np.asarray(tree["posterior"][f"model.{name}"].values).reshape(CHAINS, -1) for name in NAMES
        }
        return found, int(tree["sample_stats"]["n_steps"].sum())

    return run


def ways(name: str, y: np.ndarray, quick: bool) -> Any:
    """The sampling function of one row of the table."""
    if name == "published":
        return with_numpyro(y, True, False, *((20, 20) if quick else (200, 200)))
    if name.startswith("numpyro"):
        return with_numpyro(y, name == "numpyro", True, *((50, 50) if quick else (500, 500)))
    import nmm_infer as nmm

    shared: dict[str, Any] = {
        "chains": CHAINS,
        "predictive_draws": 0,
        "arrangement": nmm.infer.devices.Vectorised(),
        "chunk": 100,
    }
    if name == "reference":
        return with_nmm_infer(
            y, 0.25, nmm.infer.NUTS(draws=200 if quick else 10_000, warmup=200 if quick else 1000, **shared)
        )
    if name == "ours-dense":
        return with_nmm_infer(
            y, 0.5, nmm.infer.NUTS(draws=50 if quick else 500, warmup=50 if quick else 500, **shared)
        )
    return with_nmm_infer(
        y,
        0.5,
        nmm.infer.NUTS(
            draws=50 if quick else 5000,
            warmup=50 if quick else 100,
            metric=nmm.infer.metrics.Laplace(),
            **shared,
        ),
    )


def worker(name: str, folder: Path, quick: bool) -> None:
    """One row, in a process of its own: draws, and what they cost."""
    import jax

    jax.config.update("jax_enable_compilation_cache", False)
    if name not in ("ours", "ours-dense", "reference"):
        jax.config.update("jax_enable_x64", True)
    y = np.load(folder / "data.npy")
    run = ways(name, y, quick)
    seconds = []
    draws: dict[str, np.ndarray] = {}
    gradients = 0
    # A second run of NumPyro's vectorised chains fails, for they are vectorised twice (0.22).
    for seed in (0, 1) if name.startswith("ours") else (0,):
        began = time.perf_counter()
        found, spent = run(seed)
        seconds.append(time.perf_counter() - began)
        if not draws:
            draws, gradients = found, spent
    np.savez(folder / f"{name}.npz", **draws)  # pyright: ignore[reportArgumentType]
    (folder / f"{name}.json").write_text(json.dumps({"seconds": seconds, "gradients": gradients}))


def effective(draws: dict[str, np.ndarray]) -> dict[str, float]:
    """Bulk ESS by name."""
    import arviz_stats

    return {
        name: float(arviz_stats.ess(x[None] if x.ndim == 1 else x, method="bulk"))
        for name, x in draws.items()
    }  # pyright: ignore[reportPrivateImportUsage]


def against(draws: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> tuple[float, float]:
    """Largest difference of means in Monte-Carlo standard errors of both, and of standard deviations relative
    to the reference's.
    """
    here, there = effective(draws), effective(reference)
    means, widths = [], []
    for name in NAMES:
        a, b = draws[name], reference[name]
        means.append(abs(a.mean() - b.mean()) / np.sqrt(a.var() / here[name] + b.var() / there[name]))
        widths.append(abs(a.std() / b.std() - 1.0))
    return max(means), max(widths)


def solver_error(step: float, euler: bool) -> float:
    """Largest error of the potential at the true values, in standard deviations of the noise."""
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        fine, coarse = (
            jax.jit(lambda theta, how=how: by_hand(theta, *how))(jnp.asarray(TRUTH))
            for how in ((0.01, False), (step, euler))
        )
        return float(jnp.abs(coarse - fine).max()) / NOISE


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", default=",".join(TITLES), help=f"rows, comma-separated: {', '.join(TITLES)}"
    )
    parser.add_argument("--quick", action="store_true", help="few draws, to see that it works")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the table is written")
    parser.add_argument("--worker", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker[0], Path(arguments.worker[1]), arguments.quick)
        return
    chosen = arguments.only.split(",")
    if unknown := [name for name in chosen if name not in TITLES]:
        raise SystemExit(f"--only got {', '.join(unknown)}, expected some of {', '.join(TITLES)}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.save(folder / "data.npy", data())
        rows: dict[str, dict[str, Any]] = {}
        for name in chosen:
            print(f"{TITLES[name]} …", flush=True)
            environment = os.environ | (
                {"XLA_FLAGS": f"--xla_force_host_platform_device_count={CHAINS}"}
                if name == "published"
                else {}
            )
            command = [
                sys.executable,
                "-m",
                "benchmarks.erp",
                "--worker",
                name,
                place,
                *(["--quick"] if arguments.quick else []),
            ]
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
            row = json.loads((folder / f"{name}.json").read_text())
            draws = dict(np.load(folder / f"{name}.npz"))
            row |= {"draws": draws, "ess": min(effective(draws).values())}
            rows[name] = row
            print(
                f"  {row['seconds'][0]:.1f} s, smallest ESS {row['ess']:.0f},"
                f" {row['ess'] / row['seconds'][0]:.1f} a second",
                flush=True,
            )
    text = table(rows, arguments.quick)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text)
    print(text, f"written to {arguments.out}", sep="\n")


def table(rows: dict[str, dict[str, Any]], quick: bool) -> str:
    """The result in markdown."""
    header = (
        "way",
        "draws",
        "seconds",
        "smallest ESS",
        "ESS/s",
        "ESS/s, compiled",
        "gradients a draw",
        "ESS per 1000 gradients",
        "means off",
        "sds off",
    )
    lines: list[tuple[str, ...]] = []
    for name, row in rows.items():
        again = row["seconds"][1] if len(row["seconds"]) > 1 else None
        size = row["draws"][NAMES[0]].size
        off = (
            against(row["draws"], rows["reference"]["draws"])
            if "reference" in rows and name != "reference"
            else None
        )
        lines.append(
            (
                TITLES[name],
                f"{CHAINS} × {size // CHAINS}",
                f"{row['seconds'][0]:.1f}",
                f"{row['ess']:.0f}",
                f"{row['ess'] / row['seconds'][0]:.1f}",
                "" if again is None else f"{row['ess'] / again:.1f}",
                f"{row['gradients'] / size:.1f}",
                f"{1000 * row['ess'] / row['gradients']:.2f}",
                "" if off is None else f"{off[0]:.1f} MCSE",
                "" if off is None else f"{100 * off[1]:.1f} %",
            )
        )
    rate = {name: row["ess"] / row["seconds"][0] for name, row in rows.items()}
    remarks = [
        f"{rate['ours'] / rate[other]:.1f} times {TITLES[other]}"
        for other in ("published", "numpyro", "numpyro-rk4")
        if {"ours", other} <= rate.keys()
    ]
    return "\n".join(
        [
            "# The posterior of an evoked response",
            "",
            circumstances(quick),
            (
                "Seconds of the first call, compilation included, of four chains and their warmup;"
                ' "compiled": of a second call with another seed. The more draws, the less compilation'
                " counts: here so many that every parameter has tens of thousands of effective ones."
                " Gradients are those of the draws, without warmup."
            ),
            "",
            *table_of(header, lines),
            *(
                [
                    "Compilation included, nmm_infer's NUTS with the Laplace metric has "
                    + "; ".join(remarks)
                    + ".",
                    "",
                ]
                if remarks
                else []
            ),
            (
                f"Largest error of the solver at the true values: Euler 0.1 ms {solver_error(0.1, True):.2f}"
                f" of the noise's standard deviation, Runge–Kutta 0.5 ms {solver_error(0.5, False):.4f}."
                " Euler's posterior is that of another model, so its means are off by more than Monte-Carlo"
                " error."
            ),
            "",
        ]
    )


if __name__ == "__main__":
    main()
