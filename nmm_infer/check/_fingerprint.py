"""What tells the work that is kept in one folder from that in another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ..infer._target import Target
from ._store import settings_of

# Points whose densities say which problem this is.
PROBES = 4


def identity(target: Target, engine: Any, key: PRNGKeyArray, values: Any) -> dict[str, Any]:
    """Engine and key, and the problem by its density at a few points, given data with the numbers
    `values`.
    """
    probes = target.prior_draws(jax.random.key(1), PROBES)
    density = jax.jit(lambda values, x: jax.vmap(target.given(values).log_density)(x))(values, probes)
    words = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return {
        "engine": settings_of(engine),
        "key": np.asarray(words).ravel().tolist(),
        "prior": np.asarray(probes, dtype=float).sum(axis=1).tolist(),
        "log density": [float(value) if np.isfinite(value) else -1e300 for value in np.asarray(density)],
    }
