"""Levenberg–Marquardt."""

import equinox as eqx
import optimistix as optx

from ..._engine import check_counts
from ._iterative import AbstractIterative


class LevenbergMarquardt(AbstractIterative):
    """Levenberg–Marquardt (Moré 1978; optimistix): tens of steps where others take hundreds, for sums of
    squares only.

    The posterior is a sum of squares if data are Gaussian around the simulation with a known scale and every
    prior is Normal or LogNormal; prior and data are then residuals alike. Anything else is refused.

    Args:
        steps: at most.
        tolerance: relative and absolute, of position and sum of squares, at which a search ends.
    """

    steps: int = eqx.field(static=True, default=200)
    tolerance: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self):
        check_counts("LevenbergMarquardt", steps=self.steps)

    @property
    def squares(self):
        return True

    def _solver(self):
        return optx.LevenbergMarquardt(rtol=self.tolerance, atol=self.tolerance)

    def _function(self, objective):
        if objective.residuals is None:
            raise ValueError(
                "LevenbergMarquardt needs the residuals of the objective, got a log density alone; use BFGS()"
                " or Adam()"
            )
        return objective.residuals
