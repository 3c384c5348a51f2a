"""A problem of which only some of the data count."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool
from numpyro.primitives import Messenger

from ...infer._target import Target
from ...problems._base import AbstractProblem
from ...problems._wrapped import AbstractWrapped


class PartlySeen(eqx.Module):
    """Data of which some count.

    Fields:
        bound: all of them, as the problem binds them.
        seen: which indices of the dim count.
    """

    bound: Any
    seen: Bool[Array | np.ndarray, " index"]


class Past(AbstractWrapped):
    """`problem`, conditioned on the data at some indices of a dim only, such as the samples before a moment.

    The others remain: `log_likelihood` is that of all data. What is left out is a term of the log density for each index, so these have to
    be densities of data given data *before* them, or independent ones. Which data count are numbers, not shapes: programs that were compiled for one part serve
    every other.

    Args:
        problem: whose pointwise log likelihood has the dim.
        target: its posterior, given all its data.
        dim: such as "time" or "trial".

    Raises:
        ValueError: the log likelihood of some data has no such dim.
    """

    problem: AbstractProblem
    dim: str = eqx.field(static=True)
    pointwise: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = eqx.field(static=True)

    def __init__(self, problem: AbstractProblem, target: Target, dim: str):
        self.problem, self.dim = problem, dim
        found = eqx.filter_eval_shape(lambda x: problem.log_likelihood(target.constrain(x), target.observed), jnp.zeros(target.size))
        self.pointwise = tuple((name, named.dims, tuple(named.values.shape)) for name, named in found.items())
        if not found:
            raise ValueError(f"the problem has no data, so there is nothing along {dim!r} to leave out")
        for name, dims, _ in self.pointwise:
            if dim not in dims:
                raise ValueError(
                    f"the log likelihood of {name!r} has {f'the dims {", ".join(dims)}' if dims else 'no dims'}, expected {dim!r} among them: its data have no "
                    f"density for each index of {dim!r} given those before it; use a likelihood of time courses (Gaussian, StudentT, AR1, ExtendedKalman)"
                )
        if len(sizes := {shape[dims.index(dim)] for _, dims, shape in self.pointwise}) > 1:
            raise ValueError(f"the data have {' and '.join(map(str, sorted(sizes)))} indices of {dim!r}, expected the same number at all sites")

    @property
    def size(self) -> int:
        """Indices of the dim."""
        _, dims, shape = self.pointwise[0]
        return shape[dims.index(self.dim)]

    def bind(self, data):
        return data if isinstance(data, PartlySeen) else PartlySeen(self.problem.bind(data), np.ones(self.size, bool))

    def inner(self, bound):
        return bound.bound

    def values(self, bound):
        return self.problem.values(bound.bound), bound.seen

    def with_values(self, bound, values):
        data, seen = values
        return PartlySeen(self.problem.with_values(bound.bound, data), seen)

    def replicate(self, key, sites, bound):
        return self.problem.replicate(key, sites, bound.bound), bound.seen

    def model(self, data):
        bound = self.bind(data)
        with _Only({name: _along(bound.seen, dims.index(self.dim), shape) for name, dims, shape in self.pointwise}):
            self.problem.model(bound.bound)


class _Only(Messenger):
    """Of the sites that are named, only what their mask lets through counts."""

    def __init__(self, masks: dict[str, Array]):
        self.masks = masks
        super().__init__()

    def process_message(self, msg: Any) -> None:
        if msg["type"] == "sample" and msg["name"] in self.masks:
            msg["fn"] = msg["fn"].mask(self.masks[msg["name"]])


def _along(seen: Any, axis: int, shape: tuple[int, ...]) -> Bool[Array, "*shape"]:
    return jnp.broadcast_to(jnp.expand_dims(jnp.asarray(seen), tuple(i for i in range(len(shape)) if i != axis)), shape)
