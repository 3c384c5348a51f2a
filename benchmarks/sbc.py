"""Simulation-based calibration of six problems: `python -m benchmarks.sbc [--simulations 200] [--only
hopf,erp]`.

Parameters from the prior, data from the likelihood, posteriors by NUTS, and by SVI beside it. Finished
simulations are kept in a cache folder, so that a run that was stopped continues. Bars: the rank distributions
of NUTS stay inside the simultaneous 95 % band (Holm-adjusted over the parameters of a problem), and its 50
and 90 % intervals hold the truth in 45–55 and 86–94 %.
"""

import argparse
import datetime
import itertools
import json
import math
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from .environments import FOLDER

RESULT = Path(__file__).parent / "results" / "sbc.md"
BARS = {0.5: (0.45, 0.55), 0.9: (0.86, 0.94)}


class Case(NamedTuple):
    """A problem, and how it is fitted.

    Fields:
        title: in words.
        make: the problem, and data for their shape or None.
        batch: simulations in one program: many where an operation costs for all what it costs for one, few
            where each keeps a core busy, for they wait for the longest trajectory among them.
        dtype: in which NUTS computes.
        draws: of NUTS, in each of two chains; ranks need a hundred independent ones.
    """

    title: str
    make: Callable[[], tuple[Any, Any]]
    batch: int
    dtype: str = "float64"
    draws: int = 100


def hopf() -> tuple[Any, Any]:
    """Two coupled oscillators near their bifurcation, 200 ms."""
    import numpy as np
    import numpyro.distributions as dist

    import nmm_infer as nmm

    network = nmm.Network(
        nmm.models.Hopf(
            a=nmm.Prior(dist.Normal(0.05, 0.03), over="region"),
            omega=nmm.Prior(dist.Normal(0.2, 0.01), over="region"),
        ),
        nmm.Connectome(np.array([[0.0, 1.0], [0.5, 0.0]]), labels=["A", "B"]),
        nmm.couplings.Diffusive(G=nmm.Prior(dist.LogNormal(math.log(0.05), 0.5))),
        initial=[[0.1, 0.3], [0.0, 0.0]],
    )
    likelihood = nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(-2.5, 0.3)))
    return (
        nmm.Problem(
            network,
            nmm.observe.Subsample(period=4.0),
            likelihood,
            duration=200.0,
            step=2.0,
            adjoint=nmm.adjoints.Stored(),
        ),
        None,
    )


def erp() -> tuple[Any, Any]:
    """The ten parameters of an evoked response of one source, 200 ms; the noise is known."""
    import numpyro.distributions as dist

    import nmm_infer as nmm

    widths = {
        "g_1": 0.2,
        "g_2": 0.2,
        "g_3": 0.2,
        "g_4": 0.2,
        "delta": 0.1,
        "tau_i": 0.1,
        "h_i": 0.1,
        "tau_e": 0.1,
        "h_e": 0.1,
        "u": 0.1,
    }
    defaults = {name: slot.default for name, slot in nmm.models.ERP.parameters().items()}
    priors = {
        name: nmm.Prior(dist.LogNormal(math.log(defaults[name]), width)) for name, width in widths.items()
    }
    network = nmm.Network(nmm.models.ERP(**priors))
    return (
        nmm.Problem(
            network,
            nmm.observe.Subsample(period=2.0),
            nmm.likelihoods.Gaussian(scale=0.1),
            duration=200.0,
            step=0.5,
            adjoint=nmm.adjoints.Stored(),
        ),
        None,
    )


