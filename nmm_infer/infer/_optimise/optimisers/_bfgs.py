"""Broyden–Fletcher–Goldfarb–Shanno."""

import equinox as eqx
import optimistix as optx

from ..._engine import check_counts
from ._iterative import AbstractIterative


class BFGS(AbstractIterative):
    """Broyden–Fletcher–Goldfarb–Shanno with a backtracking line search (optimistix): up to a few hundred
    unknowns.

    Args:
        steps: at most, line search included.
        tolerance: relative and absolute, of position and log density, at which a search ends.
    """

    steps: int = eqx.field(static=True, default=1000)
    tolerance: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self):
        check_counts("BFGS", steps=self.steps)

    def _solver(self):
        return optx.BFGS(rtol=self.tolerance, atol=self.tolerance)

    def _function(self, objective):
        return lambda x: -objective.log_density(x)
