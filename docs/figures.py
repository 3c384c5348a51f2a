"""Draws the pictures of the docs into `docs/images`.

python docs/figures.py                    # simulated.png
python docs/figures.py posterior.nc       # and demo.png, from the result of `nmm-infer demo`
"""

import sys
from pathlib import Path

import brainunit as u
import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

IMAGES = Path(__file__).parent / "images"


def simulated() -> None:
    """A network's activity, its BOLD and the connectivity of both, side by side."""
    connectome = nmm.datasets.desikan_killiany(cortical=True).power(0.3).scaled_by_spectral_radius()
    network = nmm.Network(
        nmm.models.LeakyIntegrator(tau=1 * u.second),
        connectome,
        nmm.couplings.Additive(G=0.9),
        noise=nmm.noises.Additive(sigma=0.002),
        speed=6 * u.mm / u.ms,
    )
    observe = nmm.observe.Bold(period=1.4 * u.second)
    bold = nmm.solve(network, 10 * u.minute, step=2 * u.ms, transient=20 * u.second, observe=observe, key=jax.random.key(0))
    fc = nmm.observe.FunctionalConnectivity()(bold).to_xarray()
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), width_ratios=(1, 1.4, 1), layout="constrained")
    nmm.viz.connectivity(connectome.to_xarray()["weights"], left, label="structure")
    nmm.viz.timeseries(bold.to_xarray(), middle, most=6)
    nmm.viz.connectivity(fc, right, label="function")
    figure.savefig(IMAGES / "simulated.png", dpi=110)


def demo(result: Path) -> None:
    """The brain coloured by its inferred time constants."""
    posterior = nmm.load(result)["posterior"]
    median = posterior["model.tau"].median(("chain", "draw"))
    panels = nmm.viz.brain(median, nmm.datasets.cortex_centres().values, label="time constant (s)")
    np.ravel(panels)[0].figure.savefig(IMAGES / "demo.png", dpi=130, bbox_inches="tight")


if __name__ == "__main__":
    matplotlib.use("Agg")
    IMAGES.mkdir(exist_ok=True)
    simulated()
    if len(sys.argv) > 1:
        demo(Path(sys.argv[1]))
