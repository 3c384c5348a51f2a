"""A standard deviation that may be next to nothing."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import erf, erfc, erfinv, ndtr, ndtri
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions import constraints
from numpyro.distributions.transforms import Transform, biject_to


class RootHalfNormal(dist.Distribution):
    """A standard deviation σ whose square is half-normal: σ² = scale² |z| with z ~ Normal(0, 1).

    For the level of a noise that data may hardly show. They know its power, σ², up to a constant error, so
    that every small σ is as good as the next: in the logarithm, in which positive unknowns are sampled
    elsewhere, that is a long tail beside a wall, the tail so flat and the wall so steep that a sampler stays
    for hundreds of draws in one of them. This one is sampled in coordinates in which it is a standard normal
    itself. Its density is proportional to σ at 0, where that of `HalfNormal` is flat.

    Args:
        scale: σ is smaller in 68 % of draws; its mean is 0.82 of it.
    """

    arg_constraints = {"scale": constraints.positive}
    pytree_data_fields = ("scale",)

    def __init__(self, scale: Any = 1.0, *, validate_args: bool | None = None):
        self.scale = scale
        super().__init__(jnp.shape(scale), (), validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Positive numbers, with coordinates of their own."""
        return _Deviations(self.scale)

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw standard deviations."""
        z = jax.random.normal(key, (*sample_shape, *self.batch_shape))
        return self.scale * jnp.sqrt(jnp.abs(z))

    def log_prob(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Log density."""
        r = value / self.scale
        return jnp.log(4.0 * r / self.scale) - 0.5 * r**4 - 0.5 * jnp.log(2.0 * jnp.pi)


class _Deviations(constraints.Constraint):
    """Positive numbers around `scale`."""

    def __init__(self, scale: Any):
        self.scale = scale

    def __call__(self, x: Any) -> Any:
        return x > 0

    def feasible_like(self, prototype: Any) -> Array:
        return jnp.broadcast_to(jnp.asarray(self.scale), jnp.shape(prototype))

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.scale,), (("scale",), {})


class _FromStandardNormal(Transform):
    """σ² = scale² q(z), with q from quantiles of a normal to the same of a half-normal."""

    domain = constraints.real  # pyright: ignore[reportAssignmentType]
    codomain = constraints.positive  # pyright: ignore[reportAssignmentType]

    def __init__(self, scale: Any):
        self.scale = scale

    def __call__(self, x: Any) -> Any:
        # Each half by the formula that is exact there, and out of reach of the other's poles, whose gradients
        # would be NaN.
        below = x < 0
        low = 2.0**0.5 * erfinv(ndtr(jnp.where(below, x, 0.0)))
        high = -ndtri(0.5 * ndtr(-jnp.where(below, 0.0, x)))
        return self.scale * jnp.sqrt(jnp.where(below, low, high))

    def _inverse(self, y: Any) -> Any:
        r = 0.5**0.5 * (y / self.scale) ** 2
        return jnp.where(r < 0.5, ndtri(erf(r)), -ndtri(erfc(r)))

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Any:
        r = y / self.scale
        return jnp.log(0.25 * self.scale / r) - 0.5 * x**2 + 0.5 * r**4

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.scale,), (("scale",), {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FromStandardNormal) and bool(jnp.array_equal(self.scale, other.scale))


biject_to.register(_Deviations)(lambda support: _FromStandardNormal(support.scale))  # pyright: ignore[reportArgumentType]
