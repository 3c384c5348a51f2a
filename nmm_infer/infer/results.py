"""Draws become a DataTree in ArviZ's schema."""

import time
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from numpyro import handlers

from ..provenance import provenance
from .target import Target

# Draws of the prior, for the comparison of prior and posterior.
PRIOR_DRAWS = 1000
PRIOR_PREDICTIVE_DRAWS = 50


class Run(NamedTuple):
    """What an engine produced.

    Fields:
        engine: its settings in words.
        latent: unconstrained draws, `["chain draw latent"]`.
        stats: sample statistics, each `["chain draw"]`.
        gradients: evaluations of the gradient, all chains, warmup included.
        failed: proposals at which the model failed.
        interrupted: whether it was stopped early.
        began: `time.perf_counter()` at the start.
        predictive_draws: posterior predictive draws per chain.
        extra: further groups, name → {variable: (dims, array)}.
    """

    engine: str
    latent: np.ndarray
    stats: dict[str, np.ndarray]
    gradients: int
    failed: int
    interrupted: bool
    began: float
    predictive_draws: int
    extra: dict[str, dict[str, tuple[tuple[str, ...], np.ndarray]]] = {}


def build_tree(target: Target, run: Run, key: PRNGKeyArray, seed: PRNGKeyArray) -> Any:
    """All groups of a result.

    Posterior predictive draws come from evenly spaced posterior draws; they hold the summaries that the
    likelihood names (time courses; or power spectra and functional connectivity).
    """
    import xarray as xr

    key_prior, key_prior_predictive, key_predictive = jax.random.split(key, 3)
    latent = jnp.asarray(run.latent)
    constrain = jax.jit(jax.vmap(jax.vmap(target.constrain)))
    prior_latent = jax.jit(jax.vmap(target.prior_draw))(jax.random.split(key_prior, PRIOR_DRAWS))[None]
    groups: dict[str, Any] = {
        "posterior": _sites(target, constrain(latent)),
        "sample_stats": xr.Dataset({name: (("chain", "draw"), values) for name, values in run.stats.items()}, coords=_draws(run.latent.shape)),
        "unconstrained_posterior": _unconstrained(target, latent),
        "log_likelihood": _log_likelihood(target, latent),
        "prior": _sites(target, constrain(prior_latent)),
        "observed_data": _observed(target),
        "constant_data": _constant(target),
    }
    if run.predictive_draws:
        chosen = np.unique(np.linspace(0, latent.shape[1] - 1, run.predictive_draws).astype(int))
        groups["posterior_predictive"] = _predictive(target, latent[:, chosen], key_predictive).assign_coords(draw=chosen)
        groups["prior_predictive"] = _predictive(target, prior_latent[:, :PRIOR_PREDICTIVE_DRAWS], key_prior_predictive)
    for name, variables in run.extra.items():
        groups[name] = xr.Dataset(variables)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(
        provenance()
        | {
            "engine": run.engine,
            "seed": str(np.asarray(jax.random.key_data(seed)).tolist()) if jnp.issubdtype(seed.dtype, jax.dtypes.prng_key) else str(np.asarray(seed).tolist()),
            "wall_time_s": round(time.perf_counter() - run.began, 3),
            "gradient_evaluations": run.gradients,
            "failed_simulations": run.failed,
            "interrupted": int(run.interrupted),
            "data_hash": target.observed.recording.hash,
            "model": target.problem.network.model.title(),
            "likelihood": type(target.problem.likelihood).__name__,
            "observation": type(target.problem.observe).__name__,
        }
    )
    for group in ("posterior", "prior"):
        tree[group].attrs.update(inference_library="nmm_infer", sampling_time=tree.attrs["wall_time_s"])
    return tree


def _sites(target: Target, values: dict[str, Array]) -> Any:
    """Sites as variables with the names of their plates as dims."""
    import xarray as xr

    units = {name: prior.unit for name, prior in target.problem.priors.items() if getattr(prior, "unit", None) not in (None, "1")}
    labels = {plate: list(names) for plate, names in target.problem.network.plate_labels.items()}
    variables = {}
    for name, value in values.items():
        array = np.asarray(value)
        plates = target.dims(name) if name in target.sites else ()
        inner = array.ndim - 2 - len(plates)
        dims = ("chain", "draw", *plates, *(f"{name}_dim_{i}" for i in range(inner)))
        if inner < 0:  # a value shared along its plates
            dims = ("chain", "draw", *plates[-(array.ndim - 2) :]) if array.ndim > 2 else ("chain", "draw")
        variables[name] = (dims, array, {"units": str(units[name])} if name in units else {})
    dataset = xr.Dataset(variables)
    known: dict[str, Any] = {dim: names for dim, names in labels.items() if dataset.sizes.get(dim) == len(names)}
    return dataset.assign_coords(chain=np.arange(dataset.sizes["chain"]), draw=np.arange(dataset.sizes["draw"]), **known)


