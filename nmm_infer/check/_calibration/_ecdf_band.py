"""Are these numbers uniform? The empirical distribution function of ranks, and the band in which it stays."""

import functools

import numpy as np
from jaxtyping import Float

# Uniform samples that the band and the p-values rest on; the Monte Carlo error of a p-value of 0.05 is then
# 0.002.
TRIALS = 10_000
LEVEL = 0.95


def rank(draws: Float[np.ndarray, " draw"], truth: float, rng: np.random.Generator) -> float:
    """Rank of `truth` among independent posterior `draws`, as a number between 0 and 1.

    (#{draws < truth} + u) / (n + 1) with u uniform on (0, 1), ties counted by chance: exactly uniform if the
    posterior is right, whatever n, so that simulations with different numbers of independent draws are
    comparable (Talts et al. 2018, arXiv:1804.06788; Modrák et al. 2023, Bayesian Analysis).
    """
    below, ties = int(np.sum(draws < truth)), int(np.sum(draws == truth))
    return float((below + rng.uniform() * (ties + 1)) / (len(draws) + 1))


def ecdf(u: Float[np.ndarray, " simulation"]) -> Float[np.ndarray, " point"]:
    """Fraction of `u` at or below i/n, for i = 1, …, n - 1."""
    n = len(u)
    return np.searchsorted(np.sort(u), points(n), side="right") / n


def points(n: int) -> Float[np.ndarray, " point"]:
    """Where the empirical distribution function of n numbers is looked at."""
    return np.arange(1, n) / n


def p_value(u: Float[np.ndarray, " simulation"]) -> float:
    """How often n uniform numbers stray as far from the diagonal as `u` does somewhere.

    The distance is the smallest pointwise binomial tail probability; below 0.05 the function leaves the
    simultaneous 95 % band (Säilynoja, Bürkner, Vehtari 2022, Stat Comput 32:32).
    """
    n = len(u)
    null, tail = _null(n), float(_tail(np.rint(ecdf(u) * n).astype(int)[None], n)[0])
    simulated = (1 + np.sum(null <= tail * (1 + 1e-9))) / (len(null) + 1)
    # Beyond what the simulated samples reach: the probability that any of the n - 1 points has such a tail is
    # at most their sum.
    return float(min(simulated, (n - 1) * tail))


def band(n: int, level: float = LEVEL) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """Lower and upper end of the simultaneous band of `level` at `points(n)`.

    Raises:
        ValueError: fewer than two numbers.
    """
    if n < 2:
        raise ValueError(f"band(n={n}) needs at least 2 simulations to have a distribution")
    # The pointwise probability that `level` of the uniform samples respect everywhere.
    gamma = np.quantile(_null(n), 1.0 - level)
    counts = np.arange(n + 1)
    allowed = _tails(n) > gamma * (1 + 1e-9)
    low = np.where(allowed, counts, n).min(axis=1)
    high = np.where(allowed, counts, 0).max(axis=1)
    return low / n, high / n


@functools.lru_cache(maxsize=8)
def _tails(n: int) -> np.ndarray:
    """Two-sided tail probability of each count at each point, `["point count"]`."""
    from scipy.stats import binom

    counts = np.arange(n + 1)
    z = points(n)[:, None]
    return 2.0 * np.minimum(binom.cdf(counts, n, z), binom.sf(counts - 1, n, z))


def _tail(counts: np.ndarray, n: int) -> np.ndarray:
    """The smallest tail probability along each row of counts."""
    return _tails(n)[np.arange(n - 1), counts].min(axis=1)


@functools.lru_cache(maxsize=8)
def _null(n: int) -> np.ndarray:
    """The smallest tail probability of uniform samples of size n."""
    bins = np.random.default_rng(0).multinomial(n, np.full(n, 1.0 / n), size=TRIALS)
    return np.sort(_tail(np.cumsum(bins, axis=1)[:, :-1], n))
