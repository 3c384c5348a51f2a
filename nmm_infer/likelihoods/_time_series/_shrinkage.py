"""A covariance matrix from fewer samples than it has dimensions."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Shrunk(NamedTuple):
    """mean, and covariance (1 - λ) S + λ diag S as factor factorᵀ + diag(diagonal)."""

    mean: Float[Array, " feature"]
    factor: Float[Array, "feature sample"]
    diagonal: Float[Array, " feature"]
    intensity: Float[Array, ""]


def shrink(X: Float[Array, "sample feature"]) -> Shrunk:
    """Sample covariance with its correlations shrunk towards zero by the optimal amount (Schäfer & Strimmer
    2005, Stat Appl Genet Mol Biol 4:32).

    λ = Σ_{i≠j} Var(r_ij) / Σ_{i≠j} r_ij², estimated from the samples; no matrix of features by features is
    formed.
    """
    n = X.shape[0]
    mean = X.mean(axis=0)
    centred = X - mean
    variance = (centred**2).sum(axis=0) / (n - 1)
    z = centred / jnp.sqrt(variance)
    # With w_k = z_k z_kᵀ: sums over entries of w_k², of their mean squared, and of both on the diagonal.
    gram = z @ z.T
    w_squared = (jnp.diagonal(gram) ** 2).sum() - (z**4).sum()
    r_squared = (gram**2).sum() / (n - 1) ** 2 - X.shape[1]
    spread = w_squared - r_squared * (n - 1) ** 2 / n
    noise = n / (n - 1) ** 3 * spread
    intensity = jnp.clip(noise / jnp.maximum(r_squared, jnp.finfo(X.dtype).tiny), 0.0, 1.0)
    # Where all is shrunk, the root has no derivative, and needs none.
    kept = intensity < 1.0
    root = jnp.where(kept, jnp.sqrt(jnp.where(kept, 1.0 - intensity, 1.0)), 0.0)
    factor = root / jnp.sqrt(n - 1) * centred.T
    return Shrunk(mean, factor, intensity * variance, intensity)
