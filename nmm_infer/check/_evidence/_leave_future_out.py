"""How well does a model predict what comes next?"""

import warnings
from pathlib import Path
from typing import Any

from jaxtyping import PRNGKeyArray

from ..._tools._keys import random_key
from ..._tools._kinds import kind_of


def leave_future_out(
    problem: Any,
    data: Any,
    engine: Any,
    *,
    key: PRNGKeyArray | int,
    min_observations: int,
    forecast_horizon: int = 1,
    time_dim: str = "time",
    k_threshold: float = 0.7,
    path: str | Path | None = None,
    progress: bool = True,
) -> Any:
    """Predictive density of every stretch of a time course, given what came before it (PSIS-LFO; Bürkner,
    Gabry, Vehtari 2020, J Stat Comput Simul 90:2499).

    Leaving out single samples of a slow signal is too easy, for both of their neighbours tell what they were.
    Here the model is fitted to the first `min_observations` samples, predicts the next `forecast_horizon`,
    and goes on sample by sample: by importance sampling as long as that is reliable, by fitting anew where it
    is not. All fits share one compiled program.

    A stretch of several samples is predicted sample by sample, each given the ones before it. The channels
    and trials of a sample are predicted together.

    Args:
        problem: an `nmm.Problem` or `nmm.NumPyroModel` whose pointwise log likelihood has the dim `time_dim`:
            each index of it independent given the parameters (`Gaussian`, `StudentT`), or given those before
            it (`AR1`, `ExtendedKalman`).
        data: what the problem takes.
        engine: any of `nmm.infer` with draws.
        key: a JAX random key, or a seed.
        min_observations: samples that the first fit sees.
        forecast_horizon: samples predicted at a time.
        time_dim: along which data come one after the other: "time", or "trial".
        k_threshold: Pareto k above which the model is fitted anew.
        path: a folder. Every finished fit is written there, and the same call continues where it was stopped.
        progress: show progress.

    Returns:
        ArviZ's `ELPDDataLFO`, for `nmm.check.compare` and `az.compare`; interrupted by Ctrl-C, of the samples
        before the fit that was stopped.

    Raises:
        ValueError: a likelihood that is no product over time (`Spectral`, `Covariance`, `Features`); no
            samples left to predict; `path` holds fits of another problem, engine, key or data.
        KeyboardInterrupt: nothing was predicted yet.
    """
    from arviz_stats import lfo_cv  # pyright: ignore[reportPrivateImportUsage]

    from ...infer._engine import (
        AbstractEngine,
        check_counts,
        check_problem,
        precision,
    )  # engines are slow to import
    from ...infer._progress import Steps, progress_bar
    from ...infer._target import Target
    from .._calibration._calibration_report import CONVERGED
    from .._fingerprint import identity
    from .._store import Store
    from ._refits import Refits
    from ._truncated_problem import Truncated

    check_problem(problem)
    key = random_key(key, "leave_future_out(key=...)")
    check_counts("leave_future_out", min_observations=min_observations, forecast_horizon=forecast_horizon)
    if not isinstance(engine, AbstractEngine):
        raise TypeError(
            f"leave_future_out(engine=...) got {kind_of(engine)}, expected an engine such as"
            " nmm.infer.NUTS(draws=500, warmup=500)"
        )
    with precision("float64"):
        conditioned = problem.condition(data)
        target = Target(conditioned)
        past = Truncated(conditioned, target, time_dim)
        if min_observations + forecast_horizon > past.size:
            raise ValueError(
                f"leave_future_out(min_observations={min_observations}, forecast_horizon={forecast_horizon})"
                f" leaves nothing to predict: the data have {past.size} indices of {time_dim!r}"
            )
        data_and_dim = {"data": conditioned.fingerprint(), "dim": time_dim}
        store = Store(path, lambda: identity(target, engine, key, target.values) | data_and_dim, "fit")
    with progress_bar(progress) as bars, warnings.catch_warnings():
        # Many fits are no reason to doubt them, as ArviZ says: they are exact.
        warnings.filterwarnings("ignore", message="LFO-CV triggered")
        bar = Steps(bars, "predicted", past.size - min_observations)
        fits = Refits(past, engine, key, store, bar, min_observations)
        everything = fits.get_inference_data(fits.sample(past.size))
        settings = {
            "min_observations": min_observations,
            "forecast_horizon": forecast_horizon,
            "time_dim": time_dim,
            "k_threshold": k_threshold,
        }
        try:
            found = lfo_cv(everything, fits, pointwise=True, **settings)
            bar.finish()
        except KeyboardInterrupt:
            reached = fits.unfinished
            if reached <= min_observations:
                raise
            warnings.warn(
                f"interrupted: nothing after the first {reached} of {past.size} was predicted; with path= the"
                " same call goes on there",
                stacklevel=2,
            )
            # Every fit that this needs is there.
            found = lfo_cv(
                everything.isel({time_dim: slice(0, reached + forecast_horizon - 1)}),
                fits,
                pointwise=True,
                **settings,
            )
    if fits.apart:
        worst = max(fits.apart, key=fits.apart.__getitem__)
        warnings.warn(
            f"in {len(fits.apart)} of {len(store.done())} fits the chains had not converged (R-hat >"
            f" {CONVERGED}, at most {fits.apart[worst]:.2f}, given the first {worst}): give the engine more"
            " warmup and draws",
            stacklevel=2,
        )
    return found
