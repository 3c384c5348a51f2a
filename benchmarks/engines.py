"""One posterior from every engine: `python -m benchmarks.engines [--only TITLE …]`.

The evoked response of `benchmarks.erp`: ten parameters, correlations up to 0.98. Engines that claim to be
exact have to agree with a long run of NUTS within Monte-Carlo error; of the others the table says how far
they are.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .erp import NAMES, data, effective, question
from .fits import circumstances, destination, publish, table

RESULT = Path(__file__).parent / "results" / "engines.md"
# The largest of ten normal variables exceeds this once in a thousand times.
AGREES = 4.0


class Way(NamedTuple):
    """An engine, whether its draws are of the posterior itself, and a function that makes it."""

    title: str
    exact: bool
    make: Callable[[bool], Any]


def ways() -> list[Way]:
    """All engines that give a posterior."""
    from functools import partial

    from numpyro.infer import autoguide

    from nmm_infer import infer
    from nmm_infer.infer import metrics as metrics
    from nmm_infer.infer import starts

    def sampler(engine: Any, quick: bool, **settings: Any) -> Any:
        few = {"draws": 25, "warmup": 25} if quick else {}
        return engine(**{**settings, **few}, predictive_draws=0)

    modes = starts.FromModes(runs=4)
    guides = {
        "diagonal": autoguide.AutoNormal,
        "low-rank": autoguide.AutoLowRankMultivariateNormal,
        "full": autoguide.AutoMultivariateNormal,
        "flow": partial(autoguide.AutoIAFNormal, num_flows=3),
    }
    whitened = metrics.Laplace()
    return [
        Way(
            "NUTS, metrics.Laplace",
            True,
            lambda quick: sampler(infer.NUTS, quick, warmup=200, metric=whitened),
        ),
        Way("NUTS, metrics.Dense", True, lambda quick: sampler(infer.NUTS, quick)),
        Way(
            "NUTS, metrics.LowRank", True, lambda quick: sampler(infer.NUTS, quick, metric=metrics.LowRank())
        ),
        Way(
            "NUTS, metrics.Diagonal",
            True,
            lambda quick: sampler(infer.NUTS, quick, draws=500, warmup=500, metric=metrics.Diagonal()),
        ),
        Way("HMC, metrics.Dense", True, lambda quick: sampler(infer.HMC, quick)),
        Way("AdjustedMCLMC, metrics.Dense", True, lambda quick: sampler(infer.AdjustedMCLMC, quick)),
        Way(
            "ChEES, 64 chains, metrics.Laplace",
            True,
            lambda quick: sampler(infer.ChEES, quick, metric=whitened),
        ),
        Way(
            "SMC, 4 × 1000 particles",
            True,
            lambda quick: infer.SMC(particles=100 if quick else 1000, predictive_draws=0),
        ),
        Way("MCLMC, metrics.Laplace", False, lambda quick: sampler(infer.MCLMC, quick, metric=whitened)),
        Way("Laplace, resampled", False, lambda quick: infer.Laplace(resample=True, predictive_draws=0)),
        Way("Laplace", False, lambda quick: infer.Laplace(predictive_draws=0)),
        Way("Pathfinder, 8 paths", False, lambda quick: infer.Pathfinder(predictive_draws=0)),
        *(
            Way(
                f"SVI, {name} guide",
                False,
                lambda quick, guide=guide: infer.SVI(
                    guide, steps=200 if quick else 20_000, start=modes, predictive_draws=0
                ),
            )
            for name, guide in guides.items()
        ),
    ]


def draws_of(tree: Any) -> dict[str, np.ndarray]:
    """Each parameter's draws, `["chain draw"]`."""
    return {
        name: (
            np.asarray(tree["posterior"][f"model.{name}"].values).reshape(
                tree["posterior"].sizes["chain"], -1
            )
        )
        for name in NAMES
    }


def row(way: Way, tree: Any, seconds: float, reference: dict[str, np.ndarray]) -> tuple[str, ...]:
    """How far the draws are from the reference."""
    here = draws_of(tree)
    ess, ess_there = (np.array(list(effective(draws).values())) for draws in (here, reference))
    (mean, sd), (true, width) = (
        np.array([(x.mean(), x.std()) for x in draws.values()]).T for draws in (here, reference)
    )
    off = np.abs(mean - true) / np.sqrt(sd**2 / ess + width**2 / ess_there)
    ratio = sd / width
    k = tree.attrs.get("pareto_k")
    verdict = ("agrees" if off.max() < AGREES else "**disagrees**") if way.exact else "approximate"
    return (
        way.title,
        verdict,
        f"{seconds:.0f}",
        " × ".join(map(str, here[NAMES[0]].shape)),
        f"{ess.min():.0f}",
        f"{off.max():.1f}",
        f"{(np.abs(mean - true) / width).max():.2f}",
        f"{ratio.min():.2f}–{ratio.max():.2f}",
        "" if k is None else f"{float(k):.2f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        metavar="TITLE",
        help="engines whose title begins with one of these",
    )
    parser.add_argument("--quick", action="store_true", help="few draws, to see that it works")
    parser.add_argument(
        "--out", type=Path, help="where the table is written; a quick one in the folder of temporary files"
    )
    options = parser.parse_args()
    options.out = destination(options.out, RESULT, options.quick)
    import jax

    import nmm_infer as nmm

    problem, key = question(0.5), jax.random.key(1)
    conditioned = problem.condition(data()[1:, None])
    metric = nmm.infer.metrics.Laplace()
    long = nmm.infer.NUTS(
        draws=100 if options.quick else 10_000,
        warmup=100 if options.quick else 500,
        metric=metric,
        predictive_draws=0,
    )
    reference = draws_of(long(problem, conditioned, key=jax.random.key(0), progress=False))
    rows = []
    for way in ways():
        if not way.title.startswith(tuple(options.only)):
            continue
        began = time.perf_counter()
        tree = way.make(options.quick)(problem, conditioned, key=key, progress=False)
        rows.append(row(way, tree, time.perf_counter() - began, reference))
        print(rows[-1], flush=True)
    lines = [
        "# One posterior from every engine",
        "",
        circumstances(options.quick),
        (
            f"The ten parameters of an evoked response against 4 × {reference[NAMES[0]].shape[1]} draws of"
            " NUTS: how far the worst mean is, in Monte-Carlo standard errors of both and in posterior"
            " standard deviations; the smallest and the largest ratio of standard deviations. Engines that"
            f" claim to be exact agree if no mean is {AGREES:g} standard errors off. MCLMC has a bias that"
            " its step size sets (`energy_error`). Seconds include compilation, and the search for the mode"
            " where there is one."
        ),
        "",
        *table(
            (
                "engine",
                "claim",
                "seconds",
                "draws",
                "smallest ESS",
                "means off, MCSE",
                "means off, sd",
                "ratio of sds",
                "Pareto k",
            ),
            rows,
        ),
    ]
    publish("\n".join(lines), {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
