"""What every engine is."""

import abc
from contextlib import AbstractContextManager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._tools._kinds import check_instances, kind_of
from ..problems import AbstractProblem


class AbstractEngine(eqx.Module):
    """`engine(problem, data, key=key)` gives an `xarray.DataTree` in ArviZ's schema."""

    def __check_init__(self):
        check_instances(self)

    @abc.abstractmethod
    def __call__(self, problem: AbstractProblem, data: Any, *, key: PRNGKeyArray | int, progress: bool = True) -> Any:
        """Infer the posterior of `problem` given `data`.

        Args:
            problem: what is unknown.
            data: what the problem takes; for a Problem `["time region"]` or `["time sensor"]`, an array, `xarray.DataArray` or `Signal`.
            key: a JAX random key, or a seed.
            progress: show progress.

        Returns:
            `xarray.DataTree` with the groups of the design; see `nmm.results`.
        """


def precision(dtype: Any) -> AbstractContextManager[Any]:
    """A context in which JAX computes in `dtype` (float32 or float64).

    Raises:
        ValueError: another type.
    """
    if jnp.dtype(dtype) not in (jnp.dtype("float32"), jnp.dtype("float64")):
        raise ValueError(f"dtype={dtype!r}: expected 'float32' or 'float64'")
    return jax.enable_x64(jnp.dtype(dtype) == jnp.dtype("float64"))


def check_problem(problem: Any) -> None:
    """Raises TypeError for anything but a problem."""
    if not isinstance(problem, AbstractProblem):
        hint = f"; a NumPyro model is nmm.NumPyroModel({getattr(problem, '__name__', 'function')})" if callable(problem) else ""
        raise TypeError(f"engine(problem=...) got {kind_of(problem)}, expected an nmm.Problem or an nmm.NumPyroModel{hint}")


def check_counts(owner: str, **counts: int) -> None:
    """Raises ValueError for counts below 1; the message names engine and argument."""
    for name, value in counts.items():
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{owner}({name}=...) got {value!r}, expected a whole number of at least 1")
