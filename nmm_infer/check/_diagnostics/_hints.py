"""What a finding may add: where the trouble is, and what it has to do with."""

from typing import Any

import numpy as np

from .._table import Row

# A logarithm as skewed as this has a long tail towards nothing.
SKEWED = -1.0


def down_to_nothing(run: Any, row: Row) -> str:
    """What helps a positive number whose logarithm, by which it is sampled, has a long tail beside a wall."""
    values = np.asarray(run.posterior[row.name].values, dtype=np.float64).ravel()
    if row.size > 1 or (values <= 0).any():
        return ""
    from scipy.stats import skew

    if skew(np.log(values)) > SKEWED:
        return ""
    return (
        f"; {row.name} reaches down to nothing: if it is a standard deviation, nmm.RootHalfNormal is a prior"
        " without this long tail of a logarithm"
    )


def where_they_gather(run: Any, flags: np.ndarray) -> str:
    """Names the scalar parameter in which divergent draws stand apart most, usually the neck of a funnel."""
    if flags.sum() < 5 or flags.all():
        return ""
    scores = {}
    for row in run.varying:
        data = run.posterior[row.name]
        if row.size == 1:
            values = np.asarray(data.transpose("chain", "draw", ...).values, dtype=np.float64).reshape(
                flags.shape
            )
            scores[row.name] = (values[flags].mean() - values.mean()) / values.std()
    if not scores:
        return ""
    name = max(scores, key=lambda key: abs(scores[key]))
    return f", gathered at {'high' if scores[name] > 0 else 'low'} {name}" if abs(scores[name]) > 0.5 else ""
