"""Anyone's NumPyro model, for every engine."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx

from .._tools._kinds import kind_of
from ._base import AbstractProblem
from ._conditioned_model import ConditionedModel, conditioned_on
from ._sites import Site


class NumPyroModel(AbstractProblem):
    """A NumPyro model `function(data)` as a problem for every engine: `engine(nmm.NumPyroModel(function),
    data, key=key)`.

    Its latent sites are what is inferred. Observed sites give `log_likelihood`, `posterior_predictive` and
    `observed_data`; `numpyro.factor` adds to the density and is no data. The data reach the function as they
    are, so it may use their numbers and shapes in plain Python; only an `xarray.DataArray` arrives as the
    array of its values, and gives its dims and coordinates to an observed site of its shape. Plates name
    dims, too.

    Args:
        function: with one argument, the data: an array, DataArray or any nest of them; pass `None` to a
            function that needs none.
        dims: names of the axes of sites, where plates and data do not say: `{"y": ("time", "channel")}`.
        coords: coordinates by dim: `{"channel": ["Fz", "Cz"]}`.
        units: units of sites, for tables and pictures.
        shared_scales: sites that are the free scale of a hierarchy, which searches for the mode hold at their
            prior's median.

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
            raise TypeError(
                f"NumPyroModel(function=...) got {kind_of(function)}, expected a NumPyro model: a function of"
                " the data"
            )
        self.function = function
        self.dims = dims or {}
        self.labels = coords or {}
        self.site_units = units or {}
        self.scales = frozenset(shared_scales)

    @property
    def name(self) -> str:
        """Of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def condition(self, data: Any) -> ConditionedModel:
        """This model given data with their names, after a look at its sites.

        Raises:
            ValueError: no latent site, a discrete or improper one, random subsampling; names of sites that do
                not exist.
        """
        if isinstance(data, ConditionedModel):
            return data if data.problem is self else dataclasses.replace(data, problem=self)
        conditioned = conditioned_on(self, data)
        self._check(conditioned.sites())
        return conditioned

    def _check(self, sites: dict[str, Site]) -> None:
        who = f"NumPyroModel({self.name})"
        latent = [site for site in sites.values() if site.latent]
        if not latent:
            raise ValueError(
                f"{who} has no latent site, so there is nothing to infer; numpyro.sample(name, distribution)"
                " without obs= makes one"
            )
        discrete = [site.name for site in latent if site.discrete]
        if discrete:
            raise ValueError(
                f"{who} has discrete latent sites: {', '.join(discrete)}; the engines need gradients, so sum"
                " them out, for instance with numpyro.distributions.MixtureSameFamily"
            )
        for what, names in (("dims", self.dims), ("units", self.site_units), ("shared_scales", self.scales)):
            unknown = sorted(set(names) - set(sites))
            if unknown:
                raise ValueError(
                    f"NumPyroModel({what}=...) names {', '.join(unknown)}, but the sites of {self.name} are"
                    f" {', '.join(sites)}"
                )
        for name, dims in self.dims.items():
            if len(dims) != len(sites[name].shape):
                raise ValueError(
                    f"NumPyroModel(dims=...) gives {tuple(dims)} for {name!r}, whose shape is"
                    f" {sites[name].shape}; expected a name for each axis"
                )

    def units(self):
        return dict(self.site_units)

    def shared_scales(self):
        return self.scales

    def about(self):
        return {"model": self.name}
