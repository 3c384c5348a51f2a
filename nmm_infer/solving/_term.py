"""One step of a network as a Diffrax term."""

from collections.abc import Callable
from typing import Any

import diffrax
from jaxtyping import Array, Float


class StepTerm(diffrax.AbstractTerm):
    """Drift and additive noise over one step, in time since the step's start (ms).

    `drift(t, y)` is the vector field; `increment` is what the noise adds over the whole step. The
    control of the term is the fraction of a step, in ms, together with the noise's share of it.
    """

    drift: Callable[[Any, Float[Array, "state region"]], Float[Array, "state region"]]
    increment: Float[Array, "state region"] | None

    def vf(self, t, y, args):
        return self.drift(t, y)

    def contr(self, t0, t1, **kwargs):
        return t1 - t0, self.increment

    def prod(self, vf, control):
        step, increment = control
        return vf * step if increment is None else vf * step + increment