def resting() -> tuple[Any, Any]:
    """Cross-spectra of twenty regions with time constants, noises and a coupling of their own: 43
    unknowns.
    """
    import numpy as np
    import numpyro.distributions as dist

    import nmm_infer as nmm

    connectome = nmm.datasets.desikan_killiany(cortical=True)
    connectome = connectome.select(connectome.labels[:20]).power(0.3).scaled_by_spectral_radius()
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(math.log(300.0), 0.5), over="region")),
        connectome,
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 2.0))),
        noise=nmm.noises.Additive(
            sigma=nmm.Pooled(
                nmm.Prior(dist.Normal(math.log(0.05), 0.5)),
                0.4,
                transform=dist.transforms.ExpTransform(),
                centred=1.0,
            )
        ),
    )
    likelihood = nmm.likelihoods.Spectral(
        band=(0.02e-3, 2e-3), bands=8, noise=nmm.Prior(dist.LogNormal(-4.0, 0.3)), repetition_time=50.0
    )
    return nmm.Problem(network, nmm.observe.Subsample(), likelihood), np.random.default_rng(0).normal(
        size=(1200, 20)
    )


def bold() -> tuple[Any, Any]:
    """BOLD of two regions of reduced Wong–Wang that a stimulus drives, 20 s."""
    import numpy as np
    import numpyro.distributions as dist

    import nmm_infer as nmm

    network = nmm.Network(
        nmm.models.ReducedWongWang(
            w=nmm.Prior(dist.Normal(0.6, 0.05), over="region"), I_o=nmm.Prior(dist.Normal(0.32, 0.01))
        ),
        nmm.Connectome(np.array([[0.0, 0.3], [1.0, 0.0]]), labels=["A", "B"]),
        nmm.couplings.Additive(G=nmm.Prior(dist.LogNormal(math.log(0.2), 0.5))),
        stimulus=nmm.stimuli.PulseTrain(
            amplitude=0.3, onset=2000.0, width=1000.0, rise=200.0, period=10_000.0, regions=("A",)
        ),
    )
    observe = nmm.observe.Bold(
        period=1000.0, resolution=120.0, tau=nmm.Prior(dist.LogNormal(math.log(980.0), 0.1)), gain=4e-3
    )
    likelihood = nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(math.log(0.002), 0.3)))
    return (
        nmm.Problem(
            network,
            observe,
            likelihood,
            duration=20_000.0,
            step=40.0,
            transient=2000.0,
            adjoint=nmm.adjoints.Stored(),
        ),
        None,
    )


def _cortex(regions: int) -> Any:
    import nmm_infer as nmm

    connectome = nmm.datasets.desikan_killiany(cortical=True)
    return connectome.select(connectome.labels[:regions]).power(0.3).scaled_by_spectral_radius()


def gates_at_rest() -> tuple[Any, Any]:
    """Cross-spectra of BOLD of ten regions of reduced Wong–Wang, the recurrence of each unknown: 25
    unknowns.
    """
    import brainunit as u
    import numpy as np
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import AffineTransform, ComposeTransform, SigmoidTransform

    import nmm_infer as nmm

    # Between none and what makes a region alone unstable.
    recurrence = ComposeTransform([SigmoidTransform(), AffineTransform(0.0, 1.1)])
    w = nmm.Pooled(
        nmm.Prior(dist.Normal(0.2, 0.5)),
        nmm.Prior(dist.LogNormal(math.log(0.5), 0.3)),
        transform=recurrence,
        centred=1.0,
    )
    noise = nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(math.log(0.002), 0.3), over="region"))
    likelihood = nmm.likelihoods.Spectral(
        band=(0.01 * u.Hz, 0.1 * u.Hz),
        bands=8,
        noise=nmm.Prior(dist.LogNormal(math.log(3e-4), 0.3)),
        repetition_time=720 * u.ms,
    )
    prepare = nmm.AtRest({"S": 0.164757}, by="I_o", loop_gain=nmm.Prior(dist.Beta(4.0, 2.0)))
    network = nmm.Network(nmm.models.ReducedWongWang(w=w), _cortex(10), nmm.couplings.Additive(), noise=noise)
    return nmm.Problem(network, nmm.observe.Bold(), likelihood, prepare=prepare), np.random.default_rng(
        0
    ).normal(size=(1000, 10))


