"""How far an approximation is from the posterior, by the ratios of their densities."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

# Below it, importance sampling with smoothed weights is reliable (Vehtari, Simpson, Gelman, Yao, Gabry 2024,
# JMLR 25:72).
PARETO_K = 0.7
# Fewer ratios than this have no tail to fit.
FEWEST = 25
# Log ratios that differ by less are rounding.
EQUAL = 1e-6


class Importance(NamedTuple):
    """Pareto-smoothed importance weights of draws from an approximation.

    Fields:
        log_weights: smoothed, normalised.
        pareto_k: shape of the tail of the ratios; infinite where it cannot be estimated.
        log_mean: log of the mean ratio, which estimates the log evidence if the densities are normalised so.
        log_mean_se: standard error of `log_mean`, to first order; only meaningful while `pareto_k` is small.
    """

    log_weights: Float[np.ndarray, " draw"]
    pareto_k: float
    log_mean: float
    log_mean_se: float


def importance(log_ratios: Float[np.ndarray, " draw"]) -> Importance:
    """Smoothed weights from log p(x) - log q(x) at draws x of q; ratios that are not finite count as p = 0.

    Raises:
        ValueError: p is zero at every draw.
    """
    from blackjax.diagnostics import psis_weights

    ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    if not np.any(np.isfinite(ratios)):
        raise ValueError(
            f"the posterior density is zero at all {ratios.size} draws of the approximation; use NUTS or SMC"
        )
    top = ratios.max()
    log_weights, k = psis_weights(jnp.asarray(ratios))
    # Equal weights have no tail: the approximation is the posterior.
    k = 0.0 if top - ratios.min() < EQUAL else float(k)
    w = np.exp(ratios - top)
    return Importance(
        np.asarray(log_weights, dtype=np.float64),
        k if np.isfinite(k) and ratios.size >= FEWEST else float("inf"),
        float(top + np.log(w.mean())),
        float(w.std() / w.mean() / np.sqrt(w.size)),
    )


def resample(
    key: PRNGKeyArray, draws: Float[Array, "draw latent"], log_weights: Float[np.ndarray, " draw"]
) -> Float[Array, "draw latent"]:
    """As many draws, by systematic resampling: heavy ones appear several times."""
    from blackjax.smc.resampling import systematic

    return draws[systematic(key, jax.nn.softmax(jnp.asarray(log_weights, draws.dtype)), draws.shape[0])]
