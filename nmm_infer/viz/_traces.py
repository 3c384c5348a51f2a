"""How the chains moved, and whether they agree."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binom, rankdata

from ._style import ALERT, CHAINS, FAINT, INK, POSTERIOR, PRIOR, Panels, panels, title_of

BINS = 20


def traces(
    posterior: Any, ax: Panels | None = None, *, variables: Sequence[str] | None = None, diverging: Any = None
) -> np.ndarray:
    """A trace and a rank plot for each scalar parameter; axes of shape (parameter, 2).

    Ranks of a chain among all draws are uniform if the chains agree; the band holds 99 % of the counts then
    (Vehtari et al. 2021). With one chain there is nothing to rank against, and the right panel is a
    histogram.

    Args:
        posterior: `Dataset` with chain and draw.
        variables: names; None: every scalar parameter that varies.
        diverging: `DataArray` (chain, draw) of flags, drawn as ticks below the traces.
    """
    names = list(variables) if variables is not None else scalar_names(posterior)
    absent = [name for name in names if name not in posterior]
    if absent or not names:
        got = f"has no {', '.join(absent)}" if absent else "has no scalar parameter that varies"
        raise ValueError(
            f"traces(posterior): the posterior {got}; it has {', '.join(map(str, posterior.data_vars))}"
        )
    axes = panels(
        ax,
        2 * len(names),
        (9.5, 0.4 + 1.35 * len(names)),
        "traces",
        nrows=len(names),
        ncols=2,
        width_ratios=(2, 1),
    ).reshape(-1, 2)
    for (left, right), name in zip(axes, names, strict=True):
        data = posterior[name].transpose("chain", "draw")
        _trace(left, data, diverging)
        (_ranks if data.sizes["chain"] > 1 else _histogram)(right, data)
    for left, right in axes[:-1]:
        left.tick_params(labelbottom=False)
        if posterior.sizes["chain"] > 1:
            right.tick_params(labelbottom=False)
    if posterior.sizes["chain"] > 1:
        axes[0, 0].legend(
            axes[0, 0].lines[: posterior.sizes["chain"]],
            [f"chain {i + 1}" for i in range(posterior.sizes["chain"])],
            **{"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 6, "borderpad": 0.0},
            **{"frameon": False, "fontsize": 7, "labelcolor": INK, "handlelength": 1.2},
        )
        for handle in axes[0, 0].get_legend().legend_handles:
            handle.set_linewidth(2.0)
        axes[0, 1].set_ylabel("draws", fontsize=8)
    axes[-1, 0].set_xlabel("draw")
    axes[-1, 1].set_xlabel("rank of the draw among all chains" if posterior.sizes["chain"] > 1 else "value")
    return axes


def scalar_names(posterior: Any) -> list[str]:
    """Parameters that are one number per draw and not always the same."""
    return [
        str(name)
        for name, data in posterior.data_vars.items()
        if set(data.dims) == {"chain", "draw"} and float(data.max()) > float(data.min())
    ]


def _trace(ax: Axes, data: Any, diverging: Any) -> None:
    values = np.asarray(data.values)
    for chain, colour in zip(values, _colours(len(values)), strict=True):
        ax.plot(chain, color=colour, lw=0.5, alpha=0.8)
    if diverging is not None:
        draws = np.flatnonzero(np.asarray(diverging.values).astype(bool).any(axis=0))
        ax.plot(draws, np.full(len(draws), 0.02), "|", color=ALERT, ms=6, transform=ax.get_xaxis_transform())
    ax.set_xlim(0, values.shape[1])
    ax.set_title(title_of(data), fontsize=9, loc="left")


def _ranks(ax: Axes, data: Any) -> None:
    values = np.asarray(data.values)
    ranks = rankdata(values).reshape(values.shape)
    edges = np.linspace(0.5, values.size + 0.5, BINS + 1)
    expected = values.shape[1] / BINS
    ax.axhspan(*binom.ppf([0.005, 0.995], values.shape[1], 1 / BINS), color=PRIOR, alpha=0.6, lw=0, zorder=0)
    ax.axhline(expected, color=FAINT, lw=0.8, ls="--")
    for chain, colour in zip(ranks, _colours(len(ranks)), strict=True):
        ax.stairs(np.histogram(chain, edges)[0], edges, color=colour, lw=1.0)
    ax.set(xlim=(0, values.size), ylim=(0, None))


def _histogram(ax: Axes, data: Any) -> None:
    ax.hist(np.asarray(data.values).ravel(), bins=30, color=POSTERIOR, alpha=0.7)
    ax.set_yticks([])


def _colours(n: int) -> list[str]:
    return [CHAINS[i % len(CHAINS)] for i in range(n)]
