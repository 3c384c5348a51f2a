"""A plain Runge–Kutta loop, so that what a model does is not a matter of our solver, and what one reads off
its run.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


@eqx.filter_jit
def rk4(model, y, step, n, every):
    """A plain Runge–Kutta loop, uncoupled; one state for each `every` steps."""
    c = jnp.zeros((len(model.ports), y.shape[1]))

    def f(y):
        return model.drift(jnp.zeros(()), y, c)

    def one(_, y):
        k1 = f(y)
        k2 = f(y + step / 2 * k1)
        k3 = f(y + step / 2 * k2)
        k4 = f(y + step * k3)
        return y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def keep(y, _):
        y = jax.lax.fori_loop(0, every, one, y)
        return y, y

    return jax.lax.scan(keep, y, None, length=n // every)[1]


def run(model, y, duration, step, sample_every):
    """Trajectory ["time state region"] sampled every `sample_every` ms."""
    y = jnp.asarray(y, dtype=jnp.float64)
    return np.asarray(rk4(model, y, step, round(duration / step), round(sample_every / step)))


def upward_crossings(signal, level, sample_every):
    """Times (ms) at which the signal rises through `level`, interpolated."""
    below = (signal[:-1] < level) & (signal[1:] >= level)
    first = np.flatnonzero(below)
    return (first + (level - signal[first]) / (signal[first + 1] - signal[first])) * sample_every
