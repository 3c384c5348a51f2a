"""A network given data."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from ..likelihoods._base import AbstractObserved
from ..likelihoods._capabilities import linearises
from ..likelihoods._failure import Failure, because
from ..linear._fixed_point import expansion_point, is_linear, rotates
from ..priors._trials import any_by_trial
from ._base import AbstractConditioned, Named, dataset, used
from ._sites import at, sites_of


class ConditionedProblem(AbstractConditioned):
    """A `Problem` given data, which are at site `y`.

    Fields:
        observed: the data in the form that the likelihood compares.
    """

    problem: Any  # a Problem, which makes these
    observed: AbstractObserved

    def model(self) -> None:
        import numpyro

        distribution, failure = self._distribution()
        # A failed simulation or an unstable network has probability zero, not NaN.
        numpyro.factor("valid", jnp.where(failure == 0, 0.0, -jnp.inf))
        numpyro.sample("y", distribution, obs=jnp.asarray(self.values))

    def _distribution(self) -> tuple[Any, Int[Array, ""]]:
        """Distribution of the data, and why the model says nothing of them; inside a NumPyro model."""
        network, observe, likelihood = self.problem.draw()
        distribution, failure = likelihood.distribution(
            network, observe, self.problem._simulate, self.observed
        )
        # A likelihood may just say whether the model is fine.
        if jnp.result_type(failure) == jnp.bool_:
            failure = because((~failure, Failure.NOT_FINITE))
        return distribution, failure

    def distribution(self, sites: dict[str, Array]) -> tuple[Any, Int[Array, ""]]:
        """The NumPyro distribution of the data at given values of the sites, and why the model says nothing
        of them (`Failure`).
        """
        with at(sites):
            return self._distribution()

    def prior(self) -> None:
        self.problem.draw()

    def unknowns(self) -> None:
        self.problem._unprepared()

    @property
    def values(self) -> Array:
        return self.observed.values

    def with_values(self, values: Array) -> "ConditionedProblem":
        return ConditionedProblem(
            self.problem, eqx.tree_at(lambda observed: observed.values, self.observed, values)
        )

    def alike(self, other: AbstractConditioned) -> bool:
        if not (isinstance(other, ConditionedProblem) and other.problem is self.problem):
            return False
        return other is self or bool(eqx.tree_equal(_form(other.observed), _form(self.observed)))

    def replicate(self, key: PRNGKeyArray, sites: dict[str, Array]) -> Array:
        distribution, failure = self.distribution(sites)
        return jnp.where(failure == 0, distribution.sample(key), jnp.nan)

    def log_likelihood(self, sites: dict[str, Array]) -> dict[str, Named]:
        distribution, _ = self.distribution(sites)
        return {"y": Named(distribution.log_prob(jnp.asarray(self.values)), self.observed.batch_dims())}

    def rest(self, sites: dict[str, Array]) -> dict[str, Named]:
        if not linearises(self.problem.likelihood):
            return {}
        with at(sites):
            network, observe, _ = self.problem.draw()
        if (
            network.rest is not None
            or is_linear(network)
            or rotates(network)
            or any_by_trial((network, observe))
        ):
            return {}
        name = getattr(observe, "variable", None) or network.model.observable
        return {name: Named(network.resting_variable(name, expansion_point(network)), ("region",))}

    def failure(self, sites: dict[str, Array]) -> Int[Array, ""]:
        return self.distribution(sites)[1]

    def summaries(self) -> dict[str, Named]:
        return {
            name: Named(value, dims)
            for name, (dims, value) in self.observed.summaries(jnp.asarray(self.values)).items()
        }

    def site_dims(self) -> dict[str, tuple[str, ...]]:
        return {name: site.dims for name, site in sites_of(self.problem.draw).items()}

    def coords(self) -> dict[str, Any]:
        plates = {plate: list(labels) for plate, labels in self.problem.network.plate_labels.items()}
        labels = self.problem.network.connectome.labels
        pairs = [f"{labels[i]}–{labels[j]}" for i, j in zip(*np.triu_indices(len(labels), 1), strict=True)]
        return plates | {"edge": pairs} | self.observed.coords()

    def observed_data(self) -> Any:
        found = dataset(self.summaries(), self.observed.coords())
        if "y" in found and self.observed.recording.unit:
            found["y"].attrs["units"] = self.observed.recording.unit
        return found

    def constant_data(self) -> Any:
        import xarray as xr

        connectome = self.problem.network.connectome
        pairs = ("region", "region_2")
        variables: dict[str, Any] = {}
        if isinstance(connectome.weights, np.ndarray | jax.Array):
            variables["weights"] = (pairs, np.asarray(connectome.weights))
        if isinstance(connectome.lengths, np.ndarray | jax.Array):
            variables["lengths"] = (pairs, np.asarray(connectome.lengths), {"units": "mm"})
        coords: dict[str, Any] = {dim: list(connectome.labels) for dim in pairs}
        if connectome.centres is not None:
            variables["centres"] = (("region", "axis"), connectome.centres, {"units": "mm"})
            coords["axis"] = ["x", "y", "z"]
        constant = xr.Dataset(variables, coords=coords)
        recording = self.observed.recording
        if "y" in eqx.filter_eval_shape(lambda: self.summaries()):
            return constant
        # What is predicted are summaries: the recording itself has no counterpart in the predictions.
        attrs = {"units": recording.unit} if recording.unit else {}
        sizes = dict(zip(recording.dims, recording.values.shape, strict=True))
        return constant.assign_coords(used(self.observed.coords() | recording.coords(), sizes)).assign(
            data=(recording.dims, recording.values, attrs)
        )

    def fingerprint(self) -> str:
        return self.observed.recording.hash


def _form(observed: AbstractObserved) -> AbstractObserved:
    """All that a program may know of data: their shapes and grids. The numbers are its arguments, and the
    recording is there for storage.
    """
    return eqx.tree_at(
        lambda data: (data.values, data.recording),
        observed,
        (np.zeros(observed.values.shape, observed.values.dtype), None),
    )
