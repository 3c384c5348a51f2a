"""One subject's resting BOLD and physiological models: `python -m benchmarks.at_rest [--only
leaky,wong_wang,…]`.

68 regions and the recording of the LEMON study. In each model one parameter of every region is unknown,
partially pooled with a free scale; so are the noise of every region, measurement noise and the global signal,
and how near the network is to instability: `nmm.AtRest` solves for inputs and coupling. `leaky` is the linear
node, beside it. Bands and sampler are the same for all.

Which model explains the recording better is asked twice: by the evidence, and with `--held-out` by every
third Fourier coefficient, predicted from a fit to the others.

Bars: R-hat below 1.01, every effective sample size above 400, no divergence, in less than 10 minutes,
compilation included.
"""

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .fits import HEAD, Fit, cells, circumstances, destination, earlier, fitted, publish, report, table
from .held_out import FOLDS, HeldOut, comparison_table, held_out
from .timing import of_gradient

RESULT = Path(__file__).parent / "results" / "at_rest.md"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "at_rest.png"
# Seconds.
BAR = 600.0
# Where a population of Wong and Wang's fires at 3 Hz.
GATE = 0.164757
# Where the recording has most of its power, in kHz.
PEAK = 0.03e-3
# Of a region alone at that gate, the recurrence (w, w_p) at which it becomes unstable.
RECURRENCE, RECURRENCE_E = 1.1, 2.64
# Of a population of Montbrió, Pazó and Roxin, with Δ = 1 and J = 15: the rate (kHz) at its fold, and
# Δ²/(2π²).
FOLD, CUBE = 0.1622, 0.05066


class Regional(NamedTuple):
    """A model whose regions differ.

    Fields:
        model, coupling: of the network.
        prepare: how parameters follow from others.
        observe: what is recorded.
    """

    model: Any
    coupling: Any
    prepare: Any
    observe: Any


def pooled(
    mean: float, sd: float, scale: float, *transforms: Any, centred: float = 1.0, **options: Any
) -> Any:
    """Every region has its own, around a free mean with a free scale; centred where the data see each region
    well.
    """
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import ComposeTransform

    import nmm_infer as nmm

    transform = ComposeTransform(list(transforms))
    return nmm.Pooled(
        nmm.Prior(dist.Normal(mean, sd)),
        nmm.Prior(dist.LogNormal(math.log(scale), 0.5)),
        transform=transform,
        centred=centred,
        **options,
    )


def regional(name: str) -> Regional:
    """That model.

    Its regions differ in the parameter of which the data see most: how slowly a region returns to rest, and
    so how strongly it answers to what it is sent.
    """
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import (
        AffineTransform,
        ExpTransform,
        PowerTransform,
        SigmoidTransform,
    )

    import nmm_infer as nmm

    gain = nmm.Prior(dist.Beta(4.0, 1.0))
    bold, additive = nmm.observe.Bold(), nmm.couplings.Additive()
    match name:
        case "leaky":
            model = nmm.models.LeakyIntegrator(tau=pooled(0.0, 1.0, 0.4, ExpTransform(), unit=u.second))
            return Regional(model, nmm.couplings.Additive(G=gain), None, bold)
        case "wong_wang":
            model = nmm.models.ReducedWongWang(
                w=pooled(0.2, 1.0, 0.5, SigmoidTransform(), AffineTransform(0.0, RECURRENCE))
            )
            return Regional(model, additive, nmm.AtRest({"S": GATE}, by="I_o", loop_gain=gain), bold)
        case "wong_wang_exc_inh":
            model = nmm.models.WongWangExcInh(
                w_p=pooled(0.2, 1.0, 0.5, SigmoidTransform(), AffineTransform(0.0, RECURRENCE_E))
            )
            return Regional(model, additive, nmm.AtRest({"S_e": GATE}, by="J_i", loop_gain=gain), bold)
        case "montbrio":
            # From the logarithm of a region's inverse gain to its rate.
            rates = pooled(
                1.0,
                1.0,
                0.5,
                ExpTransform(),
                AffineTransform(FOLD**-3, 1.0 / CUBE),
                PowerTransform(-1.0 / 3.0),
            )
            return Regional(
                nmm.models.MontbrioPazoRoxin(),
                additive,
                nmm.AtRest({"r": rates}, by="eta", loop_gain=gain),
                bold,
            )
        case _:
            # Not centred: below the damping by the coupling the data see nothing of a region's own.
            a = pooled(math.log(1e-4), 1.0, 0.4, ExpTransform(), AffineTransform(0.0, -1.0), centred=0.0)
            G = nmm.Prior(dist.LogNormal(math.log(1e-4), 1.0))
            return Regional(
                nmm.models.Hopf(a=a, omega=2.0 * math.pi * PEAK),
                nmm.couplings.Diffusive(G=G),
                None,
                nmm.observe.Subsample(),
            )


