"""Regional parameters of columns from EEG: `python -m benchmarks.eeg [--only jansen_rit,wilson_cowan]`.

68 regions, seen by 64 electrodes through the lead field of a template head, against the average reference.
The recording is simulated in time by the full nonlinear network, with measurement noise of another amplitude
in each channel, and fitted by `Spectral` from 1 to 45 Hz. Unknown are, of every region, at which potential or
activity it rests (partially pooled), how near the network is to instability, the noise of the dynamics and
that of every channel. Jansen and Rit's columns rest beside the oscillation, so that alpha is a resonance.

Bars: R-hat below 1.01, every effective sample size above 400, no divergence, in less than 30 minutes,
compilation included; where `check.linearity` calls the posterior good, 90 % intervals hold 82 to 96 % of the
regions' truths.
"""

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .environments import FOLDER
from .fits import HEAD, Fit, cells, circumstances, destination, earlier, fitted, publish, report, table

RESULT = Path(__file__).parent / "results" / "eeg.md"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "eeg.png"
# Seconds.
BAR = 1800.0
COVERAGE = (0.82, 0.96)
# Milliseconds.
INTERVAL, DURATION, STEP, TRANSIENT = 4.0, 120_000.0, 0.5, 5_000.0
LOOP_GAIN = 0.3


class Column(NamedTuple):
    """A model of a region, and its activity.

    Fields:
        title: in words.
        model: with known parameters.
        state, by: which state is told, and what follows.
        centre, spread: of that state over regions.
        sigma: of the noise of the dynamics.
        level: of the measurement noise, in the middle of the channels.
    """

    title: str
    model: Any
    state: str
    by: str
    centre: float
    spread: float
    sigma: float
    level: float


def columns() -> dict[str, Column]:
    """name → model."""
    import nmm_infer as nmm

    return {
        "jansen_rit": Column(
            "Jansen–Rit, y1", nmm.models.JansenRit(v0=6.0), "y1", "mu", 34.5, 0.8, 0.003, 0.015
        ),
        "wilson_cowan": Column(
            "Wilson–Cowan, E", nmm.models.WilsonCowan(), "E", "P", 0.03, 0.005, 0.0005, 0.0005
        ),
    }


class Setting(NamedTuple):
    """What is simulated and fitted.

    Fields:
        problem: with priors.
        data: µV, of every channel.
        truth: of every region, in the order of the connectome.
    """

    problem: Any
    data: Any
    truth: Any


def setting(of: Column, regions: int | None = None, seed: int = 0) -> Setting:
    """The problem, and a recording by the nonlinear network."""
    import brainunit as u
    import jax
    import numpyro.distributions as dist

    import nmm_infer as nmm

    connectome = nmm.datasets.desikan_killiany(cortical=True)
    connectome = connectome.select(connectome.labels[:regions]).power(0.3).scaled_by_spectral_radius()
    gain = nmm.datasets.leadfield().sel(region=list(connectome.labels))
    gain = gain / np.sqrt(float((gain**2).sum("region").mean()))
    gain.attrs["units"] = "uV"
    n, sensors = connectome.n_regions, gain.sizes["sensor"]
    rng = np.random.default_rng(seed)
    observe = nmm.observe.LeadField(gain, average_reference=True)

    def network(sigma: Any) -> Any:
        return nmm.Network(
            of.model, connectome, nmm.couplings.Additive(), noise=nmm.noises.Additive(sigma=sigma)
        )

    truth = of.centre + of.spread * rng.normal(size=n)
    at_rest = nmm.AtRest({of.state: truth}, by=of.by, loop_gain=LOOP_GAIN)(network(of.sigma))
    recorded = nmm.observe.Chain(nmm.observe.Subsample(period=INTERVAL), observe)
    signal = nmm.solve(
        at_rest, DURATION, step=STEP, transient=TRANSIENT, key=jax.random.key(seed), observe=recorded
    )
    each = of.level * np.exp(0.4 * rng.normal(size=sensors))
    clean = np.asarray(signal.values)
    noisy = clean + each * rng.normal(size=clean.shape)
    likelihood = nmm.likelihoods.Spectral(
        band=(1.0 * u.Hz, 45.0 * u.Hz),
        bands=22,
        noise=nmm.Prior(dist.LogNormal(np.full(sensors, math.log(of.level)), 0.5)),
        repetition_time=INTERVAL,
    )
    told = nmm.Pooled(
        nmm.Prior(dist.Normal(of.centre, of.spread)),
        nmm.Prior(dist.LogNormal(math.log(of.spread), 0.3)),
        centred=1.0,
    )
    prepare = nmm.AtRest({of.state: told}, by=of.by, loop_gain=nmm.Prior(dist.Beta(2.0, 4.0)))
    problem = nmm.Problem(
        network(nmm.Prior(dist.LogNormal(math.log(of.sigma), 0.5))), observe, likelihood, prepare=prepare
    )
    return Setting(problem, noisy - noisy.mean(axis=1, keepdims=True), truth)


def held(of: Column, setting: Setting, tree: Any) -> dict[str, list[float]]:
    """Of every region the truth, the posterior mean and the 90 % interval."""
    values = tree["posterior"][f"rest.{of.state}"]
    low, high = (values.quantile(q, ("chain", "draw")).values.tolist() for q in (0.05, 0.95))
    return {
        "truth": setting.truth.tolist(),
        "mean": values.mean(("chain", "draw")).values.tolist(),
        "low": low,
        "high": high,
    }


