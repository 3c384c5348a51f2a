"""Anyone's NumPyro model, for every engine."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._tools._kinds import kind_of
from ..likelihoods._failure import Failure, because
from ._base import AbstractProblem, Named, dataset
from ._sites import Site, sites_of


@dataclasses.dataclass(frozen=True, eq=False)
class Axes:
    """Dims, shape and the coordinates along single dims of a DataArray."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, Any]


class ModelData(eqx.Module):
    """Data of a NumPyro model.

    Fields:
        given: what the function is called with, DataArrays replaced by their values.
        replaced: values of observed sites that stand in for those of `given`.
        axes: of the DataArrays that came.
    """

    given: Any
    replaced: dict[str, Any]
    axes: tuple[Axes, ...] = eqx.field(static=True)


class NumPyroModel(AbstractProblem):
    """A NumPyro model `function(data)` as a problem for every engine: `engine(nmm.NumPyroModel(function), data, key=key)`.

    Its latent sites are what is inferred. Observed sites give `log_likelihood`, `posterior_predictive` and
    `observed_data`; `numpyro.factor` adds to the density and is no data. The data reach the function as they are, so it
    may use their numbers and shapes in plain Python; only an `xarray.DataArray` arrives as the array of its values, and gives its
    dims and coordinates to an observed site of its shape. Plates name dims, too.

    Args:
        function: with one argument, the data: an array, DataArray or any nest of them; pass `None` to a function that needs none.
        dims: names of the axes of sites, where plates and data do not say: `{"y": ("time", "channel")}`.
        coords: coordinates by dim: `{"channel": ["Fz", "Cz"]}`.
        units: units of sites, for tables and pictures.
        shared_scales: sites that are the free scale of a hierarchy, which searches for the mode hold at their prior's median.

    Raises:
        TypeError: not a function.
    """

    function: Callable[[Any], Any] = eqx.field(static=True)
    dims: Mapping[str, Sequence[str]] = eqx.field(static=True)
    labels: Mapping[str, Any] = eqx.field(static=True)
    site_units: Mapping[str, str] = eqx.field(static=True)
    scales: frozenset[str] = eqx.field(static=True)

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        dims: Mapping[str, Sequence[str]] | None = None,
        coords: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
        shared_scales: Sequence[str] = (),
    ):
        if not callable(function):
            raise TypeError(f"NumPyroModel(function=...) got {kind_of(function)}, expected a NumPyro model: a function of the data")
        self.function = function
        self.dims = dims or {}
        self.labels = coords or {}
        self.site_units = units or {}
        self.scales = frozenset(shared_scales)

    @property
    def name(self) -> str:
        """Of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def bind(self, data):
        """The data with their names, after a look at the model.

        Raises:
            ValueError: no latent site, a discrete or improper one, random subsampling; names of sites that do not exist.
        """
        if isinstance(data, ModelData):
            return data
        is_array = _is_data_array
        axes = tuple(_axes(leaf) for leaf in jax.tree.leaves(data, is_leaf=is_array) if is_array(leaf))
        bound = ModelData(jax.tree.map(lambda leaf: leaf.values if is_array(leaf) else leaf, data, is_leaf=is_array), {}, axes)
        self._check(self._sites(bound))
        return bound

    def _check(self, sites: dict[str, Site]) -> None:
        who = f"NumPyroModel({self.name})"
        latent = [site for site in sites.values() if site.latent]
        if not latent:
            raise ValueError(f"{who} has no latent site, so there is nothing to infer; numpyro.sample(name, distribution) without obs= makes one")
        discrete = [site.name for site in latent if site.discrete]
        if discrete:
            raise ValueError(
                f"{who} has discrete latent sites: {', '.join(discrete)}; the engines need gradients, so sum them out, "
                "for instance with numpyro.distributions.MixtureSameFamily"
            )
        for what, names in (("dims", self.dims), ("units", self.site_units), ("shared_scales", self.scales)):
            unknown = sorted(set(names) - set(sites))
            if unknown:
                raise ValueError(f"NumPyroModel({what}=...) names {', '.join(unknown)}, but the sites of {self.name} are {', '.join(sites)}")
        for name, dims in self.dims.items():
            if len(dims) != len(sites[name].shape):
                raise ValueError(f"NumPyroModel(dims=...) gives {tuple(dims)} for {name!r}, whose shape is {sites[name].shape}; expected a name for each axis")

    def _sites(self, bound: ModelData) -> dict[str, Site]:
        try:
            sites = sites_of(functools.partial(self.model, bound))
        except ValueError as error:
            error.add_note(f"in NumPyroModel({self.name})")
            raise
        return {name: site._replace(dims=self._dims(site, bound)) for name, site in sites.items()}

    def _dims(self, site: Site, bound: ModelData) -> tuple[str, ...]:
        """The user's word first, then the data's, then the plates'."""
        if site.name in self.dims:
            return tuple(self.dims[site.name])
        if site.observed:
            for axes in bound.axes:
                if axes.shape == site.shape:
                    return axes.dims
        return site.dims

    def model(self, data):
        from numpyro import handlers

        bound = self.bind(data)
        with handlers.condition(data=bound.replaced):
            self.function(bound.given)

    def prior(self, bound):
        from numpyro import handlers

        # By name, for NumPyro adds the Jacobians of a density as factors, which are observed sites, too.
        with handlers.block(hide=[name for name, site in self._sites(bound).items() if site.observed]):
            self.model(bound)

    def _observed(self, bound: ModelData) -> dict[str, Site]:
        return {name: site for name, site in self._sites(bound).items() if site.observed and not site.auxiliary}

    def _trace(self, key: Array, sites: dict[str, Array], bound: ModelData, *, draw: bool = False) -> dict[str, Any]:
        """The statements about data at given values of the sites; the data drawn if `draw`."""
        from numpyro import handlers

        latent = {name: sites[name] for name, site in self._sites(bound).items() if site.latent and name in sites}
        with handlers.block(), handlers.trace() as trace, handlers.substitute(data=latent), handlers.seed(rng_seed=key):
            (handlers.uncondition(self.model) if draw else self.model)(bound)
        return {name: trace[name] for name in self._observed(bound)}

    def values(self, bound):
        if bound.replaced or not self._observed(bound):
            return bound.replaced
        trace = functools.partial(self._trace, jax.random.key(0), {}, bound)
        return jax.jit(lambda: {name: jnp.asarray(site["value"]) for name, site in trace().items()})()

    def with_values(self, bound, values):
        return ModelData(bound.given, dict(values), bound.axes)

    def replicate(self, key, sites, bound):
        return {name: site["value"] for name, site in self._trace(key, sites, bound, draw=True).items()}

    def log_likelihood(self, sites, bound):
        observed, found = self._observed(bound), {}
        for name, site in self._trace(jax.random.key(0), sites, bound).items():
            value = site["fn"].log_prob(site["value"])
            scaled = value if site["scale"] is None else site["scale"] * value
            found[name] = Named(scaled, observed[name].dims[: scaled.ndim])
        return found

    def failure(self, sites, bound):
        from numpyro import handlers
        from numpyro.infer.util import log_density

        latent = {name: sites[name] for name, site in self._sites(bound).items() if site.latent and name in sites}
        with handlers.block():
            value = jnp.asarray(log_density(self.model, (bound,), {}, latent)[0])
        # What a user's function means by a density of zero is not known; NaN is none.
        return because((value == -jnp.inf, Failure.ZERO_DENSITY))

    def summaries(self, bound):
        dims = {name: site.dims for name, site in self._observed(bound).items()}
        return {name: Named(value, dims[name]) for name, value in self.values(bound).items()}

    def site_dims(self, bound: ModelData) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site."""
        return {name: site.dims for name, site in self._sites(bound).items()}

    def coords(self, bound):
        return {dim: coord for axes in bound.axes for dim, coord in axes.coords.items()} | dict(self.labels)

    def observed_data(self, bound):
        found = dataset(self.summaries(bound), self.coords(bound))
        for name, unit in self.site_units.items():
            if name in found:
                found[name].attrs["units"] = unit
        return found

    def constant_data(self, bound):
        return dataset({}, {})

    def fingerprint(self, bound):
        digest = hashlib.sha256()
        for leaf in jax.tree.leaves((bound.given, bound.replaced)):
            digest.update(np.ascontiguousarray(leaf).tobytes() if isinstance(leaf, np.ndarray | jax.Array) else repr(leaf).encode())
        return digest.hexdigest()[:16]

    def units(self):
        return dict(self.site_units)

    def shared_scales(self):
        return self.scales

    def about(self):
        return {"model": self.name}


def _is_data_array(leaf: Any) -> bool:
    import xarray as xr

    return isinstance(leaf, xr.DataArray)


def _axes(array: Any) -> Axes:
    dims = tuple(map(str, array.dims))
    coords = {dim: (dim, array[dim].values, dict(array[dim].attrs)) for dim in dims if dim in array.coords}
    return Axes(dims, array.shape, coords)
