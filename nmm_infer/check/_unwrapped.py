"""A distribution as it was written."""

from typing import Any


def unwrapped(distribution: Any) -> Any:
    """The distribution without wrappers that only change shapes."""
    import numpyro.distributions as dist

    while isinstance(distribution, dist.Independent | dist.ExpandedDistribution):
        distribution = distribution.base_dist
    return distribution