def columns_at_rest() -> tuple[Any, Any]:
    """Cross-spectra of EEG of ten columns of Jansen and Rit with an alpha resonance, sixteen electrodes: 30
    unknowns.
    """
    import brainunit as u
    import numpy as np
    import numpyro.distributions as dist

    import nmm_infer as nmm

    connectome = _cortex(10)
    gain = nmm.datasets.leadfield().sel(region=list(connectome.labels))[::4]
    gain = gain / np.sqrt(float((gain**2).sum("region").mean()))
    gain.attrs["units"] = "uV"
    y1 = nmm.Pooled(nmm.Prior(dist.Normal(34.5, 0.5)), nmm.Prior(dist.LogNormal(0.0, 0.3)), centred=1.0)
    network = nmm.Network(
        nmm.models.JansenRit(v0=6.0),
        connectome,
        nmm.couplings.Additive(),
        noise=nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(math.log(0.01), 0.3))),
    )
    likelihood = nmm.likelihoods.Spectral(
        band=(3.0 * u.Hz, 35.0 * u.Hz),
        bands=16,
        noise=nmm.Prior(dist.LogNormal(np.full(16, math.log(0.05)), 0.3)),
        repetition_time=5 * u.ms,
        nodes=3,
    )
    prepare = nmm.AtRest({"y1": y1}, by="mu", loop_gain=nmm.Prior(dist.Beta(2.0, 4.0)))
    data = np.random.default_rng(0).normal(size=(4000, 16))
    observe = nmm.observe.LeadField(gain, average_reference=True)
    return nmm.Problem(network, observe, likelihood, prepare=prepare), data - data.mean(axis=1, keepdims=True)


CASES = {
    "hopf": Case("Hopf, Gaussian noise", hopf, 50),
    "erp": Case("Evoked response (ERP)", erp, 50),
    "resting": Case("Cross-spectra at rest, 20 regions", resting, 4, "float32"),
    "bold": Case("Reduced Wong–Wang and BOLD", bold, 4, "float32", 250),
    "gates": Case("Reduced Wong–Wang at rest, BOLD, 10 regions", gates_at_rest, 4),
    "columns": Case("Jansen–Rit at rest, EEG, 10 regions", columns_at_rest, 4),
}


def engines(case: Case) -> dict[str, Any]:
    """NUTS, and what not to publish."""
    from numpyro.infer import autoguide

    import nmm_infer as nmm

    return {
        "NUTS": nmm.infer.NUTS(
            draws=case.draws,
            warmup=150,
            chains=2,
            metric=nmm.infer.metrics.Laplace(steps=300),
            target_acceptance=0.85,
            max_tree_depth=6,
            dtype=case.dtype,
        ),
        "SVI": nmm.infer.SVI(
            guide=autoguide.AutoNormal, steps=2000, draws=200, learning_rate=0.02, dtype=case.dtype
        ),
    }


def measure(name: str, engine: str, simulations: int, folder: Path) -> dict[str, Any]:
    """One problem with one engine."""
    import jax

    import nmm_infer as nmm

    case = CASES[name]
    problem, data = case.make()
    began, processor = time.perf_counter(), time.process_time()
    calibration = nmm.check.calibration(
        problem,
        engines(case)[engine],
        simulations,
        key=jax.random.key(0),
        data=data,
        batch=min(case.batch, simulations),
        path=folder / f"{name}-{engine}",
    )
    rows = calibration.table()
    covered = {level: calibration.coverage(level) for level in BARS}
    return {
        "problem": name,
        "engine": engine,
        "simulations": calibration.simulations,
        "failed": calibration.data.attrs["failed"],
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        "seconds_per_simulation": float(calibration.data["seconds"].median()),
        "quantities": len(rows),
        "smallest_p": min(row.p for row in rows),
        "outside": [f"{row.name} {row.worst}".strip() + f" ({row.shape})" for row in rows if row.shape],
        "coverage": {str(level): value for level, value in covered.items()},
        "passes": (
            calibration.ok
            and all(low <= covered[level].fraction <= high for level, (low, high) in BARS.items())
        ),
        "median_ess": float(calibration.data["ess"].median()),
        "not_converged": int((calibration.data["r_hat"] > 1.1).sum()),
        "divergent": int((calibration.data["divergences"] > 0).sum()),
    }


