"""Neurons behind a population's rate and potential: `python -m benchmarks.mean_field [--only known,…]
[--calibration N]`.

The exact mean field of quadratic integrate-and-fire neurons (Montbrió, Pazó & Roxin 2015), one population,
100 membrane time constants at steps of a thousandth of one: 10⁵ samples, "100 s at 1 ms" in the benchmark of
Baldy et al. 2024 (Neural Comput 36:2030), whose NUTS in Stan took 98.5 hours for the spread Δ and centre η of
the neurons' excitability and the synaptic weight J, and simulation-based inference 1.6 hours with ten times
the error.

Sets of data: `known`: no noise but that of the measurement, both variables seen; `coarse`: ten times as much
of it. `noisy`: noise in the input too, which throws the population between its states; both variables seen,
and the path integrated out by the extended Kalman filter (published: 16 hours). `hidden`: the same data, of
which only the potential is seen (published: failed after 100 hours). `latent` compares the filter, on a
`short` recording, with the exact posterior over path and parameters, and `--calibration N` asks of N
recordings whether the filter's intervals hold the truth as often as they say.

Bars: for `known` R-hat < 1.01 and errors of posterior means of at most 1e-3 of the true values, in less than
30 minutes.
"""

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .fits import HEAD, Fit, cells, circumstances, destination, earlier, fitted, publish, report, table

RESULT = Path(__file__).parent / "results" / "mean_field.md"
TRUTH = {"model.Delta": 0.7, "model.eta": -4.6, "model.J": 14.5}
START = (1.0, -1.0)
DURATION, EVERY, INPUT = 100.0, 0.001, 2.0
# Standard deviation of the measurement. At 0.1 even the best unbiased estimate of Δ is off by 2.4e-3 of its
# value (Cramér–Rao): the bar needs less.
MEASUREMENT, PRECISE = 0.1, 0.01
WHAT = {
    "known": "no noise in the dynamics, r and V seen, measurement noise 0.01",
    "coarse": "the same, measurement noise 0.1",
    "noisy": "noisy input, r and V seen, path filtered",
    "hidden": "noisy input, V alone seen, path filtered",
    "short": "the same for 10 time constants at 0.02, path filtered",
    "latent": "the same, path latent: exact",
}


class Case(NamedTuple):
    """A problem, its data and the engine."""

    problem: Any
    data: Any
    engine: Any


def model(noisy: bool, initial: Any) -> Any:
    """The population with priors in which the truth is nothing special."""
    import numpyro.distributions as dist

    import nmm_infer as nmm

    population = nmm.models.MontbrioPazoRoxin(
        Delta=nmm.Prior(dist.LogNormal(0.0, 0.5)),
        eta=nmm.Prior(dist.Normal(-5.0, 2.0)),
        J=nmm.Prior(dist.LogNormal(math.log(15.0), 0.3)),
    )
    noise = nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(0.0, 1.0)), states=("V",)) if noisy else None
    return nmm.Network(population, noise=noise, initial=initial)


def seen(every: float, hidden: bool) -> Any:
    """Potential, and rate unless it is hidden."""
    import nmm_infer as nmm

    both = [nmm.observe.Subsample(period=every, variable=name) for name in ("r", "V")]
    return both[1] if hidden else nmm.observe.Together(*both)


def recording(duration: float, every: float, sigma: float, measurement: float, seed: int) -> np.ndarray:
    """Rate and potential at the true values with measurement noise, from a ten times finer simulation."""
    import jax

    import nmm_infer as nmm

    population = nmm.models.MontbrioPazoRoxin(
        **{name.removeprefix("model."): value for name, value in TRUTH.items()}
    )
    noise = nmm.noises.Additive(sigma=sigma, states=("V",)) if sigma else None
    network = nmm.Network(population, noise=noise, initial=np.array(START)[:, None])
    path = nmm.solve(
        network, duration, step=every / 10, sample_every=every, key=jax.random.key(seed) if sigma else None
    )
    clean = np.asarray(path.values)[:, :, 0]
    return clean + measurement * np.random.default_rng(seed).normal(size=clean.shape)