# name → in words.
TITLES = {
    "leaky": "leaky integrator, tau",
    "wong_wang": "reduced Wong–Wang, w",
    "wong_wang_exc_inh": "excitatory–inhibitory Wong–Wang, w_p",
    "montbrio": "Montbrió–Pazó–Roxin, eta",
    "hopf": "Hopf, a",
}


def parameter(name: str) -> str:
    """What the regions of that model differ in."""
    return TITLES[name].split(", ")[1]


def estimates(name: str, fit: Fit) -> dict[str, Any]:
    """Of every region the ends of the 90 % interval and the median."""
    values = fit.tree["posterior"][f"model.{parameter(name)}"]
    return {
        "unit": values.attrs.get("units", ""),
        "region": [str(label) for label in values.coords["region"].values],
        "quantiles": [values.quantile(q, ("chain", "draw")).values.tolist() for q in (0.05, 0.5, 0.95)],
    }


def picture(found: dict[str, dict[str, Any]], out: Path) -> None:
    """The medians of every model where the regions are, and how wide their intervals are beside the spread of
    the regions.
    """
    import matplotlib as mpl
    import xarray as xr

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    import nmm_infer as nmm

    connectome = nmm.datasets.desikan_killiany(cortical=True)
    figure, axes = plt.subplots(
        len(found),
        3,
        figsize=(8.6, 2.3 * len(found)),
        layout="constrained",
        squeeze=False,
        width_ratios=(1.25, 1.0, 1.25),
    )
    for row, (name, one) in zip(axes, found.items(), strict=True):
        low, middle, high = np.asarray(one["quantiles"])
        values = xr.DataArray(middle, dims="region", coords={"region": one["region"]})
        limits = tuple(np.quantile(middle, (0.02, 0.98)))
        nmm.viz.brain(
            values, connectome.centres, row, label=f"{parameter(name)} {one['unit']}".strip(), limits=limits
        )
        row[0].set_title(TITLES[name].split(", ")[0], loc="left", fontsize=9)
        row[1].set_title(
            "interval/spread"
            f" {np.median(high - low) / (np.quantile(middle, 0.95) - np.quantile(middle, 0.05)):.1f}",
            fontsize=8,
        )
        row[2].set_title("")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)


def problem(name: str) -> Any:
    """The problem of that model."""
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import ExpTransform

    import nmm_infer as nmm

    of = regional(name)
    connectome = nmm.datasets.desikan_killiany(cortical=True).power(0.3).scaled_by_spectral_radius()
    # The recording has lost its scale; the noise takes it.
    noise = nmm.noises.Additive(sigma=pooled(math.log(0.3), 1.5, 0.4, ExpTransform()))
    likelihood = nmm.likelihoods.Spectral(
        band=(0.01 * u.Hz, 0.05 * u.Hz),
        bands=6,
        noise=nmm.Prior(nmm.RootHalfNormal(0.1)),
        global_signal=nmm.Prior(dist.HalfNormal(0.5)),
    )
    return nmm.Problem(
        nmm.Network(of.model, connectome, of.coupling, noise=noise),
        of.observe,
        likelihood,
        prepare=of.prepare,
    )


def evidence(problem: Any, data: Any, fit: Fit) -> dict[str, float]:
    """The log evidence by bridge sampling, and its standard error."""
    import nmm_infer as nmm

    attrs = nmm.infer.bridge_sampling(problem, data, fit.tree, key=0).attrs
    return {"log_evidence": attrs["log_evidence"], "log_evidence_se": attrs["log_evidence_se"]}