def write(results: list[dict[str, Any]], target: Path) -> None:
    """Markdown for people and JSON for programs."""
    software = ", ".join(f"{package} {version(package)}" for package in ("jax", "blackjax", "numpyro"))
    head = (
        "problem",
        "engine",
        "simulations",
        "50 % intervals",
        "90 % intervals",
        "ranks not uniform",
        "smallest p",
        "median ESS",
        "s per simulation",
        "bars",
    )
    lines = [
        "# Simulation-based calibration",
        "",
        (
            f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, {software}, Python"
            f" {platform.python_version()}. `python -m benchmarks.sbc`."
        ),
        "",
        (
            "Truths from the prior, data from the likelihood. Coverage: how often central intervals held the"
            " truth, over all parameters, with 95 % intervals. Ranks: quantities whose rank distribution"
            " leaves the simultaneous band (p < 0.05, Holm-adjusted over the quantities of a problem; the log"
            " likelihood of the data is one of them). Bars: all ranks uniform, coverage 45–55 % and 86–94 %."
        ),
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for r in results:
        coverages = [
            f"{100 * value[0]:.1f} % ({100 * value[1]:.0f}–{100 * value[2]:.0f})"
            for value in r["coverage"].values()
        ]
        outside = (
            "; ".join(r["outside"][:3]) + ("; …" if len(r["outside"]) > 3 else "") if r["outside"] else "none"
        )
        cells = (
            CASES[r["problem"]].title,
            r["engine"],
            str(r["simulations"]),
            *coverages,
            outside,
            f"{r['smallest_p']:.2g}",
            f"{r['median_ess']:.0f}",
        )
        lines.append(
            "| "
            + " | ".join((*cells, f"{r['seconds_per_simulation']:.2f}", "met" if r["passes"] else "missed"))
            + " |"
        )
    remarks = [
        f"- {CASES[r['problem']].title}, {r['engine']}: {r['failed']} draws of the prior gave no data and"
        f" were drawn again; {r['not_converged']} simulations with R-hat above 1.1, {r['divergent']} with"
        " divergences."
        for r in results
    ]
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join([*lines, "", *remarks, ""]))
    target.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--only", default=",".join(CASES), help="problems, comma-separated")
    parser.add_argument("--engines", default="NUTS,SVI")
    parser.add_argument(
        "--keep", action="store_true", help="keep what an earlier run measured and this one does not"
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER / "sbc", help="where finished simulations are kept"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.only.split(",")) - set(CASES))
    if unknown:
        parser.error(f"--only names {', '.join(unknown)}, expected some of {', '.join(CASES)}")

    import nmm_infer as nmm

    nmm.use_cores(os.cpu_count() or 1)
    whole = options.simulations >= 100 and (options.keep or set(options.only.split(",")) == set(CASES))
    target = RESULT if whole else RESULT.with_stem("sbc_quick")
    file = target.with_suffix(".json")
    results = {
        (one["problem"], one["engine"]): one
        for one in (json.loads(file.read_text()) if options.keep and file.exists() else [])
    }
    for name in options.only.split(","):
        for engine in options.engines.split(","):
            found = results[name, engine] = measure(name, engine, options.simulations, options.folder)
            print(
                {key: value for key, value in found.items() if key != "coverage"},
                found["coverage"],
                flush=True,
            )
            ordered = [results[key] for key in itertools.product(CASES, ("NUTS", "SVI")) if key in results]
            write(ordered, target)


if __name__ == "__main__":
    main()
