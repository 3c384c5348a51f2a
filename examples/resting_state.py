"""Regional time scales from one person's resting-state BOLD, on the person's own cortex as far as a group
connectome goes.

    python examples/resting_state.py --out results/resting_state

Half an hour on a laptop; `--quick` only shows that everything runs.
"""

import argparse
from pathlib import Path

import brainunit as u
import jax
import matplotlib
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions.transforms import ExpTransform

import nmm_infer as nmm
from nmm_infer.report import write_report

CHAINS = 4


def problem():
    """Unknown: time constant and noise amplitude of each region, global coupling, measurement noise, global
    signal.
    """
    connectome = nmm.datasets.desikan_killiany(cortical=True).power(0.3).scaled_by_spectral_radius()
    exp = ExpTransform()
    scale = nmm.Prior(dist.LogNormal(np.log(0.3), 0.5))
    # Data know a time constant and a noise through their product: both are centred, so that a change of their
    # scale leaves products alone.
    tau = nmm.Pooled(nmm.Prior(dist.Normal(0.0, 1.0)), scale, transform=exp, unit=u.second, centred=1.0)
    sigma = nmm.Pooled(nmm.Prior(dist.Normal(np.log(0.1), 1.0)), scale, transform=exp, centred=1.0)
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=tau),
        connectome,
        nmm.couplings.Additive(G=nmm.Prior(dist.Beta(4.0, 1.0))),
        noise=nmm.noises.Additive(sigma=sigma),
    )
    likelihood = nmm.likelihoods.Spectral(
        band=(0.01 * u.Hz, 0.05 * u.Hz),  # what the preprocessing of this recording has kept
        bands=9,
        noise=nmm.Prior(nmm.RootHalfNormal(0.1)),
        global_signal=nmm.Prior(dist.HalfNormal(0.5)),
    )
    return nmm.Problem(network, observe=nmm.observe.Bold(), likelihood=likelihood)


def main(quick: bool, out: Path) -> None:
    chains = 2 if quick else CHAINS
    nmm.use_cores(chains)
    out.mkdir(parents=True, exist_ok=True)
    engine = nmm.infer.NUTS(
        draws=20 if quick else 500,
        warmup=20 if quick else 300,
        chains=chains,
        metric=nmm.infer.metrics.Laplace(steps=50 if quick else 400),
        max_tree_depth=4 if quick else 10,
        dtype="float32",
        predictive_draws=5 if quick else 50,
    )
    posterior = engine(problem(), nmm.datasets.lemon_bold(), key=jax.random.key(0))
    print(nmm.check.diagnose(posterior))
    print(nmm.check.predictive(posterior))

    tau = posterior["posterior"]["model.tau"]
    median = tau.median(("chain", "draw"))
    slowest = median.sortby(median, ascending=False)[:5]
    print(
        "slowest regions:",
        ", ".join(
            f"{label} {value:.1f} s"
            for label, value in zip(slowest["region"].values, slowest.values, strict=True)
        ),
    )

    panels = nmm.viz.brain(median, nmm.datasets.cortex_centres().values, label="time constant (s)")
    np.ravel(panels)[0].figure.savefig(out / "time_constants.png", dpi=150)
    nmm.save(posterior, out / "resting_state.nc")
    write_report(posterior, out / "resting_state.html", title="Regional time scales at rest")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="only show that everything runs")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to")
    arguments = parser.parse_args()
    matplotlib.use("Agg")
    main(arguments.quick, arguments.out)
