"""Adam, which needs gradients alone."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ..._engine import check_counts
from ._optimiser import CHUNK, AbstractOptimiser, SearchResults, in_chunks


class Climb(NamedTuple):
    """One search by Adam: where it is, its memory, the best point so far, and the value there of what is made
    small.
    """

    x: Float[Array, " latent"]
    memory: Any
    best: Float[Array, " latent"]
    lowest: Float[Array, ""]


class Adam(AbstractOptimiser):
    """Adam with clipped gradients and a cosine schedule (Kingma & Ba 2015): slow, and hard to lead astray.

    Args:
        steps: of each search.
        learning_rate: at the beginning; it ends at 0.
    """

    steps: int = eqx.field(static=True, default=1000)
    learning_rate: float = eqx.field(static=True, default=0.05)

    def __check_init__(self):
        check_counts("Adam", steps=self.steps)

    def search(self, objective, starts, bar):
        value_and_grad = jax.value_and_grad(lambda x: -objective.log_density(x))

        def step(carry: Climb, _: None) -> tuple[Climb, None]:
            return self.move(carry, *value_and_grad(carry.x)), None

        chunk = jax.jit(jax.vmap(lambda carry: jax.lax.scan(step, carry, length=min(CHUNK, self.steps))[0]))
        carry = jax.vmap(self.begin)(jnp.asarray(starts))
        carry, done, interrupted = in_chunks(
            lambda carry: (chunk(carry), False), carry, self.steps, lambda c: float(-c.lowest.min()), bar
        )
        return SearchResults(
            np.asarray(carry.best), -np.asarray(carry.lowest), done * len(starts), interrupted
        )

    def _optimiser(self) -> optax.GradientTransformation:
        return optax.chain(
            optax.clip_by_global_norm(100.0),
            optax.adam(optax.cosine_decay_schedule(self.learning_rate, self.steps)),
        )

    def begin(self, x: Float[Array, " latent"]) -> Climb:
        """Before the first step."""
        return Climb(x, self._optimiser().init(x), x, jnp.full((), jnp.inf, x.dtype))

    def move(self, carry: Climb, value: Float[Array, ""], gradient: Float[Array, " latent"]) -> Climb:
        """One step, from value and gradient of what is made small, at `carry.x`."""
        x, memory, best, lowest = carry
        # A step into a region where the model fails must not lose what was reached before.
        better = value < lowest
        best, lowest = jnp.where(better, x, best), jnp.where(better, value, lowest)
        updates, memory = self._optimiser().update(gradient, memory, x)
        # It would coast on over the edge, where no gradient tells the way back: so back to the best point, at
        # rest.
        fine = jnp.isfinite(value)
        momentum = jnp.asarray(optax.tree_utils.tree_get(memory, "mu"))
        memory = optax.tree_utils.tree_set(memory, mu=jnp.where(fine, momentum, 0.0))
        return Climb(jnp.where(fine, x + jnp.asarray(updates), best), memory, best, lowest)
