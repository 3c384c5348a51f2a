"""Every region's parameters from one subject's resting-state BOLD: `python -m benchmarks.resting [--only
lemon,hcp,…]`.

A linear network whose regions have time constants and noises of their own, partially pooled with free scales,
with a global coupling, measurement noise and a global signal, fitted to cross-spectra by NUTS. `lemon`: 68
regions of the Desikan–Killiany atlas and a recording of the LEMON study, the demo. `hcp`: subject 100206 of
the Human Connectome Project in 100 regions of Schaefer's atlas, read from the `cubnm` package, which the
script fetches (its data fall under the WU-Minn HCP Open Access Data Use Terms). `100`, `200`, `400`:
simulated in time with so many regions. `models` asks which heterogeneity predicts what it has not seen: every
third Fourier coefficient of the HCP recording is held out in turn, and homogeneous regions, regions that
follow maps of myelin and of the first gradient of functional connectivity, and free ones are fitted to the
others.

Bars: R-hat below 1.01, every effective sample size above 400, no divergence; 68 regions in less than 3
minutes, 100 in 10 minutes, 400 in 2 hours, compilation included.
"""

import argparse
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .environments import python_of
from .fits import HEAD, Fit, cells, circumstances, destination, earlier, fitted, publish, report, table
from .held_out import HeldOut, comparison_table, held_out
from .timing import of_gradient

RESULT = Path(__file__).parent / "results" / "resting.md"
SUBJECT, RUN, REPETITION_TIME = "100206", "REST1_LR", 720.0
BARS = {"lemon": 180.0, "hcp": 600.0, "400": 7200.0}
DRAWS = 800
# Where R-hat of two hundred unknowns would be at its limit with so few.
MORE = {"hcp": 1200, "models": 1200}
# Of HMC's trajectories: a quarter of a turn in whitened coordinates, after which nothing is left of where one
# started (`docs/explanation/whitening.md`).
LENGTH = 1.57
# Marks what HMC sampled.
HMC = " HMC"


class Case(NamedTuple):
    """A recording and the problem that it is fitted by."""

    title: str
    problem: Any
    data: Any


class Regions(NamedTuple):
    """How time constants and noises differ between regions: two priors."""

    tau: Any
    sigma: Any


def pooled() -> Regions:
    """Every region has its own, and the data say how alike they are."""
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import ExpTransform

    import nmm_infer as nmm

    scale = nmm.Prior(dist.LogNormal(math.log(0.4), 0.5))
    return Regions(
        nmm.Pooled(
            nmm.Prior(dist.Normal(0.0, 1.0)), scale, transform=ExpTransform(), unit=u.second, centred=1.0
        ),
        nmm.Pooled(nmm.Prior(dist.Normal(math.log(0.1), 1.0)), scale, transform=ExpTransform(), centred=1.0),
    )


def homogeneous() -> Regions:
    """All regions are the same."""
    import brainunit as u
    import numpyro.distributions as dist

    import nmm_infer as nmm

    return Regions(
        nmm.Prior(dist.LogNormal(0.0, 1.0), unit=u.second), nmm.Prior(dist.LogNormal(math.log(0.1), 1.0))
    )


def following(maps: np.ndarray) -> Regions:
    """Regions follow maps, and nothing else."""
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import ExpTransform

    import nmm_infer as nmm

    slopes = nmm.Prior(dist.Normal(0.0, 0.5))
    return Regions(
        nmm.FromMaps(nmm.Prior(dist.Normal(0.0, 1.0)), slopes, maps, transform=ExpTransform(), unit=u.second),
        nmm.FromMaps(nmm.Prior(dist.Normal(math.log(0.1), 1.0)), slopes, maps, transform=ExpTransform()),
    )


def network(connectome: Any, regions: Regions) -> Any:
    """The linear network; its coupling is relative to where it would become unstable."""
    import numpyro.distributions as dist

    import nmm_infer as nmm

    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=regions.tau),
        connectome,
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 1.0))),
        noise=nmm.noises.Additive(sigma=regions.sigma),
    )


def spectra(band: tuple[float, float], bands: int) -> Any:
    """The likelihood of cross-spectra in a band (Hz)."""
    import brainunit as u
    import numpyro.distributions as dist

    import nmm_infer as nmm

    return nmm.likelihoods.Spectral(
        band=(band[0] * u.Hz, band[1] * u.Hz),
        bands=bands,
        noise=nmm.Prior(nmm.RootHalfNormal(0.3)),
        global_signal=nmm.Prior(dist.HalfNormal(0.5)),
        repetition_time=REPETITION_TIME,
    )


def lemon() -> Case:
    """The demo."""
    from nmm_infer.demo import resting_state_problem

    return Case("LEMON, 68 regions", *resting_state_problem())


def hcp_folder() -> Path:
    """Where `cubnm` keeps its data; fetched if it is not there yet."""
    python = Path(python_of("cubnm", ("--no-deps", "--only-binary", ":all:", "cubnm")))
    found = sorted(python.parent.parent.glob("[Ll]ib/**/site-packages/cubnm/data"))
    if not found:
        raise SystemExit(
            f"the environment at {python.parent.parent} has no cubnm/data; delete it and try again"
        )
    return found[0]


