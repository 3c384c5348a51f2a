"""The demo: one subject's resting brain, from the connectome to a posterior."""

import contextlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from . import datasets
from ._networks._network import Network
from ._tools._cores import use_cores
from ._tools._files import writable
from .couplings import Additive
from .models import LeakyIntegrator
from .noises import Additive as WhiteNoise
from .observe import Bold
from .priors import Pooled, Prior
from .problems import Problem


def resting_state_problem() -> tuple[Problem, Any]:
    """The problem of the demo and its data: 68 cortical regions, one subject's resting-state BOLD.

    Unknown are the time constant and the noise amplitude of every region (partially pooled), the global
    coupling, the measurement noise and the power of the global signal. Streamline counts are compressed
    by the power 0.3 and scaled to a spectral radius of 1, so that the coupling is a distance to instability.
    """
    import brainunit as u
    import numpyro.distributions as dist
    from numpyro.distributions.transforms import ExpTransform

    from .likelihoods import Spectral
    from .priors._root_half_normal import RootHalfNormal

    connectome = datasets.desikan_killiany(cortical=True).power(0.3).scaled_by_spectral_radius()
    exp = ExpTransform()
    network = Network(
        LeakyIntegrator(
            tau=Pooled(
                Prior(dist.Normal(0.0, 1.0)),
                Prior(dist.LogNormal(np.log(0.4), 0.5)),
                transform=exp,
                unit=u.second,
                centred=1.0,
            )
        ),
        connectome,
        Additive(G=Prior(dist.Beta(4.0, 1.0))),
        noise=WhiteNoise(
            sigma=Pooled(
                Prior(dist.Normal(np.log(0.1), 1.0)),
                Prior(dist.LogNormal(np.log(0.4), 0.5)),
                transform=exp,
                centred=1.0,
            )
        ),
    )
    likelihood = Spectral(
        band=(0.01 * u.Hz, 0.05 * u.Hz),  # what the preprocessing of the recording has kept
        bands=6,
        noise=Prior(RootHalfNormal(0.1)),
        global_signal=Prior(dist.HalfNormal(0.5)),
    )
    return Problem(network, observe=Bold(), likelihood=likelihood), datasets.lemon_bold()


def run(
    *,
    quick: bool = False,
    out: str | Path = ".",
    seed: int = 0,
    console: Any = None,
    chains: int | None = None,
    draws: int | None = None,
) -> Any:
    """Fit, print a diagnosis, write `posterior.nc` and `report.html`; the tree is returned.

    Args:
        quick: a short run that only shows that everything works; its posterior is not to be used.
        out: folder of the two files.
        seed: of the random key.
        console: a rich console; None: a new one.
        chains: None: 4 (2 if quick).
        draws: of each chain; None: as many as make effective sample sizes of 400 and an R-hat below 1.01,
            at most 1000 (25 if quick).
    """
    folder = Path(out).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    result, page = writable(folder / "posterior.nc"), writable(folder / "report.html")
    chains = chains or (2 if quick else 4)
    with contextlib.suppress(
        RuntimeError
    ):  # JAX has started with the devices that it has: the demo is slower, not wrong
        use_cores(chains)

    from rich.console import Console

    from .check import diagnose, predictive
    from .infer import NUTS, stopping
    from .infer.metrics import Laplace
    from .report import write_report
    from .results import save

    console = console or Console()
    problem, data = resting_state_problem()
    console.print(
        f"[bold]Resting-state BOLD of one subject[/]: {data.sizes['region']} regions, {data.sizes['time']}"
        f" volumes. A linear network of {problem.network.n_regions} regions with regional time constants and"
        " noise is fitted to its cross-spectra by NUTS. This takes one to three minutes on two cores."
    )
    engine = NUTS(
        draws=draws or (25 if quick else 1000),
        warmup=50 if quick else 100,
        chains=chains,
        metric=Laplace(steps=400),
        # Diagnose asks for 400 of every value.
        stop=stopping.Never() if quick or draws else stopping.UntilESS(ess=500),
        dtype="float32",  # enough here: the log density is smooth and of order 10⁴
        predictive_draws=5 if quick else 50,
    )
    tree = engine(problem, data, key=jax.random.key(seed), progress=True)
    tree.attrs["title"] = "Resting-state BOLD of one LEMON subject"
    saved = save(tree, result)
    console.print(diagnose(tree))
    console.print(predictive(tree))
    report = write_report(tree, page)
    console.print(
        f"wrote [bold]{saved}[/] and [bold]{report}[/] after {tree.attrs['wall_time_s']:.0f} s of inference"
    )
    return tree
