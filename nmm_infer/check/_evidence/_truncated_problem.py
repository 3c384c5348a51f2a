"""A problem of which only some of the data count."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool
from numpyro.primitives import Messenger

from ...infer._target import Target
from ...problems import AbstractConditioned


class Truncated(AbstractConditioned):
    """A problem given the data at some indices of a dim only, such as the samples before a moment; of all
    indices at first.

    The others remain: `log_likelihood` is that of all data. What is left out is a term of the log density for
    each index, so these have to be densities of data given data *before* them, or independent ones. Which
    data count are numbers, not shapes: programs that were compiled for one part serve every other.

    Args:
        conditioned: the problem given all its data, whose pointwise log likelihood has the dim.
        target: its posterior.
        dim: such as "time" or "trial".

    Raises:
        ValueError: the log likelihood of some data has no such dim.
    """

    conditioned: AbstractConditioned
    seen: Bool[Array | np.ndarray, " index"]
    dim: str = eqx.field(static=True)
    pointwise: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = eqx.field(static=True)

    def __init__(self, conditioned: AbstractConditioned, target: Target, dim: str):
        self.conditioned, self.dim = conditioned, dim
        found = eqx.filter_eval_shape(
            lambda x: target.conditioned.log_likelihood(target.constrain(x)), jnp.zeros(target.size)
        )
        self.pointwise = tuple((name, named.dims, tuple(named.values.shape)) for name, named in found.items())
        if not found:
            raise ValueError(f"the problem has no data, so there is nothing along {dim!r} to leave out")
        for name, dims, _ in self.pointwise:
            if dim not in dims:
                raise ValueError(
                    f"the log likelihood of {name!r} has"
                    f" {f'the dims {", ".join(dims)}' if dims else 'no dims'}, expected {dim!r} among them:"
                    f" its data have no density for each index of {dim!r} given those before it; use a"
                    " likelihood of time courses (Gaussian, StudentT, AR1, ExtendedKalman)"
                )
        if len(sizes := {shape[dims.index(dim)] for _, dims, shape in self.pointwise}) > 1:
            raise ValueError(
                f"the data have {' and '.join(map(str, sorted(sizes)))} indices of {dim!r}, expected the same"
                " number at all sites"
            )
        self.seen = np.ones(self.size, bool)

    @property
    def problem(self):
        return self.conditioned.problem

    @property
    def size(self) -> int:
        """Indices of the dim."""
        _, dims, shape = self.pointwise[0]
        return shape[dims.index(self.dim)]

    def model(self):
        with _Only(
            {name: _along(self.seen, dims.index(self.dim), shape) for name, dims, shape in self.pointwise}
        ):
            self.conditioned.model()

    @property
    def values(self):
        return self.conditioned.values, self.seen

    def with_values(self, values):
        data, seen = values
        return eqx.tree_at(
            lambda past: (past.conditioned, past.seen), self, (self.conditioned.with_values(data), seen)
        )

    def alike(self, other):
        return other is self

    def replicate(self, key, sites):
        return self.conditioned.replicate(key, sites), self.seen

    # What it says of all data.

    def prior(self):
        self.conditioned.prior()

    def unknowns(self):
        self.conditioned.unknowns()

    def log_likelihood(self, sites):
        return self.conditioned.log_likelihood(sites)

    def rest(self, sites):
        return self.conditioned.rest(sites)

    def failure(self, sites):
        return self.conditioned.failure(sites)

    def summaries(self):
        return self.conditioned.summaries()

    def site_dims(self):
        return self.conditioned.site_dims()

    def coords(self):
        return self.conditioned.coords()

    def observed_data(self):
        return self.conditioned.observed_data()

    def constant_data(self):
        return self.conditioned.constant_data()

    def fingerprint(self):
        return self.conditioned.fingerprint()


class _Only(Messenger):
    """Of the sites that are named, only what their mask lets through counts."""

    def __init__(self, masks: dict[str, Array]):
        self.masks = masks
        super().__init__()

    def process_message(self, msg: Any) -> None:
        if msg["type"] == "sample" and msg["name"] in self.masks:
            msg["fn"] = msg["fn"].mask(self.masks[msg["name"]])


def _along(seen: Any, axis: int, shape: tuple[int, ...]) -> Bool[Array, "*shape"]:
    return jnp.broadcast_to(
        jnp.expand_dims(jnp.asarray(seen), tuple(i for i in range(len(shape)) if i != axis)), shape
    )
