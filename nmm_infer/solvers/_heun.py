"""Heun's method without what a fixed step does not need."""

from typing import ClassVar

import diffrax


class Heun(diffrax.AbstractSolver):
    """Heun's method, of order 2; with noise it converges to the Stratonovich solution (strong order 1 for
    additive noise).

    The same numbers as `diffrax.Heun`, but written as two stages without a loop over a tableau and
    without an error estimate, which halves the cost of a gradient. Any other Diffrax solver can be
    passed to `nmm.solve` in its place.
    """

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms):
        """Order of convergence for ordinary differential equations."""
        return 2

    def strong_order(self, terms):
        """Strong order for additive noise."""
        return 1.0

    def init(self, terms, t0, t1, y0, args):
        """Heun's method keeps nothing between steps."""
        return None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step from `t0` to `t1`."""
        control = terms.contr(t0, t1)
        k0 = terms.vf_prod(t0, y0, args, control)
        k1 = terms.vf_prod(t1, y0 + k0, args, control)
        y1 = y0 + 0.5 * (k0 + k1)
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def func(self, terms, t0, y0, args):
        """The vector field."""
        return terms.vf(t0, y0, args)
