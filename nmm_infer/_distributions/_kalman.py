"""The extended Kalman filter and the smoother that goes with it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

type Vector = Float[Array, " state"]
type Matrix = Float[Array, "state state"]

# Samples between two points where the backward pass starts again, for long recordings; shorter ones keep
# everything.
FRAME = 256
# Numbers of the covariances of all samples, up to which everything is kept.
KEPT = 2_000_000


class StateSpace(NamedTuple):
    """x' = f(t, x) + white noise, seen every `interval` with independent noise.

    Fields:
        drift: f(t, x), all states of all regions as one vector.
        seen: h(t, x), what is measured without noise.
        noise: power density of the noise of each state.
        scale: standard deviation of the measurement noise of each channel.
        mean, covariance: of the state at t = 0.
        step, steps: length of a step in ms, and steps between samples.
    """

    drift: Callable[[Array, Vector], Vector]
    seen: Callable[[Array, Vector], Float[Array, " channel"]]
    noise: Vector
    scale: Float[Array, " channel"]
    mean: Vector
    covariance: Matrix
    step: float
    steps: int

    def flow(self, t: Array, x: Vector) -> Vector:
        """One step without noise, by the classical Runge–Kutta method."""
        h = self.step
        k1 = self.drift(t, x)
        k2 = self.drift(t + h / 2, x + h / 2 * k1)
        k3 = self.drift(t + h / 2, x + h / 2 * k2)
        k4 = self.drift(t + h, x + h * k3)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


class Filtered(NamedTuple):
    """What a filter knows at every sample.

    Fields:
        log_density: of each sample given those before it.
        mean, covariance: of the state, given the samples up to this one.
        ahead, spread, onward: mean and covariance before this sample was seen, and the derivative of the
            state by that of one sample before.
    """

    log_density: Float[Array, " time"]
    mean: Float[Array, "time state"]
    covariance: Float[Array, "time state state"]
    ahead: Float[Array, "time state"]
    spread: Float[Array, "time state state"]
    onward: Float[Array, "time state state"]


def filtered(model: StateSpace, data: Float[Array, "time channel"], *, keep: bool = True) -> Filtered:
    """One pass over the data (Jazwinski 1970, ch. 8): the state is Gaussian, and f and h are linear across
    its width.

    Args:
        keep: whether states and covariances are given at all; without them memory does not grow with them.
    """

    def sample(
        carry: tuple[Vector, Matrix, Array], y: Float[Array, " channel"]
    ) -> tuple[tuple[Vector, Matrix, Array], Filtered]:
        mean, covariance, t = carry
        ahead, spread, onward, t = _predicted(model, mean, covariance, t)
        mean, covariance, log_density = _updated(model, t, ahead, spread, y)
        known = Filtered(log_density, mean, covariance, ahead, spread, onward)
        return (mean, covariance, t), (
            known
            if keep
            else known._replace(mean=None, covariance=None, ahead=None, spread=None, onward=None)
        )

    start = (model.mean, model.covariance, jnp.zeros((), model.mean.dtype))
    n, size = data.shape[0], model.mean.shape[0]
    if n * size**2 <= KEPT:
        return jax.lax.scan(sample, start, data)[1]

    @jax.checkpoint
    def frame(carry, rows):
        return jax.lax.scan(sample, carry, rows)

    whole = n // FRAME * FRAME
    carry, known = jax.lax.scan(frame, start, data[:whole].reshape(-1, FRAME, data.shape[1]))
    _, rest = jax.lax.scan(sample, carry, data[whole:])
    return jax.tree.map(lambda a, b: jnp.concatenate([a.reshape(whole, *a.shape[2:]), b]), known, rest)


def _predicted(
    model: StateSpace, mean: Vector, covariance: Matrix, t: Array
) -> tuple[Vector, Matrix, Matrix, Array]:
    """Mean and covariance one sample later, the derivative of the flow between, and the time."""

    identity = jnp.eye(mean.shape[0], dtype=mean.dtype)

    def one(carry, _):
        mean, covariance, onward, t = carry
        F, ahead = _slope(lambda x: model.flow(t, x), mean)
        # What the noise of the step adds, ∫ Φ Q Φᵀ ds, by Simpson's rule; Φ of half a step is the square root
        # of F, as a series.
        rest = F - identity
        half = identity + 0.5 * rest - 0.125 * times(rest, rest)
        share = model.step / 6.0 * model.noise
        middle = times(half * (4.0 * share), half.T)
        spread = times(times(F, covariance + jnp.diag(share)), F.T) + middle + jnp.diag(share)
        return (ahead, 0.5 * (spread + spread.T), times(F, onward), t + model.step), None

    carry = (mean, covariance, identity, t)
    carry, _ = jax.lax.scan(one, carry, length=model.steps, unroll=min(model.steps, 4))
    return carry


def _updated(
    model: StateSpace, t: Array, ahead: Vector, spread: Matrix, y: Float[Array, " channel"]
) -> tuple[Vector, Matrix, Array]:
    """Mean and covariance after a sample, and its log density. Noise is independent, so channels are taken
    one by one, which needs no matrix inverse.
    """
    H, predicted = _slope(lambda x: model.seen(t, x), ahead)

    def channel(carry, one):
        mean, covariance, log_density = carry
        h, error, scale = one
        error = error - h @ (mean - ahead)
        shared = (covariance * h).sum(axis=1)
        variance = h @ shared + scale**2
        gain = shared / variance
        log_density = log_density - 0.5 * (jnp.log(2 * jnp.pi * variance) + error**2 / variance)
        # Joseph's form, which stays positive: (I - k hᵀ) P (I - k hᵀ)ᵀ + k kᵀ s².
        covariance = (
            covariance - gain[:, None] * shared - shared[:, None] * gain + variance * gain[:, None] * gain
        )
        return (mean + gain * error, covariance, log_density), None

    start = (ahead, spread, jnp.zeros((), ahead.dtype))
    (mean, covariance, log_density), _ = jax.lax.scan(
        channel, start, (H, y - predicted, model.scale), unroll=min(H.shape[0], 8)
    )
    return mean, covariance, log_density


def smoothed(known: Filtered) -> tuple[Float[Array, "time state"], Float[Array, "time state state"]]:
    """Mean and covariance of the state at every sample given all of them (Rauch, Tung & Striebel 1965)."""

    def back(later, one):
        mean, covariance = later
        here, P, ahead, spread, onward = one
        G = jnp.linalg.solve(spread, onward @ P).T
        mean = here + G @ (mean - ahead)
        covariance = P + G @ (covariance - spread) @ G.T
        return (mean, covariance), (mean, covariance)

    last = (known.mean[-1], known.covariance[-1])
    before = (known.mean[:-1], known.covariance[:-1], known.ahead[1:], known.spread[1:], known.onward[1:])
    _, (means, covariances) = jax.lax.scan(back, last, before, reverse=True)
    return jnp.concatenate([means, last[0][None]]), jnp.concatenate([covariances, last[1][None]])


def _slope(
    function: Callable[[Array], Array], x: Vector
) -> tuple[Float[Array, "out state"], Float[Array, " out"]]:
    """Derivative and value."""
    value, push = jax.linearize(function, x)
    return jax.vmap(push, out_axes=1)(jnp.eye(x.shape[0], dtype=x.dtype)), value


def times(a: Float[Array, "i j"], b: Float[Array, "j k"]) -> Float[Array, "i k"]:
    """The product of two matrices; of small ones as a sum that the compiler joins with what is around it,
    which a call of a library forbids.
    """
    return (a[:, :, None] * b[None]).sum(axis=1) if a.shape[1] <= 4 else a @ b
