"""Any engine on simulated data."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ..._tools._kinds import kind_of
from ...infer._engine import AbstractEngine, precision
from ...infer._progress import progress_bar
from ...infer._run import AbstractRun
from ...infer._target import Target
from ...infer._vmapped_fits import Batch, batched


class Fitter(NamedTuple):
    """`draws(values, keys, progress)` gives unconstrained draws and the number of divergences of each
    simulation; `together`: many at once are faster.
    """

    draws: Callable[[Any, PRNGKeyArray, Any], Batch]
    together: bool


def fitter(engine: Any, target: Target) -> Fitter:
    """All simulations in one compiled program if the engine can, else one run of the engine after the other.

    Raises:
        TypeError: not an engine.
    """
    if not isinstance(engine, AbstractEngine):
        raise TypeError(
            f"calibration(engine=...) got {kind_of(engine)}, expected an engine such as"
            " nmm.infer.NUTS(draws=200, warmup=200, chains=2)"
        )
    fit = batched(engine, target.conditioned)
    if fit is not None:
        return Fitter(fit, True)
    with precision(engine.dtype):
        own = Target(target.conditioned)
    return Fitter(lambda values, keys, progress: _one_by_one(engine, own, values, keys), False)


def _one_by_one(engine: AbstractEngine, target: Target, values: Any, keys: PRNGKeyArray) -> Batch:
    runs = [
        refit(engine, target, jax.tree.map(lambda leaf: leaf[k], values), key)  # noqa: B023
        for k, key in enumerate(keys)
    ]
    return Batch(
        np.stack([np.asarray(run.latent, dtype=np.float64) for run in runs]),
        np.array([int(np.sum(run.stats.get("diverging", 0))) for run in runs]),
    )


def refit(
    engine: AbstractEngine, target: Target, values: Any, key: PRNGKeyArray, stopped: str = ""
) -> AbstractRun:
    """A run of the engine, given other data than those of `target`, for which nothing is compiled anew.

    Raises:
        KeyboardInterrupt: it was stopped early; says `stopped`.
    """
    with precision(engine.dtype), progress_bar(False) as silent:
        run = engine.run(target.given(jax.tree.map(jnp.asarray, values)), key, silent)
    if run.interrupted:
        raise KeyboardInterrupt(stopped)
    return run