def _draws(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}


def _unconstrained(target: Target, latent: Array) -> Any:
    import xarray as xr

    values = jax.vmap(jax.vmap(target.unravel))(latent)
    variables = {name: (("chain", "draw", *(f"{name}_dim_{i}" for i in range(v.ndim - 2))), np.asarray(v)) for name, v in values.items()}
    return xr.Dataset(variables, coords=_draws(latent.shape))


def _with_model(target: Target, x: Array) -> tuple[Any, Array]:
    """Distribution of the data at unconstrained `x`, and whether the model is valid there."""
    values = target.constrain(x)
    with handlers.substitute(data=values), handlers.seed(rng_seed=0):
        network, observe, likelihood = target.problem.draw()
    return likelihood.distribution(network, observe, lambda: target.problem._simulate(network, observe), target.observed)


def _log_likelihood(target: Target, latent: Array) -> Any:
    import xarray as xr

    values = jnp.asarray(target.observed.values)
    one = eqx.filter_jit(lambda x: _with_model(target, x)[0].log_prob(values))
    # One draw after the other: as much memory as one gradient.
    flat = jax.lax.map(one, latent.reshape(-1, latent.shape[-1]))
    dims = ("chain", "draw", *target.observed.batch_dims())
    array = np.asarray(flat).reshape(*latent.shape[:2], *flat.shape[1:])
    coords = {name: value for name, value in target.observed.coords().items() if name in dims}
    return xr.Dataset({"y": (dims, array)}, coords=coords | _draws(latent.shape))


def _predictive(target: Target, latent: Array, key: PRNGKeyArray) -> Any:
    """Replicated data, as the summaries that the likelihood names."""
    import xarray as xr

    flat = latent.reshape(-1, latent.shape[-1])
    names: dict[str, tuple[str, ...]] = {}

    def one(inputs: tuple[Array, Array]) -> dict[str, Array]:
        x, key = inputs
        distribution, valid = _with_model(target, x)
        summaries = target.observed.summaries(distribution.sample(key))
        names.update({name: dims for name, (dims, _) in summaries.items()})
        return {name: jnp.where(valid, value, jnp.nan) for name, (_, value) in summaries.items()}

    drawn = jax.jit(lambda x, keys: jax.lax.map(one, (x, keys)))(flat, jax.random.split(key, flat.shape[0]))
    shape = latent.shape[:2]
    variables = {name: (("chain", "draw", *names[name]), np.asarray(v, dtype=np.float32).reshape(*shape, *v.shape[1:])) for name, v in drawn.items()}
    coords = target.observed.coords() | _draws(shape)
    return xr.Dataset(variables, coords=_used(coords, variables))


def _observed(target: Target) -> Any:
    import xarray as xr

    observed = target.observed
    recording = observed.recording
    variables: dict[str, Any] = {name: (dims, np.asarray(value)) for name, (dims, value) in observed.summaries(jnp.asarray(observed.values)).items()}
    coords = observed.coords()
    if "y" not in variables:
        variables["data"] = (("time", recording.dim), recording.values)
        if recording.interval is not None:
            coords["time"] = ("time", recording.interval * np.arange(1, recording.values.shape[0] + 1), {"units": "ms"})
    for name in ("y", "data"):
        if name in variables and recording.unit:
            variables[name] = (*variables[name][:2], {"units": recording.unit})
    return xr.Dataset(variables, coords=_used(coords, variables))


def _constant(target: Target) -> Any:
    import xarray as xr

    connectome = target.problem.network.connectome
    names = list(connectome.labels)
    pairs = ("region", "region_2")
    variables: dict[str, Any] = {}
    if isinstance(connectome.weights, np.ndarray | jax.Array):
        variables["weights"] = (pairs, np.asarray(connectome.weights))
    if isinstance(connectome.lengths, np.ndarray | jax.Array):
        variables["lengths"] = (pairs, np.asarray(connectome.lengths), {"units": "mm"})
    coords: dict[str, Any] = {"region": names, "region_2": names}
    if connectome.centres is not None:
        variables["centres"] = (("region", "axis"), connectome.centres, {"units": "mm"})
        coords["axis"] = ["x", "y", "z"]
    return xr.Dataset(variables, coords=coords)


def _used(coords: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    dims = {dim for value in variables.values() for dim in value[0]}
    return {name: value for name, value in coords.items() if name in dims}