def hcp_connectome() -> Any:
    """Streamline counts of the subject, compressed as in the demo."""
    import nmm_infer as nmm

    weights = np.load(hcp_folder() / f"hcp/sc/{SUBJECT}/ctx_parc-schaefer-100_desc-strength.npz")["arr_0"]
    return (
        nmm.Connectome(weights, labels=[f"{side}_{i}" for side in "LR" for i in range(50)])
        .power(0.3)
        .scaled_by_spectral_radius()
    )


def hcp_maps() -> np.ndarray:
    """Myelin and the first gradient of functional connectivity, standardised."""
    return np.stack(
        [
            np.loadtxt(hcp_folder() / f"maps/ctx_parc-schaefer-100_desc-{name}_zscore.txt")
            for name in ("myelinmap", "fcgradient01")
        ]
    )


def hcp(regions: Regions | None = None) -> Case:
    """100 regions, 14 minutes; the recording in units of its mean standard deviation."""
    import nmm_infer as nmm

    bold = np.load(hcp_folder() / f"hcp/bold/{SUBJECT}/{RUN}/ctx_parc-schaefer-100_desc-bold.npz")["arr_0"].T
    bold = bold - bold.mean(axis=0)
    problem = nmm.Problem(
        network(hcp_connectome(), regions or pooled()), nmm.observe.Bold(), spectra((0.01, 0.1), 6)
    )
    return Case("HCP, 100 regions", problem, bold / bold.std())


def simulated(n: int, seed: int = 0) -> Case:
    """`n` regions on a sphere, nearer ones more strongly connected; their BOLD is simulated in time, not
    drawn from the likelihood.
    """
    import jax

    import nmm_infer as nmm

    rng = np.random.default_rng(seed)
    place = rng.normal(size=(n, 3))
    place *= 60.0 / np.linalg.norm(place, axis=1, keepdims=True)
    distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
    weights = np.exp(-distance / 30.0) * np.exp(0.5 * rng.normal(size=(n, n)))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    connectome = nmm.Connectome(weights, labels=[str(i) for i in range(n)]).scaled_by_spectral_radius()
    true = nmm.Network(
        nmm.models.LeakyIntegrator(tau=1000.0 * np.exp(0.3 * rng.normal(size=n))),
        connectome,
        nmm.couplings.Additive(G=0.8),
        noise=nmm.noises.Additive(sigma=0.0007 * np.exp(0.3 * rng.normal(size=n))),
    )
    observe = nmm.observe.Bold(period=REPETITION_TIME)
    bold = nmm.solve(
        true, 1200 * REPETITION_TIME, step=20.0, transient=20_000.0, observe=observe, key=jax.random.key(seed)
    )
    data = np.asarray(bold.values)
    data = data / data.std()
    data = data + 0.2 * rng.normal(size=data.shape)
    return Case(
        f"simulated, {n} regions",
        nmm.Problem(network(connectome, pooled()), nmm.observe.Bold(), spectra((0.01, 0.1), 6)),
        data,
    )


CASES: dict[str, Callable[[], Case]] = {
    "lemon": lemon,
    "hcp": hcp,
    "100": lambda: simulated(100),
    "200": lambda: simulated(200),
    "400": lambda: simulated(400),
}


def engine(quick: bool, draws: int = DRAWS, length: float | None = None) -> Any:
    """NUTS as in the demo, or HMC with trajectories of about this length."""
    import nmm_infer as nmm

    settings = {
        "draws": 25 if quick else draws,
        "warmup": 25 if quick else 100,
        "metric": nmm.infer.metrics.Laplace(steps=50 if quick else 400),
        "dtype": "float32",
        "predictive_draws": 0,
    }
    return (
        nmm.infer.NUTS(**settings, target_acceptance=0.9)
        if length is None
        else nmm.infer.HMC(**settings, length=length, jitter=0.2)
    )


def comparison(sampler: Any) -> dict[str, HeldOut]:
    """Three kinds of heterogeneity on the HCP recording."""
    kinds = {
        "homogeneous": homogeneous(),
        "following myelin and the gradient": following(hcp_maps()),
        "every region its own": pooled(),
    }
    cases = {name: hcp(regions) for name, regions in kinds.items()}
    return {name: held_out(name, case.problem, case.data, sampler) for name, case in cases.items()}


