"""Time courses of a noisy network, the path integrated out."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from ..solving._trajectory import undelayed_trajectory
from ._kalman import Filtered, StateSpace, filtered


class FilteredCourse(dist.Distribution):
    """Data of a stochastic network seen with noise: log densities by the extended Kalman filter, draws by
    simulation of the network itself.

    The log density is that of each sample given those before it, so that its sum is the joint density.

    Args:
        network, observe: without priors.
        scale: standard deviation of the measurement noise, one number or one for each channel.
        spread: standard deviation of the initial state, `["state region"]` or what broadcasts to it.
        shape: (samples, channels).
        interval: time between samples in ms.
        steps: steps between samples.
    """

    support = dist.constraints.independent(dist.constraints.real, 1)  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("network", "observe", "scale", "spread")
    pytree_aux_fields = ("interval", "steps")

    def __init__(
        self,
        network: Any,
        observe: Any,
        scale: Any,
        spread: Any,
        shape: tuple[int, int],
        interval: float,
        steps: int,
    ):
        self.network = network
        self.observe = observe
        self.scale = scale
        self.spread = spread
        self.interval = interval
        self.steps = steps
        super().__init__((shape[0],), (shape[1],), validate_args=False)

    def state_space(self) -> StateSpace:
        """The network as one vector of states."""
        network, shape = self.network, self.network.initial.shape
        dtype = jnp.result_type(float)

        def seen(t: Array, x: Array) -> Array:
            return self.observe(
                undelayed_trajectory(network, x.reshape(1, *shape), jnp.asarray(t)[None], self.interval)
            ).values[0]

        rows = jnp.asarray(network.noisy_rows)
        power = network.noise.spectrum(jnp.zeros(1), (len(rows), shape[1]))[0]
        gate = network.noise_gate
        noise = (
            jnp.zeros(shape, dtype).at[rows].set(power if gate is None else power * jnp.asarray(gate) ** 2)
        )
        initial = jnp.asarray(network.initial, dtype)
        return StateSpace(
            lambda t, x: network.drift(t, x.reshape(shape)).ravel(),
            seen,
            noise.ravel(),
            jnp.broadcast_to(jnp.asarray(self.scale, dtype), self.event_shape),
            initial.ravel(),
            jnp.diag(jnp.broadcast_to(jnp.asarray(self.spread, dtype), shape).ravel() ** 2),
            self.interval / self.steps,
            self.steps,
        )

    def filtered(self, value: Float[Array, "time channel"]) -> Filtered:
        """All that the filter knows, sample by sample."""
        return filtered(self.state_space(), value)

    def log_prob(self, value: Float[Array, "time channel"]) -> Float[Array, " time"]:
        """Log density of each sample given those before it."""
        return filtered(self.state_space(), value, keep=False).log_density

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*draws time channel"]:
        """Draw recordings: a path of the network, nothing linearised, and measurement noise."""
        model = self.state_space()

        def course(key: Array) -> Array:
            begin, path, error = jax.random.split(key, 3)
            start = model.mean + jnp.sqrt(jnp.diag(model.covariance)) * jax.random.normal(
                begin, model.mean.shape, model.mean.dtype
            )
            kick = jnp.sqrt(model.noise * model.step)

            def step(carry: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], None]:
                x, t = carry
                return (
                    model.flow(t, x) + kick * jax.random.normal(key, x.shape, x.dtype),
                    t + model.step,
                ), None

            def sample(carry: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], Array]:
                carry, _ = jax.lax.scan(step, carry, jax.random.split(key, model.steps))
                return carry, model.seen(carry[1], carry[0])

            _, clean = jax.lax.scan(
                sample, (start, jnp.zeros((), start.dtype)), jax.random.split(path, self.batch_shape[0])
            )
            return clean + model.scale * jax.random.normal(error, clean.shape, clean.dtype)

        keys = jax.random.split(key, sample_shape)
        for _ in sample_shape:
            course = jax.vmap(course)
        return course(keys)
