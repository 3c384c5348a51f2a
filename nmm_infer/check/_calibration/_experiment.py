"""Simulated experiments: truths from the prior, data from the likelihood, posteriors from an engine."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..._tools._keys import random_key
from ...infer._engine import check_counts, check_problem, precision
from ...infer._progress import Steps, progress_bar
from ...infer._target import Target
from .._fingerprint import identity
from .._labels import Labels, chosen, flat, labels
from .._store import Store
from ._calibration_report import LOG_LIKELIHOOD
from ._fits import fitter
from ._rank_statistics import judge
from ._replications import Replications, drawer, example

# Draws of the prior for its standard deviation.
PRIOR_DRAWS = 1000


class Experiment(NamedTuple):
    """What is simulated and fitted; the arguments are those of `calibration`."""

    problem: Any
    engine: Any
    simulations: int
    key: PRNGKeyArray | int
    data: Any
    path: str | Path | None
    batch: int
    truth: dict[str, Any]


def run(experiment: Experiment, caller: str, progress: bool) -> Any:
    """All simulations that are not on disk yet, as a `DataTree` with the group `calibration`."""
    problem, engine, simulations = experiment[:3]
    key = random_key(experiment.key, f"{caller}(key=...)")
    check_problem(problem)
    check_counts(caller, simulations=simulations, batch=experiment.batch)
    conditioned = example(problem, experiment.data, f"{caller}(...)")
    interrupted = False
    with progress_bar(progress) as bars, precision("float64"):
        target = Target(conditioned)
        truth = {name: jnp.asarray(value) for name, value in experiment.truth.items()}
        _check_truth(target, truth, caller)
        prior = target.constrain_all(target.prior_draws(jax.random.key(0), PRIOR_DRAWS)[None])
        names = chosen(prior)
        what = labels(
            {name: value[0, 0] for name, value in prior.items()},
            conditioned.site_dims(),
            conditioned.coords(),
            names,
        )
        store = Store(experiment.path, lambda: _identity(target, engine, key, what, truth))
        missing = [i for i in range(simulations) if i not in store.done()]
        bar = Steps(bars, "simulations", simulations)
        bar.advance(simulations - len(missing))
        try:
            for i, arrays in _simulate(target, engine, missing, key, names, truth, experiment.batch, bars):
                store.write(i, arrays)
                bar.advance(1)
        except KeyboardInterrupt:
            interrupted = True
            if not store.done():
                raise KeyboardInterrupt("interrupted before the first simulation was finished") from None
        done = {i: arrays for i, arrays in store.done().items() if i < simulations}
        prior_sd = np.append(np.std(flat(prior, names, 2)[0], axis=0), np.nan)
    attrs = {"engine": repr(engine), "interrupted": int(interrupted), "wanted": simulations}
    return _tree(done, what, prior_sd, attrs)


def _check_truth(target: Target, truth: dict[str, Array], caller: str) -> None:
    shapes = jax.eval_shape(target.constrain, jnp.zeros(target.size))
    unknown = sorted(set(truth) - set(target.names))
    if unknown:
        raise ValueError(
            f"{caller}(truth=...) names {', '.join(unknown)}, but the unknowns are {', '.join(target.names)}"
        )
    for name, value in truth.items():
        if value.shape != shapes[name].shape:
            raise ValueError(
                f"{caller}(truth=...) has shape {value.shape} for {name!r}, expected {shapes[name].shape}"
            )


def _simulate(
    target: Target,
    engine: Any,
    missing: list[int],
    key: PRNGKeyArray,
    names: list[str],
    truth: dict[str, Array],
    batch: int,
    bars: Any,
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    if not missing:
        return
    draw, fit = drawer(target, truth), fitter(engine, target)
    likelihoods = jax.jit(
        lambda values, x: jax.lax.map(target.given(values).log_likelihood, x, batch_size=50)
    )
    size = min(batch, len(missing)) if fit.together else 1
    for first in range(0, len(missing), size):
        numbers = missing[first : first + size]
        # A last batch that is not full would be another program.
        padded = (numbers * size)[:size]
        keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key, i)))(jnp.asarray(padded))
        began = time.perf_counter()
        worlds = draw(keys[:, 0])
        latent, divergences = fit.draws(worlds.values, keys[:, 1], bars)
        seconds = (time.perf_counter() - began) / len(padded)
        for k, i in enumerate(numbers):
            arrays = _judge(target, worlds, latent[k], k, i, names, likelihoods)
            yield (
                i,
                arrays
                | {
                    "divergences": np.asarray(divergences[k]),
                    "failed": np.asarray(worlds.failed[k]),
                    "seconds": np.asarray(seconds),
                },
            )


def _judge(
    target: Target,
    worlds: Replications,
    latent: np.ndarray,
    k: int,
    i: int,
    names: list[str],
    likelihoods: Any,
) -> dict[str, np.ndarray]:
    """Judgement of simulation `i`, which is the `k`-th of its batch; the log likelihood is its last
    parameter.
    """
    values = jax.tree.map(lambda leaf: jnp.asarray(leaf[k]), worlds.values)
    truth = jnp.asarray(worlds.latent[k])
    draws = jnp.asarray(latent).reshape(-1, target.size)
    everything = np.asarray(likelihoods(values, jnp.concatenate([draws, truth[None]])))
    sites = flat(target.constrain_all(jnp.asarray(latent)), names, 2)
    true_sites = flat(target.constrain_all(truth[None, None]), names, 2)[0, 0]
    columns = np.concatenate([sites, everything[:-1].reshape(*latent.shape[:2], 1)], axis=-1)
    return judge(columns, np.append(true_sites, everything[-1]), np.random.default_rng(i))._asdict()


def _identity(
    target: Target, engine: Any, key: PRNGKeyArray, what: Labels, truth: dict[str, Array]
) -> dict[str, Any]:
    """What tells one calibration from another; the numbers of its data do not."""
    ones = jax.tree.map(lambda leaf: np.ones(np.shape(leaf), np.asarray(leaf).dtype), target.values)
    return identity(target, engine, key, ones) | {
        "parameters": ", ".join(what.parameter),
        "data": str([list(np.shape(leaf)) for leaf in jax.tree.leaves(target.values)]),
        "truth": np.concatenate([np.zeros(0), *(np.ravel(truth[name]) for name in sorted(truth))]).tolist(),
    }


def _tree(
    done: dict[int, dict[str, np.ndarray]], what: Labels, prior_sd: np.ndarray, attrs: dict[str, Any]
) -> Any:
    import xarray as xr

    stacked = {
        name: np.stack([arrays[name] for arrays in done.values()]) for name in next(iter(done.values()))
    }
    failed = int(stacked.pop("failed").sum())
    parameter = ("parameter", [*what.parameter, LOG_LIKELIHOOD])
    coords = {
        "simulation": list(done),
        "parameter": parameter,
        "name": ("parameter", [*what.name, LOG_LIKELIHOOD]),
        "element": ("parameter", [*what.element, ""]),
        "prior_sd": ("parameter", prior_sd),
    }
    variables = {name: (("simulation", "parameter")[: array.ndim], array) for name, array in stacked.items()}
    dataset = xr.Dataset(variables, coords=coords, attrs=attrs | {"failed": failed})
    return xr.DataTree.from_dict({"calibration": dataset})
