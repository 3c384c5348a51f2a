"""What every sampler of chains is."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from rich.progress import Progress

from .._engine import AbstractEngine, check_counts
from .._rounding import warn_of_rounding
from .._run import Chains, InexactChains
from .._target import BATCH
from ..devices import AbstractArrangement, arranged
from ..metrics import AbstractMetric
from ..metrics._affine import Coordinates, Posterior
from ..starts import AbstractStarts
from ._chains import AbstractAlgorithm, Sampled, run_chains
from .stopping import AbstractStop


class InitialChains(NamedTuple):
    """Chains ready to run.

    Fields:
        states: stacked by chain.
        warmup: steps of the warmup that are yet to be run, in windows.
        gradients: spent so far.
    """

    states: Any
    warmup: int
    gradients: int


class AbstractSampler(AbstractEngine):
    """An engine whose draws are chains; `law` says whether theirs is the posterior, or nearly."""

    law: eqx.AbstractClassVar[type[Chains] | type[InexactChains]]
    draws: eqx.AbstractVar[int]
    warmup: eqx.AbstractVar[int]
    chains: eqx.AbstractVar[int]
    metric: eqx.AbstractVar[AbstractMetric]
    start: eqx.AbstractVar[AbstractStarts | None]
    stop: eqx.AbstractVar[AbstractStop]
    arrangement: eqx.AbstractVar[AbstractArrangement | None]
    chunk: eqx.AbstractVar[int]

    @abc.abstractmethod
    def algorithm(self) -> AbstractAlgorithm:
        """What one chain does in a step."""

    @abc.abstractmethod
    def warm(
        self, posterior: Posterior, positions: Float[Array, "chain latent"], key: PRNGKeyArray, bars: Progress
    ) -> InitialChains:
        """Chains at `positions`, with what is adapted before they run on their own."""

    @abc.abstractmethod
    def remarks(self, sampled: Sampled, size: int) -> dict[str, Any]:
        """Further attributes of the result, for `size` unknowns."""

    def title(self):
        return (
            f"{type(self).__name__}({type(self.metric).__name__}, draws={self.draws}, warmup={self.warmup},"
            f" chains={self.chains}, dtype={self.dtype})"
        )

    def run(self, target, key, bars):
        arrangement = arranged(self.arrangement, self.chains, target.problem)
        with arrangement.threads():
            key_coordinates, key_warm, key_run = jax.random.split(key, 3)
            prepared = self.metric.coordinates(target, key_coordinates, self.chains, self.start, bars)
            posterior = Posterior(target, prepared.coordinates)
            checked = (
                warn_of_rounding(posterior, prepared.starts, jax.random.fold_in(key_warm, 1))
                if self.dtype == "float32"
                else 0
            )
            warm = self.warm(posterior, jnp.asarray(prepared.starts), key_warm, bars)
            sampled = run_chains(
                self.algorithm(),
                arrangement,
                posterior,
                warm.states,
                key_run,
                warm.warmup,
                self.draws,
                self.chunk,
                bars,
                self.stop,
            )
        return self.law(
            latent=_to_latent(prepared.coordinates, sampled.positions),
            stats=sampled.stats,
            gradients=prepared.gradients + checked + warm.gradients + sampled.steps,
            failed=_to_latent(prepared.coordinates, sampled.failed[None])[0],
            interrupted=sampled.interrupted,
            attrs=self.remarks(sampled, target.size)
            | {"draws": self.draws}
            | ({"stopped": sampled.stopped} if sampled.stopped else {}),
        )


def check_sampler(sampler: AbstractSampler, **counts: int) -> None:
    """Raises ValueError for counts below 1, those that every sampler has and `counts`."""
    shared = {name: getattr(sampler, name) for name in ("draws", "warmup", "chains", "chunk")}
    check_counts(type(sampler).__name__, **shared, **counts)


def check_acceptance(sampler: Any) -> None:
    """Raises ValueError for a target acceptance that is no probability."""
    if not 0 < sampler.target_acceptance < 1:
        raise ValueError(
            f"{type(sampler).__name__}(target_acceptance=...) got {sampler.target_acceptance}, expected a"
            " number between 0 and 1"
        )


def check_dimensions(sampler: AbstractSampler, positions: Array) -> None:
    """Raises ValueError for a single unknown, where directions on a sphere are none."""
    if positions.shape[1] < 2:
        raise ValueError(
            f"{type(sampler).__name__} needs at least two unknowns, got one: constant speed in one dimension"
            " is a line; use NUTS"
        )


def _to_latent(coordinates: Coordinates, positions: Float[np.ndarray, "chain draw latent"]) -> np.ndarray:
    """The unknowns of all draws, in double precision."""
    u = np.asarray(positions, dtype=np.float64)
    if coordinates.scale is None or coordinates.centre is None:
        return u
    straight = (
        np.asarray(coordinates.centre, dtype=np.float64)
        + u @ np.asarray(coordinates.scale, dtype=np.float64).T
    )
    if not coordinates.bends:
        return straight
    with jax.enable_x64(True):
        bends = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), coordinates.bends)
        shift = jax.lax.map(
            lambda u: sum(bend(u) for bend in bends),
            jnp.asarray(u.reshape(-1, u.shape[-1])),
            batch_size=BATCH,
        )
        return straight + np.asarray(shift).reshape(u.shape)
