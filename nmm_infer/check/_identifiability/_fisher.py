"""Fisher's information: what data are expected to say about unconstrained parameters."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ...infer._target import Target
from .._unwrapped import unwrapped

# Simulated data sets for likelihoods without a closed form; the information is then known to some per cent.
REPLICAS = 2000


def informer(
    target: Target, key: PRNGKeyArray
) -> Callable[[Float[np.ndarray, " latent"]], Float[np.ndarray, "latent latent"]]:
    """A function that gives the expected information about the unconstrained parameters at a point; NaN where
    the model fails.

    Normal, multivariate and complex normal and Student t data have a closed form, JᵀJ with J the Jacobian of
    the coordinates in `_coordinates`. It is taken by central differences, which need nothing of a solver but
    that it runs. For other likelihoods it is the mean of the scores' outer products over simulated data.
    """
    if closed_form(target):
        by_jacobian = _by_jacobian(target)
        return lambda x: np.asarray(by_jacobian(jnp.asarray(x)))
    by_scores, keys = _by_scores(target), jax.random.split(key, REPLICAS)
    return lambda x: np.asarray(by_scores(jnp.asarray(x), keys))


def closed_form(target: Target) -> bool:
    """Whether all data have a distribution whose information is known."""
    known: list[bool] = []

    def look(x: Array) -> None:
        known.extend(
            _coordinates(site["fn"], site["value"]) is not None for site in _observed(target, x).values()
        )

    jax.eval_shape(look, jnp.zeros(target.size))
    return all(known)


def _observed(target: Target, x: Array) -> dict[str, Any]:
    """The statements about data at `x`."""
    from numpyro import handlers

    sites = target.constrain(x)
    with (
        handlers.block(),
        handlers.trace() as trace,
        handlers.substitute(data={name: sites[name] for name in target.names}),
        handlers.seed(rng_seed=0),
    ):
        target.conditioned.model()
    return {
        name: site
        for name, site in trace.items()
        if site["type"] == "sample" and site["is_observed"] and type(site["fn"]).__name__ != "Unit"
    }


def _coordinates(distribution: Any, value: Any) -> Callable[[Any], list[Array]] | None:
    """Functions φ of a distribution of the same kind with information Σ dφᵀdφ at `distribution`; None: not
    known.

    Normal: (μ/σ, √2 log σ). Student t, ν known: √((ν + 1)/(ν + 3)) μ/σ and √(2ν/(ν + 3)) log σ. Multivariate
    normal: (L⁻¹ μ, L⁻¹ Σ L⁻ᵀ/√2), complex normal: √k L⁻¹ S L⁻ᴴ, with L the Cholesky factor at the point.
    """
    import numpyro.distributions as dist
    from jax.scipy.linalg import solve_triangular

    from ..._distributions._complex_normal import ComplexNormal

    shape = np.shape(value)
    fixed = jax.lax.stop_gradient

    def location_scale(location: Any, scale: Any) -> Callable[[Any], list[Array]]:
        at = fixed(unwrapped(distribution).scale)
        return lambda d: [
            jnp.broadcast_to(location * unwrapped(d).loc / at, shape),
            jnp.broadcast_to(scale * jnp.log(unwrapped(d).scale), shape),
        ]

    def white(S: Any, L: Any) -> Array:
        half = solve_triangular(L, S, lower=True)
        return solve_triangular(L, jnp.swapaxes(half.conj(), -1, -2), lower=True)

    inner: Any = unwrapped(distribution)
    match inner:
        case dist.Normal():
            return location_scale(1.0, jnp.sqrt(2.0))
        case dist.StudentT():
            df: Any = inner.df
            return location_scale(jnp.sqrt((df + 1) / (df + 3)), jnp.sqrt(2 * df / (df + 3)))
        case dist.MultivariateNormal():
            L: Any = fixed(inner.scale_tril)
            return lambda d: [
                jnp.broadcast_to(solve_triangular(L, unwrapped(d).loc[..., None], lower=True)[..., 0], shape),
                jnp.broadcast_to(
                    white(unwrapped(d).covariance_matrix, L) / jnp.sqrt(2.0), (*shape, shape[-1])
                ),
            ]
        case ComplexNormal():
            L, k = jnp.linalg.cholesky(fixed(inner.S)), inner.k

            def parts(d: Any) -> list[Array]:
                w = jnp.sqrt(float(k)) * white(d.S, L)
                return [w.real, w.imag]

            return parts
    return None


def _by_jacobian(target: Target) -> Callable[[Array], Array]:
    h = float(jnp.finfo(jnp.zeros(()).dtype).eps) ** (1.0 / 3.0)

    @jax.jit
    def at(x: Array) -> Array:
        functions = {
            name: _coordinates(site["fn"], site["value"]) for name, site in _observed(target, x).items()
        }

        def phi(z: Array) -> Array:
            sites = _observed(target, z)
            parts = [part for name, function in functions.items() for part in function(sites[name]["fn"])]  # pyright: ignore[reportOptionalCall]
            return jnp.concatenate([jnp.ravel(part) for part in parts])

        J = jax.lax.map(
            lambda e: (phi(x + h * e) - phi(x - h * e)) / (2.0 * h), jnp.eye(x.size, dtype=x.dtype)
        )
        return jnp.where(jnp.isfinite(target.log_density(x)), J @ J.T, jnp.nan)

    return at


def _by_scores(target: Target) -> Callable[[Array, Array], Array]:
    @jax.jit
    def at(x: Array, keys: Array) -> Array:
        sites = target.constrain(x)

        def score(key: Array) -> Array:
            values = target.conditioned.replicate(key, sites)
            return jax.grad(target.given(values).log_likelihood)(x)

        scores = jax.lax.map(score, keys, batch_size=50)
        return scores.T @ scores / len(keys)

    return at
