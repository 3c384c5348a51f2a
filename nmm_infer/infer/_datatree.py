"""Draws become a DataTree in ArviZ's schema."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from .._tools._provenance import provenance
from ..problems._base import Named, dataset
from ._log_prior import log_prior
from ._run import AbstractRun
from ._salvage import Salvage
from ._target import Target
from ._walls import reasons
from .devices import AbstractArrangement, default_arrangement

# Draws of the prior, for the comparison of prior and posterior.
PRIOR_DRAWS = 1000
PRIOR_PREDICTIVE_DRAWS = 50
# Pointwise log likelihoods of all draws are kept while they are no more numbers than this (800 MB).
POINTWISE = 100_000_000
# Predictions of all draws are kept while they are no more numbers than this (100 MB); otherwise those of so
# many draws.
PREDICTIONS, SOME_PREDICTIONS = 25_000_000, 200


def build_tree(target: Target, run: AbstractRun, predictive_draws: int | None, key: PRNGKeyArray) -> Any:
    """All groups of a result.

    Posterior predictive draws come from evenly spaced posterior draws; they hold the summaries that the
    likelihood names (time courses; or power spectra and functional connectivity).

    What cannot be made, or is interrupted, is left out with a warning, and named by the attribute `left_out`:
    draws of hours are not lost for it.

    Args:
        target: the posterior.
        run: what the engine produced.
        predictive_draws: posterior predictive draws per chain; None: as many as are useful and fit.
        key: for draws of the prior and for predictions.
    """
    import xarray as xr

    key_prior, key_prior_predictive, key_predictive = jax.random.split(key, 3)
    problem, conditioned = target.problem, target.conditioned
    latent = jnp.asarray(run.latent)
    salvage, nothing = Salvage(), xr.Dataset()
    # The draws first, whatever comes after them.
    with salvage.undisturbed():
        groups: dict[str, Any] = {
            "posterior": salvage("posterior", lambda: _sites(target, target.constrain_all(latent)), nothing),
            "sample_stats": _by_draw(run.stats),
            "unconstrained_posterior": _unconstrained(target, latent),
        }
    arrangement = default_arrangement(latent.shape[0] * latent.shape[1], problem)
    with arrangement.threads():
        each, rest = salvage(
            "log_likelihood, rest", lambda: pointwise(target, latent, arrangement), (nothing, nothing)
        )
        groups |= {
            "log_likelihood": each,
            "rest": rest,
            "observed_data": salvage("observed_data", conditioned.observed_data, nothing),
            "constant_data": salvage("constant_data", conditioned.constant_data, nothing),
        }
        prior_latent = salvage("prior", lambda: target.prior_draws(key_prior, PRIOR_DRAWS)[None], None)
        if prior_latent is not None:
            groups["prior"] = salvage(
                "prior", lambda: _sites(target, target.constrain_all(prior_latent)), nothing
            )
        if predictive_draws != 0 and prior_latent is not None:
            predicted = _predicted_draws(target, latent) if predictive_draws is None else predictive_draws
            chosen = np.unique(np.linspace(0, latent.shape[1] - 1, predicted).astype(int))
            ours = latent[:, chosen], prior_latent[:, :PRIOR_PREDICTIVE_DRAWS]
            keys = key_predictive, key_prior_predictive
            posterior_predictive, prior_predictive = salvage(
                "predictions", lambda: _predictive(target, ours, keys, arrangement), [nothing, nothing]
            )
            groups["posterior_predictive"], groups["prior_predictive"] = (
                posterior_predictive.assign_coords(draw=chosen),
                prior_predictive,
            )
    if groups["log_likelihood"].data_vars:
        groups["log_prior"] = salvage("log_prior", lambda: _by_draw(log_prior(target, latent)), nothing)
    left_out = salvage.warn()
    # A model of no data has no likelihood, no predictions.
    groups = {name: group for name, group in groups.items() if group.data_vars}
    tree = xr.DataTree.from_dict(groups | run.groups)
    tree.attrs.update(
        provenance()
        | {
            "draws_are": str(run.kind),
            "gradient_evaluations": run.gradients,
            **{reason.attribute: count for reason, count in reasons(target, run.failed).items()},
            "interrupted": int(run.interrupted or salvage.interrupted),
            **({"left_out": left_out} if left_out else {}),
            "data_hash": conditioned.fingerprint(),
            **problem.about(),
            **run.attrs,
        }
    )
    return tree


def _sites(target: Target, values: dict[str, Array]) -> Any:
    """Sites as variables with the names of their plates as dims."""
    conditioned = target.conditioned
    dims = conditioned.site_dims()
    found = dataset(
        {name: Named(value, ("chain", "draw", *dims[name])) for name, value in values.items()},
        conditioned.coords(),
    )
    for name, unit in target.problem.units().items():
        if name in found:
            found[name].attrs["units"] = unit
    return found


def _by_draw(values: Mapping[str, Any]) -> Any:
    """One number for each draw."""
    return dataset({name: Named(value, ("chain", "draw")) for name, value in values.items()}, {})


def _unconstrained(target: Target, latent: Array) -> Any:
    values = jax.vmap(jax.vmap(target.unravel))(latent)
    return dataset(
        {
            name: Named(v, ("chain", "draw", *(f"{name}_dim_{i}" for i in range(v.ndim - 2))))
            for name, v in values.items()
        },
        {},
    )


def _with_draws(found: dict[str, Named]) -> dict[str, Named]:
    return {name: Named(named.values, ("chain", "draw", *named.dims)) for name, named in found.items()}


def pointwise(target: Target, latent: Array, arrangement: AbstractArrangement) -> tuple[Any, Any]:
    """At every draw the log likelihood of every observation, and where the network rests; the former is left
    out where it would fill the memory.
    """
    shapes, _ = eqx.filter_eval_shape(_at_draws, target, latent, arrangement, True)
    numbers = sum(math.prod(named.values.shape) for named in jax.tree.leaves(shapes, is_leaf=_is_named))
    if numbers > POINTWISE:
        warnings.warn(
            "the group log_likelihood is left out: one number for each of"
            f" {latent.shape[0] * latent.shape[1]} draws and every observation would be {numbers / 1e6:.0f}"
            " million of them. For compare(), sensitivity() or az.loo take fewer draws, or fewer samples"
            f" (every {math.ceil(numbers / POINTWISE)}th)",
            stacklevel=4,
        )
    coords = target.conditioned.coords()
    found = _at_draws(target, latent, arrangement, numbers <= POINTWISE)
    each, rest = (dataset(_with_draws(named), coords) for named in found)
    return each, rest


def _is_named(value: Any) -> bool:
    return isinstance(value, Named)


@eqx.filter_jit
def _at_draws(
    target: Target, latent: Array, arrangement: AbstractArrangement, pointwise: bool
) -> tuple[dict[str, Named], dict[str, Named]]:
    # One program for both: the search for rest is a part of the likelihood.
    def one(x: Array) -> tuple[dict[str, Named], dict[str, Named]]:
        sites, conditioned = target.constrain(x), target.conditioned
        return conditioned.log_likelihood(sites) if pointwise else {}, conditioned.rest(sites)

    return target.for_each(one, latent, arrangement=arrangement)


@eqx.filter_jit
def _replicates(
    target: Target, latent: Array, keys: PRNGKeyArray, arrangement: AbstractArrangement
) -> dict[str, Named]:
    def one(x: Array, key: Array) -> dict[str, Named]:
        conditioned = target.conditioned
        return conditioned.with_values(conditioned.replicate(key, target.constrain(x))).summaries()

    return target.for_each(one, latent, keys, arrangement=arrangement)


def _predicted_draws(target: Target, latent: Array) -> int:
    """Of how many draws a chain data are predicted: of all where predictions and log likelihoods are of the
    same observations, so that they can be paired.
    """
    chains, draws = latent.shape[:2]
    predictions = eqx.filter_eval_shape(lambda: target.conditioned.summaries())
    pointwise = eqx.filter_eval_shape(
        lambda x: target.conditioned.log_likelihood(target.constrain(x)), latent[0, 0]
    )
    numbers = chains * draws * sum(math.prod(named.values.shape) for named in predictions.values())
    paired = any(
        name in pointwise and pointwise[name].values.shape == named.values.shape
        for name, named in predictions.items()
    )
    return draws if paired and numbers <= PREDICTIONS else math.ceil(SOME_PREDICTIONS / chains)


def _predictive(
    target: Target, latents: Sequence[Array], keys: Sequence[PRNGKeyArray], arrangement: AbstractArrangement
) -> list[Any]:
    """Replicated data of several sets of draws, `["chain draw latent"]`, as the summaries that the problem
    names.

    All in one go: a simulation is compiled for each number of draws that it is mapped over.
    """
    sizes = [latent.shape[:2] for latent in latents]
    every = jnp.concatenate([latent.reshape(1, -1, target.size) for latent in latents], axis=1)
    each = jnp.concatenate(
        [
            jax.random.split(key, size).reshape(1, -1, *key.shape)
            for key, size in zip(keys, sizes, strict=True)
        ],
        axis=1,
    )
    drawn = _replicates(target, every, each, arrangement)
    found, first = [], 0
    for chains, draws in sizes:
        last = first + chains * draws
        own = {
            name: Named(
                _single(np.asarray(x.values[0, first:last])).reshape(chains, draws, *x.values.shape[2:]),
                x.dims,
            )
            for name, x in drawn.items()
        }
        found.append(dataset(_with_draws(own), target.conditioned.coords()))
        first = last
    return found


def _single(values: np.ndarray) -> np.ndarray:
    """Half the size on disk, and more digits than a draw has."""
    with np.errstate(over="ignore"):  # a prediction that overflows is infinite
        return values.astype(np.float32) if values.dtype.kind == "f" else values
