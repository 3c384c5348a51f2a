"""What an engine needs of a problem."""

import abc
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray


class Named(eqx.Module):
    """An array and the names of its axes, which it keeps through `jit` and, with the mapped axes in front,
    through `vmap` and `lax.map`.
    """

    values: Array | np.ndarray
    dims: tuple[str, ...] = eqx.field(static=True)


class AbstractProblem(eqx.Module):
    """Unknowns with a prior, and how data depend on them. With `AbstractConditioned` everything that
    `nmm.infer` knows of what it infers.
    """

    @property
    def divisible(self) -> bool:
        """Whether its programs may run on several devices, a part of the chains or draws on each."""
        return True

    @abc.abstractmethod
    def condition(self, data: Any) -> "AbstractConditioned":
        """This problem given data; what is conditioned already is taken as it is.

        Raises:
            ValueError: data or model cannot be used; before anything is compiled.
        """

    def model(self, data: Any) -> None:
        """The NumPyro model, conditioned on `data`, which may be whatever `condition` takes."""
        self.condition(data).model()

    @abc.abstractmethod
    def units(self) -> dict[str, str]:
        """Units of sites that have one."""

    @abc.abstractmethod
    def shared_scales(self) -> frozenset[str]:
        """Sites that are the free scale of a hierarchy, where the joint mode is far from the posterior's
        mass.
        """

    @abc.abstractmethod
    def about(self) -> dict[str, str]:
        """What the model is, for the attributes of a result."""


class AbstractConditioned(eqx.Module):
    """A problem given data that were checked.

    `sites` below are values of the latent sites by name, each in the support of its prior.
    """

    problem: eqx.AbstractVar[AbstractProblem]

    @abc.abstractmethod
    def model(self) -> None:
        """The NumPyro model, conditioned on the data."""

    @abc.abstractmethod
    def prior(self) -> None:
        """The latent and deterministic sites of `model` alone, as a NumPyro model."""

    @abc.abstractmethod
    def unknowns(self) -> None:
        """The latent sites of `model`, as a NumPyro model; less than `prior` where what follows from them
        takes time.
        """

    @property
    @abc.abstractmethod
    def values(self) -> Any:
        """The arrays that the model is conditioned on: a pytree."""

    @abc.abstractmethod
    def with_values(self, values: Any) -> Self:
        """The same problem given other numbers of the same shape, such as `replicate` gives."""

    @abc.abstractmethod
    def alike(self, other: "AbstractConditioned") -> bool:
        """Whether it is the same problem as `other` but for `values`, so that programs that were compiled for
        the one serve the other.
        """

    @abc.abstractmethod
    def replicate(self, key: PRNGKeyArray, sites: dict[str, Array]) -> Any:
        """`values` drawn from their distribution at `sites`; NaN where the model fails."""

    @abc.abstractmethod
    def log_likelihood(self, sites: dict[str, Array]) -> dict[str, Named]:
        """Pointwise log likelihood of every observed site."""

    @abc.abstractmethod
    def rest(self, sites: dict[str, Array]) -> dict[str, Named]:
        """Where the network rests that a likelihood linearises, by variable; empty where nothing is
        linearised, or there is one place to rest.
        """

    @abc.abstractmethod
    def failure(self, sites: dict[str, Array]) -> Int[Array, ""]:
        """Why the model says nothing at `sites` (`nmm.likelihoods.Failure`); 0 where it does, or where
        numbers are not finite that it does not look at.
        """

    @abc.abstractmethod
    def summaries(self) -> dict[str, Named]:
        """What is looked at in predictive checks: the data themselves, or power spectra and functional
        connectivity.
        """

    @abc.abstractmethod
    def site_dims(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of latent and deterministic sites."""

    @abc.abstractmethod
    def coords(self) -> dict[str, Any]:
        """Coordinates, as xarray takes them, of the dims of sites, `log_likelihood` and `summaries`."""

    @abc.abstractmethod
    def observed_data(self) -> Any:
        """The data as an `xarray.Dataset`, with units: what `summaries` gives of them, so that every variable
        can be laid beside its prediction.
        """

    @abc.abstractmethod
    def constant_data(self) -> Any:
        """What was given and is not predicted, as an `xarray.Dataset`; empty if there is nothing."""

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """A short hash of the data."""


def used(coords: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """Those of `coords` whose dim has their length, and 0, 1, … for the dims that have none."""

    def length(coord: Any) -> int:
        return len(coord[1]) if isinstance(coord, tuple) else len(coord)

    found = {name: coord for name, coord in coords.items() if sizes.get(name) == length(coord)}
    return {name: np.arange(size) for name, size in sizes.items()} | found


def dataset(variables: dict[str, Named], coords: dict[str, Any]) -> Any:
    """An `xarray.Dataset` of named arrays."""
    import xarray as xr

    arrays = {name: (named.dims, np.asarray(named.values)) for name, named in variables.items()}
    sizes = {
        dim: size for dims, array in arrays.values() for dim, size in zip(dims, array.shape, strict=True)
    }
    return xr.Dataset(arrays, coords=used(coords, sizes))


def jax_arrays(tree: Any) -> Any:
    """JAX arrays of `tree` in the precision of this context; another precision would spread from them."""
    return jax.tree.map(
        lambda x: (
            jnp.asarray(np.asarray(x))
            if isinstance(x, jax.Array) and not jnp.issubdtype(x.dtype, jax.dtypes.extended)
            else x
        ),
        tree,
    )
