"""What drives regions from outside."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._labelled import chosen
from ..parameters import AbstractPart


def regions_field() -> Any:
    """The labels of the regions that are driven: a label, or a sequence of them; None: all."""
    return eqx.field(static=True, default=None, converter=_labels)


def _labels(value: Any) -> tuple[str, ...] | None:
    return None if value is None else chosen(value, "stimulus(regions=...)")


class AbstractStimulus(AbstractPart):
    """A function of time that is added to a port of the model, in the unit of that port.

    Time 0 is where the recording begins, so a transient lies before it. Every slot may be one number or
    one for each region of the network, and may hold a prior: an onset is as free as an amplitude.

    Fields of every stimulus:
        port: the port of the model; None: its first.
        regions: labels of the driven regions; None: all.
    """

    port: eqx.AbstractVar[str | None]
    regions: eqx.AbstractVar[tuple[str, ...] | None]

    @abc.abstractmethod
    def __call__(self, t: Float[Array, ""]) -> Float[Array, "*region"]:
        """Its value at time `t` (ms): one for all regions, or one for each."""

    def until(self, t: Float[Array, ""]) -> Float[Array, ""] | None:
        """Where a step of a solver that begins at `t` has to end at the latest, so that it sees what the
        stimulus does; None: not known.
        """
        return None


def first_after(t: Float[Array, ""], *times: Any) -> Float[Array, ""]:
    """The first of `times` after `t`, in any region; infinite: none."""
    t = jnp.asarray(t)
    ahead = jnp.concatenate([jnp.ravel(jnp.asarray(time, t.dtype)) for time in times])
    # A step that ended at one of them may have ended a rounding error before.
    return jnp.min(jnp.where(ahead > t + 8.0 * jnp.finfo(t.dtype).eps * jnp.abs(t), ahead, jnp.inf))


def driven(stimulus: AbstractStimulus, labels: tuple[str, ...]) -> Float[np.ndarray, " region"] | float:
    """1 where the stimulus acts and 0 elsewhere.

    Raises:
        ValueError: names the labels that are unknown.
    """
    if stimulus.regions is None:
        return 1.0
    name = type(stimulus).__name__
    if not stimulus.regions:
        raise ValueError(
            f"{name}(regions=...) is empty, expected labels such as {labels[0]!r}; leave it out to drive all"
            " regions, or the stimulus for none"
        )
    unknown = [label for label in stimulus.regions if label not in labels]
    if unknown:
        raise ValueError(
            f"{name}(regions=...): the connectome has no regions {', '.join(unknown[:10])}; labels start with"
            f" {', '.join(labels[:5])}"
        )
    return np.isin(labels, stimulus.regions).astype(np.float64)
