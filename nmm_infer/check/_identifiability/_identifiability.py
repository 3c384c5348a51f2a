"""What can be known at all: which parameters, and which of their combinations, data of this kind inform."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ..._tools._keys import random_key
from ..._tools._kinds import kind_of
from .._groups import group
from ._identifiability_report import Identifiability

# Draws of the prior for its covariance, and for the average of the information where no point is given.
PRIOR_DRAWS, AVERAGED = 4000, 20
# Information relative to the prior's that is rounding.
UNSEEN = 1e-8


def identifiability(
    problem: Any,
    data: Any = None,
    *,
    at: Any = None,
    draws: int = AVERAGED,
    key: PRNGKeyArray | int | None = None,
) -> Identifiability:
    """Fisher's information of a problem, its eigenvalues, and standard errors that no unbiased method can
    beat.

    For normal, complex normal (`Spectral`) and Student t data the expected information is exact up to
    rounding; for others it is estimated from simulated data. Parameters are compared in standard deviations
    of their prior, unconstrained: an eigenvalue of 1 says that the data know a combination of parameters as
    well as the prior does.

    Args:
        problem: an `nmm.Problem` or `nmm.NumPyroModel`.
        data: data of the shape that is asked about; their numbers do not matter. None: as the problem
            simulates them.
        at: where: values by site in the unit of their prior (others at the prior's median), or the result of
            an engine, whose posterior mean is taken; None: the average over draws of the prior, that is,
            before there are data.
        draws: of the prior for this average; those at which the model fails are left out.
        key: for draws of the prior and simulated data; None: always the same ones.

    Returns:
        `Identifiability`: print it, or draw `nmm.viz.identifiability(result.data)`.

    Raises:
        ValueError: `at` names unknown sites, or the model fails there.
    """
    from ...infer._engine import check_counts, check_problem, precision
    from ...infer._target import Target
    from .._calibration._replications import example
    from .._labels import labels
    from ._fisher import closed_form, informer

    check_problem(problem)
    check_counts("identifiability", draws=draws)
    conditioned = example(problem, data, "identifiability(...)")
    key_prior, key_data = jax.random.split(
        jax.random.key(0) if key is None else random_key(key, "identifiability(key=...)")
    )
    with precision("float64"):
        target = Target(conditioned)
        prior = np.asarray(target.prior_draws(key_prior, PRIOR_DRAWS))
        points = prior[:draws] if at is None else point(target, at, "identifiability")[None]
        information, exact = informer(target, key_data), closed_form(target)
        found = np.stack([information(x) for x in points])
        good = np.isfinite(found).all(axis=(1, 2))
        if not good.any():
            raise ValueError(
                "identifiability(...): the model fails at"
                f" {'all draws of the prior' if at is None else 'the given point'} (unstable network or"
                " diverged simulation); give another at=, or narrow the priors"
            )
        centre = points[good].mean(axis=0) if at is not None else np.median(prior, axis=0)
        sites = jax.tree.map(np.asarray, target.unravel(jnp.asarray(centre)))
        what = labels(sites, conditioned.site_dims(), conditioned.coords(), list(target.names))
        slopes, logarithmic = _scales(target, centre)
    result = _dataset(found[good].mean(axis=0), prior, centre, slopes, logarithmic, what)
    result.attrs.update(
        where="prior" if at is None else "point",
        points=int(good.sum()),
        failed=int((~good).sum()),
        closed_form=int(exact),
    )
    return Identifiability(result)


def point(target: Any, at: Any, caller: str) -> Float[np.ndarray, " latent"]:
    """The unconstrained point that a user named.

    Raises:
        ValueError: unknown sites or wrong shapes.
    """
    import xarray as xr

    median = target.prior_median()
    if isinstance(at, Mapping) and not isinstance(at, xr.DataTree):
        known = target.constrain(jnp.asarray(median))
        unknown = sorted(set(at) - set(target.names))
        if unknown:
            raise ValueError(
                f"{caller}(at=...) names {', '.join(unknown)}, but the unknowns are {', '.join(target.names)}"
            )
        wrong = [name for name, value in at.items() if np.shape(value) != np.shape(known[name])]
        if wrong:
            raise ValueError(
                f"{caller}(at=...) has shape {np.shape(at[wrong[0]])} for {wrong[0]!r}, expected"
                f" {np.shape(known[wrong[0]])}"
            )
        return np.asarray(
            target.flatten({**known, **{name: jnp.asarray(value, dtype=float) for name, value in at.items()}})
        )
    unconstrained = group(at, "unconstrained_posterior") if isinstance(at, xr.DataTree) else None
    if unconstrained is None or not set(target.names) <= set(unconstrained.data_vars):
        raise ValueError(
            f"{caller}(at=...) got {kind_of(at)}, expected values by site or the result of an engine for this"
            " problem"
        )
    return np.concatenate(
        [np.ravel(unconstrained[name].mean(("chain", "draw")).values) for name in target.names]
    )


def _scales(target: Any, x: Float[np.ndarray, " latent"]) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of each parameter by its unconstrained coordinate, and which coordinates are logarithms; NaN
    where there is no one-to-one relation.
    """

    def flat(x: Any) -> Any:
        sites = target.constrain(x)
        return jnp.concatenate([jnp.ravel(sites[name]) for name in target.names])

    shapes = jax.eval_shape(target.constrain, jnp.asarray(x))
    if sum(math.prod(shapes[name].shape) for name in target.names) != target.size:
        return np.full(target.size, np.nan), np.zeros(target.size, bool)
    logarithms = _logarithms(target)
    logarithmic = np.concatenate(
        [np.full(math.prod(shapes[name].shape), name in logarithms) for name in target.names]
    )
    return np.asarray(jax.jacfwd(flat)(jnp.asarray(x))).diagonal(), logarithmic


def _logarithms(target: Any) -> set[str]:
    """Sites whose unconstrained coordinate is their logarithm: positive ones."""
    import numpyro.distributions as dist
    from numpyro import handlers
    from numpyro.distributions.transforms import ExpTransform, IndependentTransform

    with handlers.block(), handlers.trace() as trace, handlers.seed(rng_seed=0):
        target.prior()
    found = set()
    for name in target.names:
        transform = dist.biject_to(trace[name]["fn"].support)
        while isinstance(transform, IndependentTransform):
            transform = transform.base_transform
        if isinstance(transform, ExpTransform):
            found.add(name)
    return found


def _dataset(
    F: np.ndarray,
    prior: np.ndarray,
    centre: np.ndarray,
    slopes: np.ndarray,
    logarithmic: np.ndarray,
    what: Any,
) -> Any:
    import xarray as xr

    sd = prior.std(axis=0)
    covariance = np.atleast_2d(np.cov(prior, rowvar=False))
    # In units of the prior's own covariance, so that a hierarchy's mean counts as known where its members
    # are.
    variances, axes = np.linalg.eigh(covariance)
    W = (axes * np.sqrt(variances)) @ axes.T
    values, vectors = np.linalg.eigh(W @ F @ W)
    order = np.argsort(values)[::-1]
    values, directions = np.maximum(values[order], 0.0), (W @ vectors[:, order]) / sd[:, None]
    # Of combinations that are not seen at all any mixture is another; the simplest are shown.
    unseen = values < UNSEEN
    directions[:, unseen] = varimax(directions[:, unseen])
    directions = directions / np.linalg.norm(directions, axis=0)
    alone_values, alone_vectors = np.linalg.eigh(F * sd[:, None] * sd)
    # Directions whose eigenvalue is rounding have no bound without a prior.
    known = alone_values > 1e-12 * alone_values[-1]
    alone = (alone_vectors[:, known] ** 2 / alone_values[known]).sum(axis=1)
    hidden = (alone_vectors[:, ~known] ** 2).sum(axis=1) > 1e-8
    together = np.linalg.inv(F + np.linalg.inv(covariance)).diagonal()
    size = len(sd)
    return xr.Dataset(
        {
            "information": (("parameter", "parameter_2"), F * sd[:, None] * sd),
            "eigenvalue": ("direction", values),
            "direction_of": (("direction", "parameter"), directions.T),
            "se": ("parameter", np.where(hidden, np.inf, np.sqrt(alone)) * sd * np.abs(slopes)),
            "se_with_prior": ("parameter", np.sqrt(together) * np.abs(slopes)),
            "prior_sd": ("parameter", sd * np.abs(slopes)),
            "contraction": ("parameter", 1.0 - together / covariance.diagonal()),
            "logarithmic": ("parameter", logarithmic),
            "unconstrained_sd": ("parameter", sd),
            "centre": ("parameter", centre),
        },
        coords={
            "parameter": list(what.parameter),
            "parameter_2": list(what.parameter),
            "direction": np.arange(1, size + 1),
            "name": ("parameter", list(what.name)),
        },
    )


def varimax(
    vectors: Float[np.ndarray, "parameter direction"], iterations: int = 100
) -> Float[np.ndarray, "parameter direction"]:
    """The rotation of some directions in which each has few large coefficients (Kaiser 1958, Psychometrika
    23:187).
    """
    n, k = vectors.shape
    rotation = np.eye(k)
    if k < 2:
        return vectors
    for _ in range(iterations):
        rotated = vectors @ rotation
        u, _, v = np.linalg.svd(vectors.T @ (rotated**3 - rotated * (rotated**2).sum(axis=0) / n))
        rotation = u @ v
    return vectors @ rotation