def evidences(numbers: dict[str, dict[str, Any]]) -> list[str]:
    """Log evidences, the highest first, and the differences to it."""
    found = {name: one for name, one in numbers.items() if "log_evidence" in one}
    if not found:
        return []
    best = max(one["log_evidence"] for one in found.values())
    rows = [
        (
            TITLES[name],
            f"{one['log_evidence']:.1f}",
            f"{one['log_evidence_se']:.2f}",
            f"{one['log_evidence'] - best:.1f}",
        )
        for name, one in sorted(found.items(), key=lambda item: -item[1]["log_evidence"])
    ]
    return [
        "## Which model explains the recording?",
        "",
        "The evidence, by bridge sampling from the draws above:",
        "",
        *table(("model", "log evidence", "se", "difference"), rows),
    ]


def predictions(numbers: dict[str, dict[str, Any]]) -> list[str]:
    """What the models predict of coefficients that they have not seen."""
    found = {TITLES[name]: HeldOut.of(one["held_out"]) for name, one in numbers.items() if "held_out" in one}
    if not found:
        return []
    size = next(iter(found.values())).elpd.size
    return [
        f"{size} vectors of Fourier coefficients, one in {FOLDS}, predicted from a fit to the others:",
        "",
        *comparison_table("model", found),
    ]


def cost(one: dict[str, Any]) -> str:
    """Of a gradient, where it was measured."""
    return f"{1e3 * one['seconds_per_gradient']:.1f}" if "seconds_per_gradient" in one else "–"


def page(numbers: dict[str, dict[str, Any]], quick: bool) -> str:
    """The result in markdown."""
    fits = {name: Fit.of(one) for name, one in numbers.items()}
    lines = [
        "# Physiological models at rest",
        "",
        circumstances(quick),
        (
            "LEMON, 68 regions. Cross-spectra in 6 bands, HMC, float32, coordinates whitened at the mode."
            " Seconds are of everything. Bars: R-hat below 1.01, smallest ESS above 400, no divergence, in"
            " less than 10 minutes."
        ),
        "",
        *table(
            (*HEAD, "ms per gradient", "bars"),
            [(*cells(fit), cost(numbers[name]), fit.verdict(BAR)) for name, fit in fits.items()],
        ),
        *evidences(numbers),
        *predictions(numbers),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(TITLES), help=f"comma-separated: {', '.join(TITLES)}")
    parser.add_argument(
        "--draws",
        type=int,
        default=800,
        help="draws of each of four chains; 0 with --keep: only what the options below ask for",
    )
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument(
        "--held-out",
        type=int,
        metavar="DRAWS",
        help="also predict coefficients that a fit with so many draws has not seen",
    )
    parser.add_argument(
        "--gradients", action="store_true", help="also time gradients, of one model after the other"
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
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in TITLES]:
        parser.error(f"--only got {', '.join(unknown)}, expected some of {', '.join(TITLES)}")
    import jax

    import nmm_infer as nmm

    jax.config.update("jax_enable_compilation_cache", False)
    nmm.use_cores(4)
    numbers = earlier(options.out.with_suffix(".json"), options.keep)

    def sampler(draws: int) -> Any:
        few = {"draws": 10, "warmup": 10} if options.quick else {"draws": draws, "warmup": options.warmup}
        metric = nmm.infer.metrics.Laplace(steps=50 if options.quick else 400)
        return nmm.infer.HMC(
            **few, length=4.0, jitter=0.2, metric=metric, dtype="float32", predictive_draws=0
        )

    def write() -> None:
        ordered = {name: numbers[name] for name in TITLES if name in numbers}
        publish(page(ordered, options.quick), ordered, options.out)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    data = nmm.datasets.lemon_bold()
    for name in chosen:
        print(f"{TITLES[name]} …", flush=True)
        made = problem(name)
        if options.draws:
            engine = sampler(options.draws)
            fit = fitted(TITLES[name], partial(engine, made, data, key=jax.random.key(0)), engine.warmup)
            report(fit)
            numbers[name] = numbers.get(name, {}) | fit.numbers() | {"estimates": estimates(name, fit)}
            write()
            if not options.quick:
                numbers[name] |= evidence(made, data, fit)
                write()
        if options.held_out:
            numbers[name]["held_out"] = held_out(
                TITLES[name], made, data, sampler(options.held_out), folds=(0,)
            ).numbers()
            write()
    if options.gradients:
        for name in chosen:
            numbers[name]["seconds_per_gradient"] = of_gradient(problem(name), data, "float32")[1]
        write()
    if found := {name: numbers[name]["estimates"] for name in TITLES if "estimates" in numbers.get(name, {})}:
        picture(found, options.picture)


if __name__ == "__main__":
    main()
