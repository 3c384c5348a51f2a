"""Hand-written `lax.scan`: the ring buffer with a gather at every step that simulators use, and the same
network without delays, the limit.
"""

import jax
import jax.numpy as jnp
import numpy as np

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, STEP, Problem, Task, loss
from ..reference import Scheme
from ..work import UnsupportedError, Work

PACKAGES = ("jax",)


def build(task: Task, variant: str) -> Work:
    if task.kind == "speed":
        raise UnsupportedError("rounded delays have no gradient" if variant == "ring" else "no delays")
    problem = Problem(task)
    delayed = variant == "ring"
    weights, strength = (
        jnp.asarray(problem.weights, jnp.float32),
        jnp.asarray(problem.weights.sum(1), jnp.float32),
    )
    delays, past = problem.whole_delays, int(problem.whole_delays.max()) + 1
    n, sources = task.regions, np.arange(task.regions)[None, :]
    sent = {"MPR": 1, "Hopf": 2, "Hopf-x": 1}[task.problem]
    start = jnp.asarray(problem.initial, jnp.float32)

    def drift(y, regional, c):
        if task.problem == "MPR":
            r, v = y
            return jnp.stack([1 / jnp.pi + 2 * r * v, v**2 + regional + 15 * r - (jnp.pi * r) ** 2 + c[0]])
        x, z = y
        growth = regional - x**2 - z**2
        c = c if sent == 2 else jnp.concatenate([c, jnp.zeros((1, n))])
        return jnp.stack([growth * x - OMEGA * z, growth * z + OMEGA * x]) + c

    def coupling(G, total, y):
        return G * (total if task.problem == "MPR" else total - strength * y[:sent])

    def gathered(buffer, m):
        return jnp.sum(weights * buffer[(m - delays) % past, :, sources].transpose(2, 0, 1), axis=2)

    def simulate(regional, G, steps, noise, every):
        drawn = (
            STEP**0.5 * SIGMA * jax.random.normal(jax.random.key(0), (steps, 2, n))
            if noise
            else jnp.zeros((steps, 1, 1))
        )

        def step(carry, inputs):
            y, buffer = carry
            m, increment = inputs
            c = coupling(G, gathered(buffer, m) if delayed else y[:sent] @ weights.T, y)
            k = STEP * drift(y, regional, c)
            ahead = y + k + increment
            if not delayed:
                c = coupling(G, ahead[:sent] @ weights.T, ahead)
            y = y + 0.5 * (k + STEP * drift(ahead, regional, c)) + increment
            buffer = buffer.at[(m + 1) % past].set(y[:sent]) if delayed else buffer
            return (y, buffer), None

        def kept(carry, inputs):
            carry, _ = jax.lax.scan(step, carry, inputs)
            return carry, carry[0]

        buffer = jnp.broadcast_to(start[:sent], (past, sent, n)) if delayed else None
        inputs = (jnp.arange(steps), drawn)
        return jax.lax.scan(
            kept, (start, buffer), jax.tree.map(lambda x: x.reshape(-1, every, *x.shape[1:]), inputs)
        )[1]

    scheme = Scheme(held=True) if delayed else Scheme(instant=True)
    at = jnp.asarray(problem.regional, jnp.float32), jnp.float32(problem.G)
    if task.kind == "forward":
        forward = jax.jit(lambda regional, G: simulate(regional, G, task.steps, True, EVERY))
        exact = jax.jit(lambda regional, G: simulate(regional, G, CHECKED, False, 1))
        return Work(lambda: jax.block_until_ready(forward(*at)), lambda: exact(*at), scheme)

    def make(steps, noise):
        return jax.jit(
            jax.value_and_grad(
                lambda regional, G: loss(simulate(regional, G, steps, noise, EVERY)[:, 0], 1), argnums=(0, 1)
            )
        )

    noisy, exact = make(task.steps, True), make(CHECKED, False)
    return Work(
        lambda: jax.block_until_ready(noisy(*at)), lambda: np.hstack(jax.tree.leaves(exact(*at)[1])), scheme
    )
