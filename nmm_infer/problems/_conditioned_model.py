"""Anyone's NumPyro model given data."""

import dataclasses
import hashlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from ..likelihoods._failure import Failure, because
from ._base import AbstractConditioned, Named, dataset
from ._sites import Site, sites_of


@dataclasses.dataclass(frozen=True, eq=False)
class Axes:
    """Dims, shape and the coordinates along single dims of a DataArray."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, Any]


class ConditionedModel(AbstractConditioned):
    """A `NumPyroModel` given data.

    Fields:
        given: what the function is called with, DataArrays replaced by their values.
        axes: of the DataArrays that came.
        replaced: values of observed sites that stand in for those of `given`.
    """

    problem: Any  # a NumPyroModel, which makes these
    given: Any
    axes: tuple[Axes, ...] = eqx.field(static=True)
    replaced: dict[str, Any] = eqx.field(default_factory=dict)

    def model(self) -> None:
        from numpyro import handlers

        with handlers.condition(data=self.replaced):
            self.problem.function(self.given)

    def sites(self) -> dict[str, Site]:
        """The statements of the model by name.

        Raises:
            ValueError: a plate draws a subset of its indices, or a site has no proper distribution to draw
                from.
        """
        try:
            sites = sites_of(self.model)
        except ValueError as error:
            error.add_note(f"in NumPyroModel({self.problem.name})")
            raise
        return {name: site._replace(dims=self._dims(site)) for name, site in sites.items()}

    def _dims(self, site: Site) -> tuple[str, ...]:
        """The user's word first, then the data's, then the plates'."""
        if site.name in self.problem.dims:
            return tuple(self.problem.dims[site.name])
        if site.observed:
            for axes in self.axes:
                if axes.shape == site.shape:
                    return axes.dims
        return site.dims

    def prior(self) -> None:
        from numpyro import handlers

        # By name, for NumPyro adds the Jacobians of a density as factors, which are observed sites, too.
        with handlers.block(hide=[name for name, site in self.sites().items() if site.observed]):
            self.model()

    def unknowns(self) -> None:
        self.prior()

    def _observed(self) -> dict[str, Site]:
        return {name: site for name, site in self.sites().items() if site.observed and not site.auxiliary}

    def _latent(self, sites: dict[str, Array]) -> dict[str, Array]:
        return {name: sites[name] for name, site in self.sites().items() if site.latent and name in sites}

    def _trace(self, key: PRNGKeyArray, sites: dict[str, Array], *, draw: bool = False) -> dict[str, Any]:
        """The statements about data at given values of the sites; the data drawn if `draw`."""
        from numpyro import handlers

        with (
            handlers.block(),
            handlers.trace() as trace,
            handlers.substitute(data=self._latent(sites)),
            handlers.seed(rng_seed=key),
        ):
            (handlers.uncondition(self.model) if draw else self.model)()
        return {name: trace[name] for name in self._observed()}

    @property
    def values(self) -> dict[str, Any]:
        if self.replaced or not self._observed():
            return self.replaced
        return jax.jit(
            lambda: {
                name: jnp.asarray(site["value"]) for name, site in self._trace(jax.random.key(0), {}).items()
            }
        )()

    def with_values(self, values: dict[str, Any]) -> "ConditionedModel":
        return dataclasses.replace(self, replaced=dict(values))

    def alike(self, other: AbstractConditioned) -> bool:
        # The function may read something that has changed since the other was made.
        return other is self

    def replicate(self, key: PRNGKeyArray, sites: dict[str, Array]) -> dict[str, Array]:
        return {name: site["value"] for name, site in self._trace(key, sites, draw=True).items()}

    def log_likelihood(self, sites: dict[str, Array]) -> dict[str, Named]:
        observed, found = self._observed(), {}
        for name, site in self._trace(jax.random.key(0), sites).items():
            value = site["fn"].log_prob(site["value"])
            scaled = value if site["scale"] is None else site["scale"] * value
            found[name] = Named(scaled, observed[name].dims[: scaled.ndim])
        return found

    def rest(self, sites: dict[str, Array]) -> dict[str, Named]:
        return {}

    def failure(self, sites: dict[str, Array]) -> Int[Array, ""]:
        from numpyro import handlers
        from numpyro.infer.util import log_density

        with handlers.block():
            value = jnp.asarray(log_density(self.model, (), {}, self._latent(sites))[0])
        # What a user's function means by a density of zero is not known; NaN is none.
        return because((value == -jnp.inf, Failure.ZERO_DENSITY))

    def summaries(self) -> dict[str, Named]:
        dims = {name: site.dims for name, site in self._observed().items()}
        return {name: Named(value, dims[name]) for name, value in self.values.items()}

    def site_dims(self) -> dict[str, tuple[str, ...]]:
        return {name: site.dims for name, site in self.sites().items()}

    def coords(self) -> dict[str, Any]:
        return {dim: coord for axes in self.axes for dim, coord in axes.coords.items()} | dict(
            self.problem.labels
        )

    def observed_data(self) -> Any:
        found = dataset(self.summaries(), self.coords())
        for name, unit in self.problem.site_units.items():
            if name in found:
                found[name].attrs["units"] = unit
        return found

    def constant_data(self) -> Any:
        return dataset({}, {})

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for leaf in jax.tree.leaves((self.given, self.replaced)):
            digest.update(
                np.ascontiguousarray(leaf).tobytes()
                if isinstance(leaf, np.ndarray | jax.Array)
                else repr(leaf).encode()
            )
        return digest.hexdigest()[:16]


def conditioned_on(problem: Any, data: Any) -> ConditionedModel:
    """`problem` given data that nobody has looked at yet."""
    axes = tuple(
        _axes(leaf) for leaf in jax.tree.leaves(data, is_leaf=_is_data_array) if _is_data_array(leaf)
    )
    return ConditionedModel(
        problem,
        jax.tree.map(
            lambda leaf: leaf.values if _is_data_array(leaf) else leaf, data, is_leaf=_is_data_array
        ),
        axes,
    )


def _is_data_array(leaf: Any) -> bool:
    import xarray as xr

    return isinstance(leaf, xr.DataArray)


def _axes(array: Any) -> Axes:
    dims = tuple(map(str, array.dims))
    coords = {dim: (dim, array[dim].values, dict(array[dim].attrs)) for dim in dims if dim in array.coords}
    return Axes(dims, array.shape, coords)
