"""Trials that share a model."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._networks._network import Network
from .._tools._kinds import kind_of
from ..priors._trials import any_by_trial, each_trial, first_trial
from ._base import AbstractLikelihood, AbstractObserved
from ._recording import Recording


class ObservedTrials(AbstractObserved):
    """Data of all trials, in the form of the likelihood of one.

    Fields:
        values: those of each trial, stacked.
        first: the first trial, bound; the others have the same grid.
    """

    values: Array
    recording: Recording
    first: AbstractObserved

    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        """Time courses of every trial; of everything else the mean over trials."""
        dims: dict[str, tuple[str, ...]] = {}

        def one(values: Array) -> dict[str, Array]:
            found = self.first.summaries(values)
            dims.update({name: axes for name, (axes, _) in found.items()})
            return {name: value for name, (_, value) in found.items()}

        found = jax.vmap(one)(values)
        return {
            name: (
                (("trial", *dims[name]), value) if "time" in dims[name] else (dims[name], value.mean(axis=0))
            )
            for name, value in found.items()
        }

    def coords(self) -> dict[str, Any]:
        return {**self.first.coords(), "trial": list(range(len(self.values)))}

    def batch_dims(self) -> tuple[str, ...]:
        return ("trial", *self.first.batch_dims())


class Trials(AbstractLikelihood):
    """Data `["trial time channel"]` of trials that share a model, some of whose parameters may differ between
    them.

    What is drawn over trials, `Prior(..., over="trial")`, `Pooled(..., over="trial")` (trials are alike, and
    the data say how much) or `FromMaps(..., over="trial")` (a covariate of the trials explains it), takes
    another value in every trial; all else is shared. Each trial is a simulation of its own; if nothing
    differs between trials, one simulation serves all. Trials are independent given the parameters.

    Args:
        likelihood: of one trial, such as `Gaussian()`.
        number: of trials.

    Raises:
        ValueError: no trials, or trials within trials.
    """

    likelihood: AbstractLikelihood
    number: int = eqx.field(static=True)

    def __check_init__(self):
        if not isinstance(self.likelihood, AbstractLikelihood):
            raise TypeError(
                f"Trials(likelihood=...) got {kind_of(self.likelihood)}, expected a likelihood such as"
                " nmm.likelihoods.Gaussian()"
            )
        if isinstance(self.likelihood, Trials):
            raise ValueError(
                "Trials(Trials(...)): expected the likelihood of one trial, such as Trials(Gaussian(), 40)"
            )
        if not (isinstance(self.number, int) and self.number >= 1):
            raise ValueError(f"Trials(number=...) got {self.number!r}, expected a whole number of at least 1")

    def check_network(self, network):
        self.likelihood.check_network(network)

    def plates(self, network, steps):
        return {"trial": self.number, **self.likelihood.plates(network, steps)}

    def bind(self, recording, observe, expected):
        values = recording.values
        if values.ndim != 3 or len(values) != self.number:
            got = f"{len(values)} trials" if values.ndim == 3 else "no axis of trials"
            raise ValueError(
                f"data has shape {values.shape} with {got}, expected {self.number} trials: data[trial, time,"
                f" {recording.dim}]"
            )
        single = [dataclasses.replace(recording, values=trial) for trial in values]
        of_one = expected._replace(draw=lambda: _of_first(*expected.draw()))
        first = self.likelihood.bind(single[0], observe, of_one)
        settled = self.likelihood.settled(first)
        bound = [first, *(settled.bind(trial, observe, of_one) for trial in single[1:])]
        common = [_without_data(one) for one in bound]
        if not all(eqx.tree_equal(common[0], other) for other in common):
            raise ValueError(
                f"Trials({type(self.likelihood).__name__}): the likelihood reads its grid from the data, and"
                " finds another one in each trial; fix what it takes from the data, such as modes=, dof= or"
                " shrinkage, or give it all trials by itself"
            )
        together = dataclasses.replace(
            bound[0].recording, values=np.stack([one.recording.values for one in bound])
        )
        return ObservedTrials(np.stack([np.asarray(one.values) for one in bound]), together, bound[0])  # pyright: ignore[reportArgumentType]

    def distribution(self, network, observe, simulate, observed: Any):
        from ._trial_batch import Stacked

        def one(network, observe, likelihood):
            return likelihood.distribution(network, observe, simulate, observed.first)

        parts = (network, observe, self.likelihood)
        if not any_by_trial(parts):
            each, failure = one(*parts)
            return Stacked(each, self.number, shared=True), failure
        each, failures = each_trial(one, *parts)
        return Stacked(each, self.number, shared=False), jnp.max(failures)


def _of_first(network: Network, observe: Any, trials: Any) -> tuple[Network, Any, Any]:
    """What the first trial has of a draw, and its likelihood."""
    return first_trial((network, observe, trials.likelihood))


def _without_data(observed: AbstractObserved) -> Any:
    return eqx.tree_at(lambda o: (o.values, o.recording), observed, (None, None))
