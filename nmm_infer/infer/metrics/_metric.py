"""The metric in which a Hamiltonian sampler moves: most of its speed."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import MetricCore
from jaxtyping import Float, PRNGKeyArray

from .._progress import Progress
from .._target import Target
from ..starts import AbstractStarts, FromPrior
from ._affine import Coordinates


class Preconditioned(NamedTuple):
    """Coordinates, where chains start in them, and the evaluations of the gradient that finding them took."""

    coordinates: Coordinates
    starts: Float[np.ndarray, "chain latent"]
    gradients: int


class AbstractMetric(eqx.Module):
    """Coordinates to sample in, and how the mass matrix adapts in them."""

    @abc.abstractmethod
    def core(self, warmup: int) -> MetricCore:
        """BlackJAX's adaptation of the mass matrix."""

    @abc.abstractmethod
    def coordinates(
        self, target: Target, key: PRNGKeyArray, chains: int, start: AbstractStarts | None, progress: Progress
    ) -> Preconditioned:
        """Coordinates and starts; `start` None leaves these to the metric."""


class AbstractAdaptive(AbstractMetric):
    """A metric in the unknowns' own coordinates: all that it knows of a posterior comes from the warmup."""

    def coordinates(self, target, key, chains, start, progress):
        return Preconditioned(Coordinates(), *(start or FromPrior())(target, key, chains, progress))


def whitened(
    centre: Float[np.ndarray, " latent"], H: Float[np.ndarray, "latent latent"], floor: float
) -> Coordinates:
    """Coordinates around `centre` in which a density of curvature `H` is a standard normal one; eigenvalues
    below `floor` count as `floor`.
    """
    values, vectors = np.linalg.eigh(H)
    x = jnp.asarray(centre)
    return Coordinates(x, jnp.asarray(vectors / np.sqrt(np.maximum(values, floor)), x.dtype))
