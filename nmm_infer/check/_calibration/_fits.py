"""Any engine on simulated data."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ..._tools._kinds import kind_of
from ...infer._target import Target
from ...infer._vmapped_fits import Batch, batched
from ...problems._replayed import Replay, Replayed
from .._groups import group


class Fitter(NamedTuple):
    """`draws(values, keys, progress)` gives unconstrained draws and the number of divergences of each simulation; `together`: many at once are faster."""

    draws: Callable[[Any, PRNGKeyArray, Any], Batch]
    together: bool


def fitter(engine: Any, target: Target) -> Fitter:
    """All simulations in one compiled program if the engine can, else one call of the engine after the other.

    Raises:
        TypeError: not an engine.
    """
    if not callable(engine):
        raise TypeError(f"calibration(engine=...) got {kind_of(engine)}, expected an engine such as nmm.infer.NUTS(draws=200, warmup=200, chains=2)")
    fit = batched(engine, target.problem, target.bound.value)
    if fit is not None:
        return Fitter(fit, True)
    problem = Replayed(target.problem, target.bound.value)
    return Fitter(lambda values, keys, progress: _one_by_one(engine, problem, target.names, values, keys), False)


def _one_by_one(engine: Any, problem: Replayed, names: tuple[str, ...], values: Any, keys: PRNGKeyArray) -> Batch:
    latent, divergences = [], []
    for k, key in enumerate(keys):
        tree = engine(problem, Replay(jax.tree.map(lambda leaf: leaf[k], values)), key=key, progress=False)  # noqa: B023
        latent.append(latent_draws(tree, names))
        stats = group(tree, "sample_stats")
        divergences.append(int(stats["diverging"].sum()) if stats is not None and "diverging" in stats else 0)
    return Batch(np.stack(latent), np.array(divergences))


def latent_draws(tree: Any, names: tuple[str, ...]) -> Float[np.ndarray, "chain draw latent"]:
    """The unconstrained draws side by side, in the order of the target's flat vector."""
    sites = tree["unconstrained_posterior"]
    arrays = [np.asarray(sites[name].transpose("chain", "draw", ...).values, dtype=np.float64) for name in names]
    return np.concatenate([array.reshape(*array.shape[:2], -1) for array in arrays], axis=-1)