def case(name: str, quick: bool) -> Case:
    """One row of the table."""
    import numpyro.distributions as dist

    import nmm_infer as nmm

    draws, warmup = (50, 50) if quick else (500, 150)
    engine = nmm.infer.NUTS(
        draws=draws,
        warmup=warmup,
        metric=nmm.infer.metrics.Laplace(optimiser=nmm.infer.optimisers.BFGS(300), starts=8),
        predictive_draws=0,
    )
    level = nmm.Prior(dist.LogNormal(math.log(0.2), 1.0))
    levels = nmm.Prior(dist.LogNormal(math.log(0.2), 1.0).expand([2]).to_event(1))
    duration, every = (
        (10.0, 0.02)
        if name in ("short", "latent")
        else (DURATION / (10 if quick else 1), EVERY * (10 if quick else 1))
    )
    if name in ("known", "coarse"):
        start = nmm.Prior(dist.Normal(np.array([[0.8], [-0.5]]), np.array([[0.4], [1.0]])).to_event(2))
        observe, likelihood = seen(every, False), nmm.likelihoods.Gaussian(scale=levels)
        problem = nmm.Problem(
            model(False, start),
            observe,
            likelihood,
            duration=duration,
            step=every,
            adjoint=nmm.adjoints.Stored(),
        )
        return Case(
            problem, recording(duration, every, 0.0, PRECISE if name == "known" else MEASUREMENT, 0), engine
        )
    # One search will do: the filter follows the data wherever the parameters are, so that its likelihood has
    # no wrong modes to get caught in.
    engine = nmm.infer.NUTS(
        draws=50 if quick else 300,
        warmup=50 if quick else 100,
        metric=nmm.infer.metrics.Laplace(steps=300),
        predictive_draws=0,
    )
    network, hidden = model(True, np.array(START)[:, None]), name == "hidden"
    data = recording(duration, every, INPUT, MEASUREMENT, 1)[:, 1 if hidden else 0 :]
    if name == "latent":
        likelihood = nmm.likelihoods.LatentPath(nmm.likelihoods.Gaussian(scale=levels))
        # The joint mode of a path and its noise lies where the posterior has no mass, and its curvature is no
        # metric: chains from there had R-hat 2.5.
        engine = nmm.infer.NUTS(
            draws=50 if quick else 2000,
            warmup=50 if quick else 500,
            metric=nmm.infer.metrics.Diagonal(),
            dtype="float64",
            predictive_draws=0,
        )
        return Case(
            nmm.Problem(
                network,
                seen(every, False),
                likelihood,
                duration=duration,
                step=every,
                adjoint=nmm.adjoints.Stored(),
            ),
            data,
            engine,
        )
    return Case(
        nmm.Problem(
            network, seen(every, hidden), nmm.likelihoods.ExtendedKalman(scale=level if hidden else levels)
        ),
        data,
        engine,
    )


def run(name: str, quick: bool) -> Fit:
    """A posterior of one set of data."""
    import jax

    made = case(name, quick)
    return fitted(
        WHAT[name], lambda: made.engine(made.problem, made.data, key=jax.random.key(0)), made.engine.warmup
    )


def errors(fit: Fit) -> dict[str, dict[str, float]]:
    """Of Δ, η and J: mean, standard deviation, relative error and z-score of the truth."""
    posterior = fit.tree["posterior"]
    truth = TRUTH | ({"noise.sigma": INPUT} if "noise.sigma" in posterior else {})
    found = {}
    for name, true in truth.items():
        mean, sd = float(posterior[name].mean()), float(posterior[name].std())
        found[name] = {
            "mean": mean,
            "sd": sd,
            "error": mean - true,
            "relative": abs(mean / true - 1.0),
            "z": (mean - true) / sd,
        }
    return found


def rms(found: dict[str, dict[str, float]]) -> float:
    """Root mean square of the relative errors of Δ, η and J."""
    return float(np.sqrt(np.mean([found[name]["relative"] ** 2 for name in TRUTH])))


def calibration(simulations: int, folder: Path) -> dict[str, Any]:
    """How often intervals of the filter's posterior hold the truth: recordings of 20 time constants, r
    hidden.
    """
    import jax
    import numpyro.distributions as dist

    import nmm_infer as nmm

    network = nmm.Network(
        nmm.models.MontbrioPazoRoxin(
            Delta=0.7, eta=nmm.Prior(dist.Normal(-4.8, 0.3)), J=nmm.Prior(dist.Normal(14.5, 0.7))
        ),
        noise=nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(math.log(1.5), 0.3)), states=("V",)),
        initial=np.array(START)[:, None],
    )
    problem = nmm.Problem(
        network,
        seen(0.02, True),
        nmm.likelihoods.ExtendedKalman(scale=nmm.Prior(dist.LogNormal(math.log(0.1), 0.3))),
    )
    engine = nmm.infer.NUTS(
        draws=100, warmup=150, chains=2, metric=nmm.infer.metrics.Laplace(steps=300), max_tree_depth=6
    )
    shape = np.random.default_rng(0).normal(size=(1000, 1))
    found = nmm.check.calibration(
        problem, engine, simulations, key=jax.random.key(0), data=shape, batch=4, path=folder
    )
    rows = found.table()
    return {
        "simulations": found.simulations,
        "50": [float(x) for x in found.coverage(0.5)],
        "90": [float(x) for x in found.coverage(0.9)],
        "smallest p": min(row.p for row in rows),
        "outside": [f"{row.name} ({row.shape})" for row in rows if row.shape],
    }


