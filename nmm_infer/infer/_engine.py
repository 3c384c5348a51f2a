"""What every engine is."""

import abc
import time
from contextlib import AbstractContextManager
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from rich.progress import Progress

from .._tools._keys import random_key
from .._tools._kinds import check_instances, kind_of
from .._tools._shown import called, changed, safely
from ..problems import AbstractProblem
from ._datatree import build_tree
from ._progress import progress_bar
from ._run import AbstractRun
from ._target import Target

OF_TREE = 0x7EE


class AbstractEngine(eqx.Module):
    """`engine(problem, data, key=key)` gives an `xarray.DataTree` in ArviZ's schema.

    An engine says how it draws, in `run`; all else is the same for all.
    """

    dtype: eqx.AbstractVar[str]
    predictive_draws: eqx.AbstractVar[int | None]

    def __check_init__(self):
        check_instances(self)

    @safely
    def __repr__(self) -> str:
        return called(type(self).__name__, changed(self))

    @abc.abstractmethod
    def title(self) -> str:
        """The engine and its settings in words."""

    @abc.abstractmethod
    def run(self, target: Target, key: PRNGKeyArray, bars: Progress) -> AbstractRun:
        """Draw from the posterior.

        Args:
            target: its density over a vector of unconstrained unknowns, in the engine's precision.
            key: for everything random.
            bars: what shows progress; `Steps(bars, ...)` is one bar.

        Returns:
            `Chains`, `InexactChains`, `Populations`, `Approximation` or `Point`: the type says what the draws
            are, and `diagnose` judges them by that.
        """

    @final
    def __call__(
        self, problem: AbstractProblem, data: Any, *, key: PRNGKeyArray | int, progress: bool = True
    ) -> Any:
        """Infer the posterior of `problem` given `data`.

        Args:
            problem: what is unknown.
            data: what the problem takes; for a Problem `["time region"]` or `["time sensor"]`, an array,
                `xarray.DataArray` or `Signal`.
            key: a JAX random key, or a seed.
            progress: show progress.

        Returns:
            `xarray.DataTree` with the groups of the design; see `nmm.results`.
        """
        check_problem(problem)
        key = random_key(key, f"{type(self).__name__}(...)(key=...)")
        conditioned = problem.condition(data)
        began = time.perf_counter()
        with precision(self.dtype), progress_bar(progress) as bars:
            target = Target(conditioned)
            run = self.run(target, key, bars)
            # A key of its own, apart from those that an engine splits off.
            tree = build_tree(target, run, self.predictive_draws, jax.random.fold_in(key, OF_TREE))
            tree.attrs.update(
                engine=self.title(), seed=_numbers(key), wall_time_s=round(time.perf_counter() - began, 3)
            )
        for group in {"posterior", "prior"} & set(tree.children):
            tree[group].attrs.update(inference_library="nmm_infer", sampling_time=tree.attrs["wall_time_s"])
        return tree


def _numbers(key: PRNGKeyArray) -> str:
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return str(np.asarray(data).tolist())


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
        hint = (
            f"; a NumPyro model is nmm.NumPyroModel({getattr(problem, '__name__', 'function')})"
            if callable(problem)
            else ""
        )
        raise TypeError(
            f"engine(problem=...) got {kind_of(problem)}, expected an nmm.Problem or an"
            f" nmm.NumPyroModel{hint}"
        )


def check_counts(owner: str, **counts: int) -> None:
    """Raises ValueError for counts below 1; the message names engine and argument."""
    for name, value in counts.items():
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{owner}({name}=...) got {value!r}, expected a whole number of at least 1")