def coverage(estimates: dict[str, list[float]]) -> float:
    """How many of the truths the intervals hold."""
    truth, low, high = (np.asarray(estimates[name]) for name in ("truth", "low", "high"))
    return float(((truth > low) & (truth < high)).mean())


def picture(numbers: dict[str, dict[str, Any]], out: Path) -> None:
    """The estimates of every model over the truths."""
    import matplotlib as mpl
    import xarray as xr

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    import nmm_infer as nmm

    figure, axes = plt.subplots(
        1, len(numbers), figsize=(3.6 * len(numbers), 3.4), layout="constrained", squeeze=False
    )
    known = columns()
    for ax, (name, one) in zip(axes[0], numbers.items(), strict=True):
        # The form of `check.recovery`, of one simulation; ranks are not looked at.
        estimates = one["estimates"] | {"rank": np.zeros(len(one["estimates"]["truth"]))}
        by = {
            key: (("simulation", "parameter"), np.asarray(values)[None]) for key, values in estimates.items()
        }
        state = known[name].state
        coords = {"name": ("parameter", [state] * len(one["estimates"]["truth"]))}
        nmm.viz.recovery(xr.Dataset(by, coords=coords), ax)
        ax.set_title(
            f"{known[name].title} at rest: {100 * coverage(one['estimates']):.0f} % held", fontsize=9
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)


def page(numbers: dict[str, dict[str, Any]], quick: bool) -> str:
    """The result in markdown."""
    rows = []
    for one in numbers.values():
        fit = Fit.of(one)
        good = COVERAGE[0] <= coverage(one["estimates"]) <= COVERAGE[1] if one["good"] else None
        verdicts = (
            fit.verdict(BAR),
            f"{100 * coverage(one['estimates']):.0f} %",
            f"{np.corrcoef(one['estimates']['truth'], one['estimates']['mean'])[0, 1]:.2f}",
            "–" if one["good"] is None else "good" if one["good"] else "do not rely on it",
            "–" if good is None else "met" if good else "missed",
        )
        rows.append((*cells(fit), *verdicts))
    lines = [
        "# Regional parameters from EEG",
        "",
        circumstances(quick),
        (
            f"68 regions, 64 electrodes, average reference, {DURATION / 1e3:.0f} s simulated by the nonlinear"
            " network. Cross-spectra in 22 bands of 2 Hz, HMC, float32, coordinates whitened at the mode."
            " Seconds are of everything but the simulation. Bars: R-hat below 1.01, smallest ESS above 400,"
            " no divergence, in less than 30 minutes; where the linearisation is good, 82 to 96 % of the"
            " truths in their 90 % intervals."
        ),
        "",
        *table((*HEAD, "converged", "90 % hold", "r with truth", "check.linearity", "coverage"), rows),
        *(f"- {Fit.of(one).title}: {one['said']}" for one in numbers.values() if one["said"]),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="jansen_rit,wilson_cowan", help="comma-separated")
    parser.add_argument("--draws", type=int, default=600)
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--length", type=float, default=1.57, help="of trajectories")
    parser.add_argument("--regions", type=int, default=68)
    parser.add_argument(
        "--recordings", type=int, default=30, help="simulated for check.linearity; 0: it is left out"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep what an earlier run measured and this one does not"
    )
    parser.add_argument("--quick", action="store_true", help="few draws, to see that it works")
    parser.add_argument(
        "--out", type=Path, help="where the table is written; a quick one in the folder of temporary files"
    )
    parser.add_argument("--picture", type=Path, help="where the picture is written")
    options = parser.parse_args()
    options.out = destination(options.out, RESULT, options.quick)
    options.picture = destination(options.picture, PICTURE, options.quick)
    import jax

    import nmm_infer as nmm

    jax.config.update("jax_enable_compilation_cache", False)
    nmm.use_cores(4)
    numbers = earlier(options.out.with_suffix(".json"), options.keep)
    few = {"draws": 10, "warmup": 10} if options.quick else {"draws": options.draws, "warmup": options.warmup}
    metric = nmm.infer.metrics.Laplace(steps=50 if options.quick else 400)
    sampler = nmm.infer.HMC(
        **few, length=options.length, jitter=0.2, metric=metric, dtype="float32", predictive_draws=0
    )
    known = columns()
    for name in options.only.split(","):
        if name not in known:
            parser.error(f"--only got {name}, expected some of {', '.join(known)}")
        of = known[name]
        print(f"{of.title} …", flush=True)
        with jax.enable_x64(True):
            made = setting(of, options.regions)
        fit = fitted(
            of.title, partial(sampler, made.problem, made.data, key=jax.random.key(0)), sampler.warmup
        )
        report(fit)
        numbers[name] = fit.numbers() | {"estimates": held(of, made, fit.tree), "good": None, "said": ""}
        numbers = {name: numbers[name] for name in known if name in numbers}
        publish(page(numbers, options.quick), numbers, options.out)
        # Whatever the check meets, the draws are there.
        (FOLDER / "eeg").mkdir(parents=True, exist_ok=True)
        nmm.save(fit.tree, FOLDER / "eeg" / f"{name}.nc")
        if options.recordings:
            found = nmm.check.linearity(made.problem, fit.tree, made.data, recordings=options.recordings)
            print(found)
            numbers[name] |= {"good": found.ok, "said": found.verdict}
            publish(page(numbers, options.quick), numbers, options.out)
        picture(numbers, options.picture)


if __name__ == "__main__":
    main()
