"""The posterior density with a free path."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems._freed import FreedPath
from .._target import Target
from ._mode import Section
from .optimisers._optimiser import Freed


def freed(target: Target, section: Section, segment: float | None) -> Freed:
    """Unknowns and the states at the ends of segments: prior, tempered likelihood given the path, and
    Gaussian defects of it.

    Parameters of the likelihood are held: with a free path there would be no noise.

    Args:
        segment: ms; None: the time between samples.

    Raises:
        ValueError: the problem has no path of its own.
    """
    path = FreedPath(target.conditioned, segment)
    unit = jnp.asarray(path.unit())
    held = target.belonging(lambda name: name.startswith("likelihood."))[section.free]

    def begin(y: Array) -> Array:
        return path.begin(target.constrain(section.embed(y))) / unit

    def log_density(y: Array, nodes: Array, width: Array, temperature: float) -> Float[Array, ""]:
        x = section.embed(y)
        likelihood, defects = path(target.constrain(x), nodes * unit)
        return target.log_prior(x) + likelihood / temperature - 0.5 * jnp.sum((defects / width) ** 2)

    return Freed(begin, log_density, held)
