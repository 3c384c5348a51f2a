"""The metric in which a Hamiltonian sampler moves: most of its speed."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import MetricCore, lookup_recipe
from jaxtyping import Array, Float, PRNGKeyArray

from .mode import curvature, find_mode
from .progress import Progress, Steps
from .target import Target


class Frame(NamedTuple):
    """Affine coordinates u of the unknowns: x = centre + scale u, and where chains start in them."""

    centre: Float[np.ndarray, " latent"]
    scale: Float[np.ndarray, "latent latent"] | None
    starts: Float[np.ndarray, "chain latent"]
    gradients: int

    def to_latent(self, u: Float[Array, " latent"]) -> Float[Array, " latent"]:
        """From the frame's coordinates to the unknowns."""
        return u if self.scale is None else jnp.asarray(self.centre) + jnp.asarray(self.scale) @ u


class AbstractMetric(eqx.Module):
    """Coordinates to sample in, and how the mass matrix adapts in them."""

    @abc.abstractmethod
    def core(self, warmup: int) -> MetricCore:
        """BlackJAX's adaptation of the mass matrix."""

    @abc.abstractmethod
    def frame(self, target: Target, key: PRNGKeyArray, chains: int, progress: Progress) -> Frame:
        """Coordinates and starts."""


def _from_prior(target: Target, key: PRNGKeyArray, chains: int) -> Frame:
    return Frame(np.zeros(target.size), None, target.starts(key, chains), 0)


class Diagonal(AbstractMetric):
    """A variance for each unknown."""

    def core(self, warmup):
        return lookup_recipe("welford_diag").build_core()

    def frame(self, target, key, chains, progress):
        return _from_prior(target, key, chains)


class Dense(AbstractMetric):
    """A full covariance: for up to a hundred or so correlated unknowns."""

    def core(self, warmup):
        return lookup_recipe("welford_dense").build_core()

    def frame(self, target, key, chains, progress):
        return _from_prior(target, key, chains)


class LowRank(AbstractMetric):
    """Variances and the ten most deviant directions, from draws and gradients (Seyboldt et al. 2026)."""

    def core(self, warmup):
        return lookup_recipe("fisher_low_rank").build_core(buffer_size=min(2 * max(warmup // 5, 128), max(warmup, 1)))

    def frame(self, target, key, chains, progress):
        return _from_prior(target, key, chains)


class Laplace(AbstractMetric):
    """Coordinates whitened by the curvature at the mode, where a diagonal metric then adapts the rest.

    The mode is found by Adam from prior-informed starts, the best of which is kept; the curvature is
    the Hessian there by differences of gradients, its eigenvalues floored at `floor` (the prior's own
    curvature in unconstrained units is of order 1). Chains start from the Gaussian approximation. For
    hundreds of moderately correlated unknowns this saves most of the warmup.

    Free scales of hierarchies are held at their prior's median meanwhile, and whitened by their prior:
    the joint mode of a hierarchy lies where its posterior has no mass (scales run away if non-centred,
    collapse if centred), and a metric from there is useless.
    """

    steps: int = eqx.field(static=True, default=400)
    starts: int = eqx.field(static=True, default=1)
    floor: float = eqx.field(static=True, default=1.0)

    def core(self, warmup):
        return LowRank().core(warmup)

    def frame(self, target, key, chains, progress):
        key_start, key_chain = jax.random.split(key)
        held = target.shared_scales()
        starts = target.starts(key_start, self.starts)
        starts[:, held] = target.prior_median()[held]
        bar = Steps(progress, "mode", self.steps)
        mode, value = find_mode(target.log_density, starts, self.steps, bar, held)
        bar.finish(f"log density {value:.1f}")
        H = curvature(target.log_density, mode)
        if held.any():
            H[np.ix_(held, ~held)] = H[np.ix_(~held, held)] = 0.0
            H[np.ix_(held, held)] = curvature(target.log_prior, mode)[np.ix_(held, held)]
        values, vectors = np.linalg.eigh(H)
        scale = vectors / np.sqrt(np.maximum(values, self.floor))
        start = np.asarray(jax.random.normal(key_chain, (chains, target.size)))
        return Frame(mode, scale, start, self.starts * self.steps + 2 * target.size)
