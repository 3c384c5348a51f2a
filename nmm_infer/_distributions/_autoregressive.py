"""Time courses with autocorrelated Gaussian noise."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float


class Autoregressive(dist.Distribution):
    """A mean plus a stationary first-order autoregression in every channel: y_t = m_t + e_t, e_t = φ e_{t-1}
    + s √(1 - φ²) ε_t, e_1 = s ε_1.

    The log density is given sample by sample, each conditional on the sample before it,

        log p(y_t | y_{t-1}) = log N(y_t | m_t + φ (y_{t-1} - m_{t-1}), s² (1 - φ²)),

    so that its sum is the joint density. Every sample is one of the batch, `["time channel"]`, for it is what
    a prediction from the past is judged by.
    """

    support = dist.constraints.real  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("mean_course", "scale", "correlation")

    def __init__(
        self,
        mean: Float[Array, "time channel"],
        scale: Float[Array, "*channel"],
        correlation: Float[Array, "*channel"],
        *,
        validate_args=None,
    ):
        self.mean_course = mean
        self.scale = scale
        self.correlation = correlation
        super().__init__(jnp.shape(mean), (), validate_args=False)

    def log_prob(self, value: Float[Array, "time channel"]) -> Float[Array, "time channel"]:
        """Log density of each sample given the one before."""
        error = value - self.mean_course
        before = jnp.concatenate([jnp.zeros_like(error[:1]), error[:-1]])
        first = (jnp.arange(error.shape[0]) == 0)[:, None]
        innovation = jnp.sqrt(1.0 - jnp.asarray(self.correlation) ** 2)
        sd = self.scale * jnp.where(first, 1.0, innovation)
        return dist.Normal(self.correlation * before, sd).log_prob(error)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*draws time channel"]:
        """Draw time courses."""
        epsilon = jax.random.normal(key, sample_shape + self.batch_shape, jnp.result_type(self.mean_course))
        epsilon = jnp.moveaxis(epsilon, -2, 0)
        innovation = self.scale * jnp.sqrt(1.0 - jnp.asarray(self.correlation) ** 2)

        def step(error, kick):
            error = self.correlation * error + innovation * kick
            return error, error

        start = self.scale * epsilon[0]
        _, rest = jax.lax.scan(step, start, epsilon[1:])
        return self.mean_course + jnp.moveaxis(jnp.concatenate([start[None], rest]), 0, -2)
