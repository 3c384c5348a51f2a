"""The evidence from draws of any sampler."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..._tools._keys import random_key
from .._engine import check_problem, precision
from .._target import Target

# Iterations of the fixed point, and when it stands still (relative).
ITERATIONS, STILL = 1000, 1e-10
# Draws for each unknown that the Gaussian is fitted to, at least; fewer make its covariance singular.
PER_UNKNOWN = 5


class Evidence(NamedTuple):
    """A log evidence and its standard error."""

    value: float
    error: float


def bridge_sampling(
    problem: Any, data: Any, tree: Any, *, key: PRNGKeyArray | int, dtype: str = "float64"
) -> Any:
    """Log evidence of a posterior that was sampled, by bridge sampling (Meng & Wong 1996; Gronau et al. 2017,
    J Math Psychol 81:80).

    A Gaussian is fitted to half of the draws in unconstrained coordinates, and a bridge is built between it
    and the other half. For posteriors of one mode, from a sampler (NUTS, HMC, SMC), with many more draws than
    unknowns; draws of an approximation (SVI, Laplace) give the evidence of nothing.

    Args:
        problem, data: as they were given to the engine.
        tree: what the engine returned.
        key: a JAX random key, or a seed.
        dtype: "float64" (default) or "float32".

    Returns:
        The tree with attributes `log_evidence`, `log_evidence_se` and `log_evidence_method`.

    Raises:
        ValueError: the tree is of another problem or other data, or has too few draws.
    """
    check_problem(problem)
    key = random_key(key, "bridge_sampling(key=...)")
    with precision(dtype):
        target = Target(problem.condition(data))
        fingerprint = target.conditioned.fingerprint()
        if "data_hash" in tree.attrs and tree.attrs["data_hash"] != fingerprint:
            raise ValueError(
                f"bridge_sampling(data=...) has hash {fingerprint}, the tree was fitted to data with hash"
                f" {tree.attrs['data_hash']}; pass the data of the fit"
            )
        found = bridge(target.log_density, latent_draws(target, tree), key)
    copy = tree.copy()
    copy.attrs.update(
        log_evidence=found.value, log_evidence_se=found.error, log_evidence_method="bridge sampling"
    )
    return copy


def latent_draws(target: Target, tree: Any) -> Float[np.ndarray, "chain draw latent"]:
    """The draws as the flat vectors that the target takes.

    Raises:
        ValueError: the tree has other unknowns than the target.
    """
    if "unconstrained_posterior" not in tree.children:
        raise ValueError(
            f"the tree has groups {', '.join(tree.children) or 'none'}, expected 'unconstrained_posterior';"
            " pass what an engine of nmm.infer returned"
        )
    return target.join(
        {str(name): values.values for name, values in tree["unconstrained_posterior"].data_vars.items()}
    )


def bridge(
    log_density: Callable[[Array], Array], draws: Float[np.ndarray, "chain draw latent"], key: PRNGKeyArray
) -> Evidence:
    """log ∫ exp(log_density), from draws of it.

    Of every chain the first half fits the Gaussian g, the second half builds the bridge. The estimate is the
    fixed point of r = mean_g[l / (s₁l + s₂r)] / mean_p[1 / (s₁l + s₂r)] with l = p/g and s the shares of the
    effective draws (Gronau et al. 2017, eq. 15); its error is that of Frühwirth-Schnatter 2004, with the
    autocorrelation of the draws.

    Raises:
        ValueError: too few draws for the Gaussian, or no overlap of it with the posterior.
    """
    from arviz_stats.base import array_stats  # pyright: ignore[reportPrivateImportUsage]

    _, n, d = draws.shape
    fit, used = draws[:, : n // 2].reshape(-1, d), draws[:, n // 2 :]
    if fit.shape[0] < PER_UNKNOWN * d:
        raise ValueError(
            f"bridge sampling got {draws.shape[0] * n} draws for {d} unknowns, expected at least"
            f" {2 * PER_UNKNOWN * d}: draw more, or use SMC"
        )
    mean, L = (
        fit.mean(axis=0),
        np.linalg.cholesky(np.atleast_2d(np.cov(fit.T)) + 1e-12 * np.diag(fit.var(axis=0))),
    )
    z = np.asarray(jax.random.normal(key, (used.shape[0] * used.shape[1], d)), dtype=np.float64)

    def ratio(x: np.ndarray) -> np.ndarray:
        """log p - log g."""
        white = np.linalg.solve(L, (x - mean).T)
        log_g = -0.5 * (white**2).sum(axis=0) - np.log(np.diag(L)).sum() - 0.5 * d * np.log(2.0 * np.pi)
        density = jax.jit(lambda x: jax.lax.map(log_density, x, batch_size=min(50, len(x))))
        log_p = np.asarray(density(jnp.asarray(x)), dtype=np.float64)
        return np.where(np.isfinite(log_p), log_p, -np.inf) - log_g

    l1, l2 = ratio(used.reshape(-1, d)), ratio(mean + z @ L.T)
    if not np.any(np.isfinite(l2)):
        raise ValueError(
            "bridge sampling: the posterior density is zero at all draws of its Gaussian; use SMC"
        )
    effective = float(
        np.clip(np.median([array_stats.ess(used[:, :, i], method="mean") for i in range(d)]), 1.0, l1.size)
    )
    s1, s2 = effective / (effective + l2.size), l2.size / (effective + l2.size)
    top = float(np.median(l1))
    p1, p2 = np.exp(np.clip(l1 - top, -700.0, 700.0)), np.exp(np.clip(l2 - top, -700.0, 700.0))
    r = 1.0
    for _ in range(ITERATIONS):
        new = float((p2 / (s1 * p2 + s2 * r)).mean() / (1.0 / (s1 * p1 + s2 * r)).mean())
        still = abs(new - r) <= STILL * r
        r = new
        if still:
            break
    # The two densities, normalised by the estimate, at draws of either.
    f1, f2 = p2 / (s1 * p2 + s2 * r), r / (s1 * p1 + s2 * r)
    correlated = float(
        np.nan_to_num(np.asarray(array_stats.ess(f2.reshape(used.shape[:2]), method="mean")), nan=f2.size)
    )
    variance = f1.var() / f1.mean() ** 2 / f1.size + f2.var() / f2.mean() ** 2 / max(correlated, 1.0)
    return Evidence(top + float(np.log(r)), float(np.sqrt(variance)))