def page(fits: dict[str, Fit], costs: dict[str, float], found: dict[str, HeldOut] | None, quick: bool) -> str:
    """The result in markdown."""
    lines = [
        "# Every region's parameters from resting-state BOLD",
        "",
        circumstances(quick),
        (
            "Cross-spectra in 6 bands, a first-order node with its own time constant and noise in every"
            " region, partially pooled with free scales, global coupling, measurement noise, global signal."
            " NUTS, or HMC where a row says so, float32, in coordinates whitened at the mode given the"
            " scales' marginal mode. Seconds are of everything: search for the mode, curvature, compilation,"
            " warmup, draws."
        ),
        "",
    ]
    if fits:
        rows = [(*cells(fit), f"{1e3 * costs[name]:.1f}", _verdict(name, fit)) for name, fit in fits.items()]
        lines += table((*HEAD, "ms per gradient", "bars"), rows)
    exponents, growth = [], {"A gradient": costs}
    for suffix, what in (("", "with NUTS"), (HMC, "with HMC")):
        sizes = {
            name: fits[name] for name in (case + suffix for case in CASES if case.isdecimal()) if name in fits
        }
        growth[f"the time of a draw {what}, everything included,"] = {
            name: fit.seconds / (fit.warmup + fit.draws) for name, fit in sizes.items()
        }
    for what, values in growth.items():
        if len(values) > 2:  # of two one could not tell growth from the mood of the machine
            # Two unknowns of every region, two pooled means and scales, three of the whole.
            n = np.log([(fits[name].unknowns - 7) / 2 for name in values])
            exponents.append(
                f"{what} grows with the number of regions to the power"
                f" {np.polyfit(n, np.log(list(values.values())), 1)[0]:.2f}"
            )
    if exponents:
        lines += [", ".join(exponents) + ".", ""]
    if found:
        size = next(iter(found.values())).elpd.size
        lines += [
            "## Which heterogeneity?",
            "",
            (
                f"HCP, 100 regions: {size} vectors of Fourier coefficients, each predicted from a fit to two"
                " thirds that do not contain it."
            ),
            "",
            *comparison_table("time constants and noises", found),
        ]
    return "\n".join(lines)


def _case(name: str) -> str:
    return name.removesuffix(HMC)


def _verdict(name: str, fit: Fit) -> str:
    limit = BARS.get(_case(name))
    if limit is None:
        return "converged" if fit.converged else "not converged"
    return fit.verdict(limit)


def numbers(fits: dict[str, Fit], costs: dict[str, float], found: dict[str, HeldOut]) -> dict[str, Any]:
    """What was measured, for `--keep` and for programs."""
    rows = {name: fit.numbers() | {"seconds_per_gradient": costs[name]} for name, fit in fits.items()}
    return {"fits": rows, "held_out": {name: one.numbers() for name, one in found.items()}}


def main() -> None:
    import os

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = (*CASES, "models")
    parser.add_argument(
        "--only",
        default=",".join(name for name in choices if not name.isdecimal()),
        help=(
            f"comma-separated: {', '.join(choices)}; 200 takes long, 400 hours; '' with --keep: only writes"
            " the page"
        ),
    )
    parser.add_argument(
        "--draws",
        type=int,
        help=(
            f"draws of each of four chains; default: {DRAWS},"
            f" {', '.join(f'{name} {n}' for name, n in MORE.items())}"
        ),
    )
    parser.add_argument(
        "--hmc",
        type=float,
        metavar="LENGTH",
        help=f"HMC with trajectories of this length ({LENGTH}) in place of NUTS; for a row of its own",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep what an earlier run measured and this one does not"
    )
    parser.add_argument("--quick", action="store_true", help="few draws, to see that it works")
    parser.add_argument(
        "--out", type=Path, help="where the table is written; a quick one in the folder of temporary files"
    )
    options = parser.parse_args()
    options.out = destination(options.out, RESULT, options.quick)
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in choices]:
        parser.error(f"--only got {', '.join(unknown)}, expected some of {', '.join(choices)}")
    import jax

    import nmm_infer as nmm

    jax.config.update("jax_enable_compilation_cache", False)
    nmm.use_cores(4)
    before = earlier(options.out.with_suffix(".json"), options.keep)
    fits = {name: Fit.of(one) for name, one in before.get("fits", {}).items()}
    costs = {name: one["seconds_per_gradient"] for name, one in before.get("fits", {}).items()}
    kept = {name: HeldOut.of(one) for name, one in before.get("held_out", {}).items()}
    engines = {
        name: engine(options.quick, options.draws or MORE.get(name, DRAWS), options.hmc) for name in chosen
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for case_name in (name for name in chosen if name != "models"):
        case = CASES[case_name]()
        name, title = (
            (case_name, case.title) if options.hmc is None else (case_name + HMC, f"{case.title}, HMC")
        )
        print(f"{title} …", flush=True)
        sampler = engines[case_name]
        run = partial(sampler, case.problem, case.problem.condition(case.data), key=jax.random.key(0))
        fits[name] = fitted(title, run, sampler.warmup)
        costs[name] = of_gradient(case.problem, case.data, "float32")[1]
        report(fits[name])
        print(f"  {1e3 * costs[name]:.1f} ms per gradient, {os.cpu_count()} cores", flush=True)
        # Every row is written down at once, so that a run of hours that is stopped has not been for nothing.
        options.out.with_suffix(".json").write_text(json.dumps(numbers(fits, costs, kept), indent=1) + "\n")
    found = comparison(engines["models"]) if "models" in chosen else kept
    fits = {name: fits[name] for case in CASES for name in (case, case + HMC) if name in fits}
    publish(page(fits, costs, found, options.quick), numbers(fits, costs, found), options.out)


if __name__ == "__main__":
    main()
