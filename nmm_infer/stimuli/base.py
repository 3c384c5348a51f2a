"""What drives regions from outside."""

import abc
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..parameters import AbstractPart


def regions_field() -> Any:
    """The labels of the regions that are driven: a label, or a sequence of them; None: all."""
    return eqx.field(static=True, default=None, converter=_labels)


def _labels(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(str(label) for label in value)


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


def driven(stimulus: AbstractStimulus, labels: tuple[str, ...]) -> Float[np.ndarray, " region"] | float:
    """1 where the stimulus acts and 0 elsewhere.

    Raises:
        ValueError: names the labels that are unknown.
    """
    if stimulus.regions is None:
        return 1.0
    name = type(stimulus).__name__
    if not stimulus.regions:
        raise ValueError(f"{name}(regions=...) is empty, expected labels such as {labels[0]!r}; leave it out to drive all regions, or the stimulus for none")
    unknown = [label for label in stimulus.regions if label not in labels]
    if unknown:
        raise ValueError(f"{name}(regions=...): the connectome has no regions {', '.join(unknown[:10])}; labels start with {', '.join(labels[:5])}")
    return np.isin(labels, stimulus.regions).astype(np.float64)
