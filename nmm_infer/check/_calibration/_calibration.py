"""Simulation-based calibration: are the posteriors right, on average over the prior?"""

from pathlib import Path
from typing import Any

from jaxtyping import PRNGKeyArray

from ._calibration_report import Calibration


def calibration(
    problem: Any,
    engine: Any,
    simulations: int = 200,
    *,
    key: PRNGKeyArray | int,
    data: Any = None,
    path: str | Path | None = None,
    batch: int = 8,
    progress: bool = True,
) -> Calibration:
    """Simulation-based calibration of an engine on a problem (Talts et al. 2018; Modrák et al. 2023).

    Parameters are drawn from the prior and data from the likelihood, the engine infers the parameters from
    the data, and the rank of the truth among the draws is noted. If the posteriors are right, every rank is
    uniform; the empirical distribution function of the ranks then stays inside a simultaneous band (Säilynoja
    et al. 2022). The log likelihood of the data is ranked too: it sees errors that single parameters do not,
    such as an engine that ignores part of the data.

    Draws of the prior where the model fails are replaced, so the prior that is checked ends where the model
    works.

    Args:
        problem: an `nmm.Problem` or `nmm.NumPyroModel`.
        engine: any of `nmm.infer`. Few draws suffice: some 100 independent ones.
        simulations: how many.
        key: a JAX random key, or a seed; simulation i is the same whatever their number.
        data: data whose shape (and sampling) the simulations have; None: the problem's own, if it simulates.
        path: a folder. Every finished simulation is written there, and the same call continues where it was
            stopped, or adds to them.
        batch: simulations fitted at once by engines that can (`NUTS`, `HMC`, `SVI`): some fifty are best for
            models of a few numbers, a few for models that keep a core busy, since all wait for the longest
            trajectory among them. A multiple of the number of devices.
        progress: show progress.

    Returns:
        `Calibration`; interrupted by Ctrl-C, with what there is.

    Raises:
        ValueError: `path` holds simulations of another problem, engine or key; no draw of the prior gives
            data.
        KeyboardInterrupt: nothing was finished yet.
    """
    from ._experiment import Experiment, run  # engines are slow to import

    return Calibration(
        run(Experiment(problem, engine, simulations, key, data, path, batch, {}), "calibration", progress)
    )
