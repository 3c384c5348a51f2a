"""One subject's resting BOLD and a physiological model, in inputs or told where it rests: `python -m benchmarks.at_rest [--only rest,inputs]`.

`ReducedWongWang` in 68 regions and the recording of the LEMON study. `rest`: priors on the state at rest and the loop gain, `nmm.AtRest`; inputs and
coupling follow. `inputs`: priors on the external inputs and the coupling. In both, regions are partially pooled with free scales, noise is every
region's own, and measurement noise and the global signal are unknown; bands, sampler and numbers of draws are the same.
"""

import argparse
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

from .fits import HEAD, Fit, cells, circumstances, earlier, fitted, publish, report, table

RESULT = Path(__file__).parent / "results" / "at_rest.md"
# Above this gate the gain of a region falls with its activity: it would have two places with the same gain.
OPEN = 0.35


def problem(name: str) -> Any:
    """The problem with unknowns of that kind."""
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import AffineTransform, ComposeTransform, ExpTransform, SigmoidTransform

    import nmm_infer as nmm

    def pooled(mean: float, sd: float, scale: float, transform: Any) -> Any:
        return nmm.Pooled(nmm.Prior(dist.Normal(mean, sd)), nmm.Prior(dist.LogNormal(math.log(scale), 0.5)), transform=transform, centred=1.0)

    exp = ExpTransform()
    noise = nmm.noises.Additive(sigma=pooled(math.log(0.3), 1.5, 0.4, exp))  # the recording has lost its scale; the noise takes it
    if name == "rest":
        gates = pooled(-0.17, 0.7, 0.5, ComposeTransform([SigmoidTransform(), AffineTransform(0.0, OPEN)]))  # around 0.16: 3 Hz
        prepare = nmm.AtRest({"S": gates}, by="I_o", loop_gain=nmm.Prior(dist.Beta(4.0, 1.0)))
        model, coupling = nmm.models.ReducedWongWang(), nmm.couplings.Additive()
    else:
        prepare = None
        model = nmm.models.ReducedWongWang(I_o=pooled(math.log(0.31), 0.1, 0.05, exp))
        coupling = nmm.couplings.Additive(G=nmm.Prior(dist.HalfNormal(1.0)))
    connectome = nmm.datasets.desikan_killiany(cortical=True).power(0.3).scaled_by_spectral_radius()
    likelihood = nmm.likelihoods.Spectral(
        band=(0.01 * u.Hz, 0.05 * u.Hz),
        bands=6,
        noise=nmm.Prior(nmm.RootHalfNormal(0.1)),
        global_signal=nmm.Prior(dist.HalfNormal(0.5)),
    )
    return nmm.Problem(nmm.Network(model, connectome, coupling, noise=noise), nmm.observe.Bold(), likelihood, prepare=prepare)


TITLES = {"rest": "told where it rests", "inputs": "inputs and coupling"}


def page(fits: dict[str, Fit], quick: bool) -> str:
    """The result in markdown."""
    lines = [
        "# A physiological model at rest",
        "",
        circumstances(quick),
        "Reduced Wong–Wang, 68 regions, LEMON. Cross-spectra in 6 bands, HMC, float32, coordinates whitened at the mode. Seconds are of everything.",
        "",
        *table((*HEAD, "verdict"), [(*cells(fit), "converged" if fit.converged else "not converged") for fit in fits.values()]),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TITLES), help=f"comma-separated: {', '.join(TITLES)}")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--warmup", type=int, default=400)
    parser.add_argument("--keep", action="store_true", help="keep what an earlier run measured and this one does not")
    parser.add_argument("--quick", action="store_true", help="few draws, to see that it works")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the table is written")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in TITLES]:
        parser.error(f"--only got {', '.join(unknown)}, expected some of {', '.join(TITLES)}")
    import jax

    import nmm_infer as nmm

    jax.config.update("jax_enable_compilation_cache", False)
    nmm.use_cores(4)
    fits = {name: Fit.of(one) for name, one in earlier(options.out.with_suffix(".json"), options.keep).items()}
    few = {"draws": 10, "warmup": 10} if options.quick else {"draws": options.draws, "warmup": options.warmup}
    sampler = nmm.infer.HMC(
        **few, length=1.57, jitter=0.2, metric=nmm.infer.metrics.Laplace(steps=50 if options.quick else 400), dtype="float32", predictive_draws=0
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        print(f"{TITLES[name]} …", flush=True)
        fits[name] = fitted(TITLES[name], partial(sampler, problem(name), nmm.datasets.lemon_bold(), key=jax.random.key(0)), sampler.warmup)
        report(fits[name])
        options.out.with_suffix(".json").write_text(json.dumps({name: fit.numbers() for name, fit in fits.items()}, indent=1) + "\n")
    fits = {name: fits[name] for name in TITLES if name in fits}
    publish(page(fits, options.quick), {name: fit.numbers() for name, fit in fits.items()}, options.out)


if __name__ == "__main__":
    main()
