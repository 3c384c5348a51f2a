"""Are the chains in different places?"""

import dataclasses
from typing import Any

import numpy as np

from .._groups import group, require_posterior
from .._table import element_label
from ._finding import Finding

# Two chains are apart in an unknown if a draw of one exceeds a draw of the other with at least this
# probability.
APART = 0.98
# Chains that differ more than this (nats) in mean log density are no two modes worth weighing.
NEGLIGIBLE = 10.0


@dataclasses.dataclass(frozen=True)
class Modes:
    """Groups of chains that do not overlap, the highest first; print it.

    Attributes:
        groups: numbers of the chains in each.
        log_density: mean `lp` of each group, NaN if it was not recorded.
        apart: the parameters, with their element, in which groups do not overlap, the clearest first.
    """

    groups: tuple[tuple[int, ...], ...]
    log_density: tuple[float, ...]
    apart: tuple[str, ...]

    @property
    def several(self) -> bool:
        """Whether there is more than one group."""
        return len(self.groups) > 1

    def __str__(self) -> str:
        if not self.several:
            return f"All {len(self.groups[0])} chains are in one place."
        where = ", ".join(self.apart[:3]) + (
            f" and {len(self.apart) - 3} more" if len(self.apart) > 3 else ""
        )
        lines = [f"The chains are in {len(self.groups)} places, apart in {where}:"]
        for chains, density in zip(self.groups, self.log_density, strict=True):
            below = self.log_density[0] - density
            height = (
                ""
                if np.isnan(density)
                else f", mean log density {density:.1f}" + (f" ({below:.1f} nats lower)" if below > 0 else "")
            )
            lines.append(f"  chains {', '.join(map(str, chains))}{height}")
        return "\n".join([*lines, self.remedy])

    __repr__ = __str__

    @property
    def remedy(self) -> str:
        """What to do."""
        if not self.several:
            return ""
        lower = self.log_density[0] - max(self.log_density[1:])
        if lower > NEGLIGIBLE:
            return (
                "the lower chains sit in a local optimum: start all chains from the best of several searches"
                " (start=nmm.infer.starts.FromModes()), or drop them and say so"
            )
        return (
            "the posterior has several modes of similar height: use nmm.infer.SMC, which gives their weights,"
            " a more informative prior, or nmm.infer.stack(tree), which weighs the chains by what they"
            " predict"
        )


def modes(tree: Any) -> Modes:
    """Groups the chains of a result by where they are.

    Two chains belong together unless some parameter keeps them apart: its draws in one chain exceed those in
    the other with probability 0.98 or more. Groups are what such pairs connect. R-hat says that chains
    differ; this says how many places there are, and which is higher.

    Raises:
        ValueError: the tree has no posterior.
    """
    posterior, stats = require_posterior(tree, "modes(tree)"), group(tree, "sample_stats")
    return of_chains(posterior, stats)


def finding(posterior: Any, stats: Any) -> Finding | None:
    """The groups as a finding of `diagnose`; None with fewer than two chains."""
    if posterior.sizes["chain"] < 2:
        return None
    found = of_chains(posterior, stats)
    if not found.several:
        return Finding("good", "modes", "all chains are in one place", "one place", "")
    sizes = " and ".join(str(len(chains)) for chains in found.groups)
    density = (
        ""
        if np.isnan(found.log_density).any()
        else "; mean log densities " + ", ".join(f"{value:.1f}" for value in found.log_density)
    )
    return Finding(
        "problem",
        "modes",
        f"groups of {sizes} chains, apart in {', '.join(found.apart[:2])}{density}",
        "one place",
        found.remedy,
    )


def of_chains(posterior: Any, stats: Any) -> Modes:
    """As `modes`, of Datasets; `stats` may be None."""
    n = posterior.sizes["chain"]
    together = np.ones((n, n), bool)
    scores: dict[str, float] = {}
    for name, data in posterior.data_vars.items():
        if data.dtype.kind not in "fiu" or not {"chain", "draw"} <= set(data.dims):
            continue
        data = data.transpose("chain", "draw", ...)
        values = np.asarray(data.values, dtype=np.float64).reshape(n, data.sizes["draw"], -1)
        for i in range(n):
            for j in range(i + 1, n):
                exceeds = _exceeds(values[i], values[j])
                far = np.maximum(exceeds, 1.0 - exceeds)
                clearest = int(np.argmax(far))
                if far[clearest] >= APART:
                    together[i, j] = together[j, i] = False
                    label = element_label(data.isel(chain=0, draw=0), clearest)
                    full = f"{name}[{label}]" if label else str(name)
                    scores[full] = max(scores.get(full, 0.0), float(far[clearest]))
    lp = (
        np.full(n, np.nan)
        if stats is None or "lp" not in stats
        else np.asarray(stats["lp"].transpose("chain", "draw").mean("draw").values, dtype=np.float64)
    )
    groups = sorted(_components(together), key=lambda chains: -np.nan_to_num(lp[chains].mean(), nan=0.0))
    return Modes(
        tuple(tuple(chains) for chains in groups),
        tuple(float(lp[chains].mean()) for chains in groups),
        tuple(sorted(scores, key=lambda key: -scores[key])),
    )


def _exceeds(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """P(a > b) + P(a = b)/2 of each column: the statistic of Mann and Whitney."""
    from scipy.stats import rankdata

    n, m = len(a), len(b)
    ranks = rankdata(np.concatenate([a, b]), axis=0)[:n].sum(axis=0)
    return (ranks - n * (n + 1) / 2) / (n * m)


def _components(together: np.ndarray) -> list[list[int]]:
    from scipy.sparse.csgraph import connected_components

    count, labels = connected_components(together, directed=False)
    return [np.flatnonzero(labels == k).tolist() for k in range(count)]
