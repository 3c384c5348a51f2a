"""In how many directions channels vary."""

import numpy as np
from jaxtyping import Float

# Directions with less than this share of the standard deviation of the strongest one hold rounding errors of
# the preprocessing.
EMPTY = 1e-6


def rank_of(values: Float[np.ndarray, "time channel"]) -> int:
    """Directions in which channels without mean hold anything."""
    # eigh, for it is the directions' sizes relative to each other that count, and rows may be many.
    return held(np.linalg.eigvalsh(values.T @ values / len(values)))


def held(variances: Float[np.ndarray, " direction"]) -> int:
    """How many of increasing variances are no rounding errors."""
    return int((variances > (EMPTY * np.sqrt(variances[-1])) ** 2).sum())
