"""Where the density is zero: walls, which trajectories meet, and for which reasons they are there."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..likelihoods._failure import REASONS, Failure
from ._salvage import Salvage
from ._target import BATCH, Target

# Nats, as BlackJAX has it: energy that is wrong by more is a divergence of the integrator.
DIVERGED = 1000.0

type Failures = dict[Failure, int]


def at_wall(
    position: Float[Array, " latent"], log_density: Float[Array, ""], gained: Float[Array, ""] | float = 0.0
) -> Bool[Array, ""]:
    """Whether a trajectory ends at a wall: the density is zero there, and the integrator had not run away
    before.

    Args:
        position: where it ends.
        log_density: there.
        gained: kinetic energy since it began. The density has no use for thousands of nats: an integrator
            that diverges does, and then lands anywhere.
    """
    return ~jnp.isfinite(log_density) & jnp.all(jnp.isfinite(position)) & ~(gained > DIVERGED)


def reasons(target: Target, points: Float[np.ndarray, "point latent"]) -> Failures:
    """How many points of zero density there are for each reason, by one forward evaluation of each."""
    found: Failures = dict.fromkeys(REASONS, 0)

    def count() -> None:
        # In blocks of one size, so that there is one program, however many points there are.
        for first in range(0, len(points), BATCH):
            block = points[first : first + BATCH]
            padded = np.resize(block, (BATCH, points.shape[1]))
            for code in np.asarray(target.failures(jnp.asarray(padded)))[: len(block)]:
                found[Failure(int(code))] += 1

    salvage = Salvage()
    salvage("reasons of failures", count, None)
    salvage.warn()
    return found
