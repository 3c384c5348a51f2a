"""Synchrony of phases."""

import equinox as eqx
import jax.numpy as jnp

from ..._signal import Signal
from ..._stream import AbstractPointwise
from .._base import AbstractObservation, activity_of


class KuramotoOrder(AbstractObservation, AbstractPointwise):
    r"""R(t) = |mean over regions of exp(i θ)|, from 0 (phases everywhere) to 1 (all the same); Kuramoto 1984.

    The mean of R over time is the usual measure of synchrony, its standard deviation that of metastability
    (Deco, Kringelbach, Jirsa & Ritter 2017, Sci Rep 7:3095).

    Args:
        variable: the phase in rad; `theta`, that of `nmm.models.Kuramoto`, by default.

    Raises:
        ValueError: the variable is no phase.
    """

    variable: str = eqx.field(static=True, default="theta")

    def each(self, values):
        square = jnp.cos(values).mean(axis=-1) ** 2 + jnp.sin(values).mean(axis=-1) ** 2
        # At complete incoherence the length of the mean has no gradient: zero then, rather than NaN.
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        if signal.unit != "rad":
            raise ValueError(
                f"KuramotoOrder(variable=...) got {signal.name!r} in {signal.unit}, expected a phase in rad such as theta of nmm.models.Kuramoto; "
                "give the phase of an oscillator as a Signal with unit='rad'"
            )
        return Signal(self.each(signal.values), signal.interval, signal.dims[:-1], signal.labels[:-1], "kuramoto_order", "1", signal.start)
