"""Noise that is given instead of drawn."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Innovations(eqx.Module):
    """Standard normal numbers in the place of a random key: `nmm.solve(..., key=Innovations(values))` runs a
    network with this very noise.

    Args:
        values: `["interval noisy region"]`; each serves for `steps` steps of the solver.
        steps: 1: every step has its own. More: the noise is constant over so many steps, with the variance
            over all of them unchanged: z/√steps in each.
        start: for noises with a state of their own, `["noisy region"]`.
    """

    values: Float[Array, "interval noisy region"]
    steps: int = eqx.field(static=True, default=1)
    start: Float[Array, "noisy region"] | None = None

    @property
    def total(self) -> int:
        """Steps of the solver that they suffice for."""
        return self.steps * self.values.shape[0]

    def of(self, first: Array, n: int) -> Float[Array, "step noisy region"]:
        """Those of the steps `first`, …, `first + n - 1`."""
        return self.values[(first + jnp.arange(n)) // self.steps] / jnp.sqrt(1.0 * self.steps)
