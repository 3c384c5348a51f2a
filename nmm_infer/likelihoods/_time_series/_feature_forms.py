"""Summaries of a recording as vectors whose entries are nearly Gaussian."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._signal import Signal
from ...observe._base import AbstractObservation


class AbstractFeature(eqx.Module):
    """An observation of the measured signal, transformed so that it scatters like a Gaussian."""

    observation: eqx.AbstractVar[AbstractObservation]

    @abc.abstractmethod
    def vector(self, summary: Signal) -> Float[Array, " feature"]:
        """What is compared, from what the observation gives."""

    @abc.abstractmethod
    def labels(self, summary: Signal) -> tuple[str, ...]:
        """A name for each entry."""


class FisherZ(AbstractFeature):
    """artanh of the correlations above the diagonal (Fisher 1915), such as
    `FisherZ(nmm.observe.FunctionalConnectivity())`.
    """

    observation: AbstractObservation

    def vector(self, summary):
        n = summary.values.shape[0]
        return jnp.arctanh(summary.values[np.triu_indices(n, 1)])

    def labels(self, summary):
        first, second = np.triu_indices(summary.values.shape[0], 1)
        names = summary.labels[0] or tuple(map(str, range(summary.values.shape[0])))
        return tuple(f"{summary.name} {names[i]} {names[j]}" for i, j in zip(first, second, strict=True))


class Log(AbstractFeature):
    """The logarithm of positive values, such as `Log(nmm.observe.Variance())`."""

    observation: AbstractObservation

    def vector(self, summary):
        return jnp.log(summary.values).ravel()

    def labels(self, summary):
        return _numbered(summary, f"log {summary.name}", summary.values.size)


class Plain(AbstractFeature):
    """The values as they are, such as `Plain(nmm.observe.Mean())`."""

    observation: AbstractObservation

    def vector(self, summary):
        return summary.values.ravel()

    def labels(self, summary):
        return _numbered(summary, summary.name, summary.values.size)


class Quantiles(AbstractFeature):
    """Quantiles of all values, for what has too many of them, or no fixed place for each.

    Args:
        observation: whose values.
        levels: probabilities.
    """

    observation: AbstractObservation
    levels: tuple[float, ...] = eqx.field(
        static=True, default=(0.1, 0.3, 0.5, 0.7, 0.9), converter=lambda levels: tuple(map(float, levels))
    )

    def __check_init__(self):
        if not self.levels or not all(0 < level < 1 for level in self.levels):
            raise ValueError(
                f"Quantiles(levels=...) got {self.levels}, expected probabilities between 0 and 1"
            )

    def vector(self, summary):
        return jnp.quantile(summary.values, jnp.asarray(self.levels))

    def labels(self, summary):
        return tuple(f"{summary.name} {100 * level:g} %" for level in self.levels)


def _numbered(summary: Signal, name: str, size: int) -> tuple[str, ...]:
    labels = (
        summary.labels[0] if len(summary.dims) == 1 and summary.labels[0] else tuple(map(str, range(size)))
    )
    return tuple(f"{name} {label}" for label in labels)
