"""The posterior as a sum of squares, where it is one."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array

from .._target import Target

# Points of the prior at which the sum of squares is compared with the density.
POINTS = 5


def residuals(target: Target) -> Callable[[Array], Array]:
    """r(x) with log density = constant - ‖r(x)‖²/2, from data and priors alike.

    Normal data of known scale give (y - prediction)/scale, Normal and LogNormal priors (x - loc)/scale in
    unconstrained coordinates.

    Raises:
        ValueError: a distribution that gives no residuals, or a density that is no sum of squares, as with a
            free scale of the noise.
    """

    def function(x: Array) -> Array:
        from numpyro import handlers
        from numpyro.infer.util import constrain_fn

        values = constrain_fn(target.conditioned.model, (), {}, target.unravel(x))
        with (
            handlers.block(),
            handlers.trace() as trace,
            handlers.substitute(data=values),
            handlers.seed(rng_seed=0),
        ):
            target.conditioned.model()
        latent = target.unravel(x)
        found, valid = [], jnp.ones((), bool)
        for name, site in trace.items():
            if site["type"] != "sample":
                continue
            if site["is_observed"] and type(site["fn"]).__name__ == "Unit":
                # A factor: what it adds must be a constant, or -inf where the model fails.
                valid = valid & jnp.all(jnp.isfinite(site["fn"].log_factor))
                continue
            found.append(
                jnp.ravel(
                    _residual(
                        name,
                        site["fn"],
                        site["value"] if site["is_observed"] else latent[name],
                        site["is_observed"],
                    )
                )
            )
        return jnp.where(valid, jnp.concatenate(found), jnp.inf)

    _check(target, function)
    return function


def _residual(name: str, distribution: Any, value: Any, observed: bool) -> Array:
    import numpyro.distributions as dist

    while isinstance(distribution, dist.Independent | dist.ExpandedDistribution):
        distribution = distribution.base_dist
    exponential = (
        not observed
        and isinstance(distribution, dist.TransformedDistribution)
        and isinstance(distribution.base_dist, dist.Normal)
        and all(isinstance(transform, dist.transforms.ExpTransform) for transform in distribution.transforms)
    )
    if exponential:
        distribution = distribution.base_dist
    match distribution:
        case dist.Normal():
            return (value - distribution.loc) / distribution.scale
        case dist.MultivariateNormal():
            white = value - distribution.loc
            return solve_triangular(jnp.asarray(distribution.scale_tril), white[..., None], lower=True)[
                ..., 0
            ]
    raise ValueError(
        f"optimisers.LevenbergMarquardt: site {name!r} is {type(distribution).__name__}, expected"
        f" Normal{'' if observed else ' or LogNormal'}; use optimisers.BFGS(), which takes any density"
    )


def _check(target: Target, function: Callable[[Array], Array]) -> None:
    points = target.prior_draws(jax.random.key(0), POINTS)
    constant = np.asarray(
        jax.jit(lambda x: jax.lax.map(lambda x: target.log_density(x) + 0.5 * jnp.sum(function(x) ** 2), x))(
            points
        )
    )
    constant = constant[np.isfinite(constant)]
    scale = 1e-6 if points.dtype == jnp.float64 else 1e-2
    if constant.size and np.ptp(constant) > scale * (1.0 + np.abs(constant).max()):
        raise ValueError(
            "optimisers.LevenbergMarquardt: the log density is no sum of squares, its remainder varies by"
            f" {np.ptp(constant):.3g} nats over the prior; give the noise a known scale, or use"
            " optimisers.BFGS(), which takes any density"
        )
