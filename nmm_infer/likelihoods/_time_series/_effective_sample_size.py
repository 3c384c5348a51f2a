"""How many independent samples autocorrelated data are worth."""

import numpy as np
from jaxtyping import Float

# Lags are summed up to so many times the sum itself (Sokal's window): what an exponential leaves out is then
# e^{-12} of it.
WINDOW = 6


def effective_samples(values: Float[np.ndarray, "time channel"]) -> float:
    r"""Independent samples whose covariance matrix would be as precise as that of `values`.

    ν = T / Σ_k g_k,  g_k = ((tr R_k)² + tr R_k²) / ((tr R_0)² + tr R_0²),  k = …, -1, 0, 1, …

    with the correlation R_k at lag k. By Bartlett's formula (Bartlett 1946; for correlations of BOLD Afyouni,
    Smith & Nichols 2019, NeuroImage 199:609) the sum over all entries of the variance of a sample covariance
    is proportional to Σ g_k; for one channel it is the familiar T / Σ_k ρ_k². The sum ends at the first lag
    that is larger than six times the sum.
    """
    T = len(values)
    x = values - values.mean(axis=0)
    x = x / np.sqrt((x**2).mean(axis=0))

    def size(k: int) -> float:
        R = x[k:].T @ x[: T - k] / T
        return float(np.trace(R) ** 2 + np.sum(R * R.T))

    total, k, whole = 1.0, 1, size(0)
    while k < T - 1 and k <= WINDOW * total:
        total += 2.0 * size(k) / whole
        k += 1
    # One sample's worth went into the mean.
    return T / total - 1.0
