"""An evoked potential of one Jansen–Rit column: simulate it, forget two parameters, get them back.

    python examples/evoked.py --out results/evoked

A minute or two on a laptop.
"""

import argparse
from pathlib import Path

import brainunit as u
import jax
import matplotlib
import numpyro.distributions as dist

import nmm_infer as nmm
from nmm_infer.report import write_report

TRUTH = {"model.A": 3.5, "model.mu": 0.2}
NOISE = 0.3  # mV
DURATION, STEP, PERIOD = 300 * u.ms, 0.5 * u.ms, 2 * u.ms


def data():
    """The column's potential after it is released from rest, every 2 ms, with white noise."""
    column = nmm.Network(nmm.models.JansenRit(A=TRUTH["model.A"], mu=TRUTH["model.mu"]))
    clean = nmm.solve(column, DURATION, step=STEP, observe=nmm.observe.Subsample(period=PERIOD))
    recorded = clean.to_xarray()
    return recorded + NOISE * jax.random.normal(jax.random.key(1), clean.values.shape)


def problem():
    """The same column with `A` (mV) and `mu` (kHz) unknown, and the noise as well."""
    column = nmm.models.JansenRit(
        A=nmm.Prior(dist.TruncatedNormal(3.25, 0.5, low=2.0)),
        mu=nmm.Prior(dist.TruncatedNormal(0.22, 0.05, low=0.0)),
    )
    return nmm.Problem(
        nmm.Network(column),
        observe=nmm.observe.Subsample(period=PERIOD),
        likelihood=nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.HalfNormal(1.0))),
        duration=DURATION,
        step=STEP,
    )


def main(quick: bool, out: Path) -> None:
    nmm.use_cores(2 if quick else 4)
    out.mkdir(parents=True, exist_ok=True)
    engine = nmm.infer.NUTS(
        draws=100 if quick else 1000, warmup=150 if quick else 500, chains=2 if quick else 4
    )
    posterior = engine(problem(), data(), key=jax.random.key(0))
    print(nmm.check.diagnose(posterior))
    for name, truth in TRUTH.items():
        low, high = posterior["posterior"][name].quantile([0.005, 0.995]).values
        print(f"{name}: true {truth}, inferred {low:.4g} to {high:.4g}")
        # Wide enough to hold in a short run, narrow enough that a wrong model would fall out.
        assert low - 0.5 * (high - low) < truth < high + 0.5 * (high - low), f"{name} was not recovered"

    axes = nmm.viz.timeseries(
        posterior["observed_data"]["y"], predicted=posterior["posterior_predictive"]["y"]
    )
    axes.figure.savefig(out / "evoked.png", dpi=150)
    nmm.save(posterior, out / "evoked.nc")
    write_report(posterior, out / "evoked.html", title="An evoked potential")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to")
    arguments = parser.parse_args()
    matplotlib.use("Agg")
    main(arguments.quick, arguments.out)
