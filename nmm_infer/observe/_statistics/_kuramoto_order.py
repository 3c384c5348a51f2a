"""Synchrony of phases."""

import equinox as eqx
import jax.numpy as jnp

from .._base import activity_of
from .._fold import AbstractPointwise


class KuramotoOrder(AbstractPointwise):
    r"""R(t) = |mean over regions of exp(i θ)|, from 0 (phases everywhere) to 1 (all the same); Kuramoto 1984.

    The mean of R over time is the usual measure of synchrony, its standard deviation that of metastability
    (Deco, Kringelbach, Jirsa & Ritter 2017, Sci Rep 7:3095).

    Args:
        variable: the phase in rad; `theta`, that of `nmm.models.Kuramoto`, by default.

    Raises:
        ValueError: the variable is no phase.
    """

    variable: str = eqx.field(static=True, default="theta")

    def __call__(self, activity):
        signal = activity_of(activity, self.variable)
        if signal.unit != "rad":
            raise ValueError(
                f"KuramotoOrder(variable=...) got {signal.name!r} in {signal.unit}, expected a phase in rad"
                " such as theta of nmm.models.Kuramoto; give the phase of an oscillator as a Signal with"
                " unit='rad'"
            )
        square = jnp.cos(signal.values).mean(axis=-1) ** 2 + jnp.sin(signal.values).mean(axis=-1) ** 2
        # At complete incoherence the length of the mean has no gradient: zero then, rather than NaN.
        order = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
        return signal.with_values(
            order, dims=signal.dims[:-1], labels=signal.labels[:-1], name="kuramoto_order", unit="1"
        )
