"""Broyden–Fletcher–Goldfarb–Shanno, from the last few gradients."""

import equinox as eqx
import optimistix as optx

from ..._engine import check_counts
from ._iterative import AbstractIterative


class LBFGS(AbstractIterative):
    """BFGS from the last few gradients (Liu & Nocedal 1989; optimistix): for thousands of unknowns.

    Args:
        steps: at most, line search included.
        tolerance: relative and absolute, of position and log density, at which a search ends.
        history: gradients that are remembered.
    """

    steps: int = eqx.field(static=True, default=1000)
    tolerance: float = eqx.field(static=True, default=1e-8)
    history: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        check_counts("LBFGS", steps=self.steps, history=self.history)

    def _solver(self):
        return optx.LBFGS(rtol=self.tolerance, atol=self.tolerance, history_length=self.history)

    def _function(self, objective):
        return lambda x: -objective.log_density(x)
