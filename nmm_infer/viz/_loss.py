"""How an optimisation went down."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._style import POSTERIOR, single


def loss(optimization: Any, ax: Axes | None = None) -> Axes:
    """The loss over steps; the axis ends where the lower nine tenths of the values lie.

    Args:
        optimization: `Dataset` with `loss` (step), the group of that name in a result of SVI.
    """
    if "loss" not in optimization:
        raise ValueError(f"loss(optimization) got variables {list(optimization)}, expected loss (step)")
    ax = single(ax, (7.0, 2.6), "loss")
    values = np.asarray(optimization["loss"].values, dtype=float).reshape(-1)
    ax.plot(values, color=POSTERIOR, lw=0.7)
    finite = values[np.isfinite(values)]
    if finite.size:
        # The first steps fall from far above; they would flatten the end, which is what matters.
        low, high = finite.min(), np.quantile(finite, 0.9)
        margin = max(0.05 * (high - low), 1e-9)
        ax.set_ylim(low - margin, high + 5 * margin)
    ax.set(xlabel="step", ylabel="loss (nats)", xlim=(0, max(len(values), 1)))
    return ax
