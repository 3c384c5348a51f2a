"""One distribution for each trial."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array


class Stacked(dist.Distribution):
    """Independent data of `n` trials, each with its own distribution; trials are the first axis of the batch.

    Args:
        each: a distribution whose arrays have a first axis of trials, as `jax.vmap` gives it; or, `shared`,
            the same one for all.
        n: number of trials.
        shared: whether all trials have the same distribution.
    """

    pytree_data_fields = ("each",)
    pytree_aux_fields = ("n", "shared")

    def __init__(self, each: Any, n: int, *, shared: bool):
        self.each = each
        self.n = n
        self.shared = shared
        # vmap leaves a distribution's own shapes as they are for one trial.
        super().__init__((n, *each.batch_shape), each.event_shape, validate_args=False)

    @property
    def support(self):
        """Of one trial: constraints know event axes only."""
        return self.each.support

    def _over(self, function: Any, *values: Any, out: int = 0) -> Array:
        return jax.vmap(function, in_axes=(None if self.shared else 0, *(0 for _ in values)), out_axes=out)(
            self.each, *values
        )

    def log_prob(self, value: Array) -> Array:
        """Log density of every trial, pointwise as its distribution gives it."""
        return self._over(lambda each, one: each.log_prob(one), value)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draw trials."""
        keys = jax.random.split(key, self.n)
        return self._over(
            lambda each, one: jnp.asarray(each.sample(one, sample_shape)), keys, out=len(sample_shape)
        )