def page(fits: dict[str, Fit], found: dict[str, Any], checked: dict[str, Any] | None, quick: bool) -> str:
    """The result in markdown, from the fits, their `errors`, and the calibration."""
    head = (
        "posterior",
        "Δ (0.7)",
        "η (-4.6)",
        "J (14.5)",
        "noise of the input (2)",
        "relative error, root mean square",
        "largest \\|z\\|",
    )
    rows = []
    for name, one in found.items():
        values = [
            f"{one[key]['mean']:.4f} ± {one[key]['sd']:.4f}" if key in one else ""
            for key in (*TRUTH, "noise.sigma")
        ]
        rows.append(
            (fits[name].title, *values, f"{rms(one):.1e}", f"{max(abs(x['z']) for x in one.values()):.1f}")
        )
    lines = [
        "# Neurons behind a rate and a potential",
        "",
        circumstances(quick),
        (
            f"One Montbrió–Pazó–Roxin population, {DURATION:g} membrane time constants, a sample every"
            f" thousandth of one: 10⁵ samples, measurement noise {MEASUREMENT:g} on r and V where nothing"
            " else is said. Unknown are Δ, η, J, the measurement noise, and the initial state or the noise"
            " of the input. Seconds include compilation and the search for the mode. Published with Stan's"
            " NUTS: 98.5 hours without noise in the dynamics, 16 hours with it, failed after 100 hours with"
            " r hidden."
        ),
        "",
        *table(HEAD, [cells(fit) for fit in fits.values()]),
        *table(head, rows),
    ]
    if "known" in fits:
        fit = fits["known"]
        met = fit.r_hat < 1.01 and rms(found["known"]) <= 1e-3 and fit.seconds < 1800
        lines += [
            (
                f"Without noise in the dynamics: bars {'met' if met else 'missed'} (R-hat < 1.01, relative"
                f" error ≤ 1e-3, < 30 minutes); {fit.seconds / 60:.1f} minutes are"
                f" {98.55 * 3600 / fit.seconds:.0f} times less than published."
            ),
            "",
        ]
    if {"short", "latent"} <= fits.keys() and fits["latent"].r_hat < 1.05:
        names = (*TRUTH, "noise.sigma")
        off = max(
            abs(found["short"][n]["mean"] - found["latent"][n]["mean"]) / found["latent"][n]["sd"]
            for n in names
        )
        wide = [found["short"][n]["sd"] / found["latent"][n]["sd"] for n in names]
        lines += [
            (
                "The filter against the exact posterior of path and parameters: means differ by at most"
                f" {off:.2f} posterior standard deviations, which are {min(wide):.2f} to {max(wide):.2f}"
                " times those of the exact one."
            ),
            "",
        ]
    if checked:
        lines += [
            (
                f"Calibration of the filter, r hidden, {checked['simulations']} recordings of 20 time"
                f" constants: 50 % intervals hold the truth in {100 * checked['50'][0]:.1f} %"
                f" ({100 * checked['50'][1]:.0f}–{100 * checked['50'][2]:.0f}), 90 % intervals in"
                f" {100 * checked['90'][0]:.1f} %"
                f" ({100 * checked['90'][1]:.0f}–{100 * checked['90'][2]:.0f}); ranks not uniform:"
                f" {', '.join(checked['outside']) or 'none'} (smallest p {checked['smallest p']:.2g})."
            ),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    from .environments import FOLDER

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        default=",".join(WHAT),
        help=f"rows, comma-separated: {', '.join(WHAT)}; '' with --keep only writes the page",
    )
    parser.add_argument(
        "--calibration", type=int, default=100, help="recordings for the calibration of the filter; 0: none"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the rows of an earlier run that are not measured now"
    )
    parser.add_argument("--quick", action="store_true", help="few samples and draws, to see that it works")
    parser.add_argument(
        "--out", type=Path, help="where the table is written; a quick one in the folder of temporary files"
    )
    options = parser.parse_args()
    options.out = destination(options.out, RESULT, options.quick)
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in WHAT]:
        parser.error(f"--only got {', '.join(unknown)}, expected some of {', '.join(WHAT)}")
    import jax

    import nmm_infer as nmm

    jax.config.update("jax_enable_compilation_cache", False)
    jax.config.update("jax_enable_x64", True)
    nmm.use_cores(
        4
    )  # a device for each chain: chains of one program would wait for the longest trajectory among them
    before = earlier(options.out.with_suffix(".json"), options.keep)
    fits: dict[str, Fit] = {name: Fit.of(one) for name, one in before.get("fits", {}).items()}
    found: dict[str, Any] = {name: one["errors"] for name, one in before.get("fits", {}).items()}
    for name in chosen:
        print(f"{WHAT[name]} …", flush=True)
        fits[name] = run(name, options.quick)
        found[name] = errors(fits[name])
        report(fits[name])
        print(
            "  "
            + ", ".join(
                f"{key} {one['mean']:.4f} ± {one['sd']:.4f} (z {one['z']:.1f})"
                for key, one in found[name].items()
            ),
            flush=True,
        )
        fits[name] = fits[name]._replace(tree=None)  # the draws of a long recording's fits would add up
    wanted = options.calibration and not options.quick
    checked = (
        calibration(options.calibration, FOLDER / "sbc" / "mean_field")
        if wanted
        else before.get("calibration")
    )
    fits = {name: fits[name] for name in WHAT if name in fits}
    rows = {name: fit.numbers() | {"errors": found[name]} for name, fit in fits.items()}
    publish(
        page(fits, {name: found[name] for name in fits}, checked, options.quick),
        {"fits": rows, "calibration": checked},
        options.out,
    )


if __name__ == "__main__":
    main()
