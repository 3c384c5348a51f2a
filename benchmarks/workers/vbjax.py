"""vbjax: the user writes the drift, and `make_sdde` steps it over a buffer whose tail holds the noise.

Its delay helper multiplies by the transpose of what it is given, so it is given `weights[from, to]`.
Long runs go in chunks (`make_continuation`), because the whole buffer is the state of the loop.
A clean installation lacks tqdm, which it imports.
"""

import jax
import jax.numpy as jnp
import numpy as np
import vbjax as vb

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, STEP, Problem, Task, loss
from ..work import UnsupportedError, Work

PACKAGES = ("vbjax", "jax")
CHUNK = 100  # steps; the fastest of 100, 250, 1000 and 10000, which copy ever longer buffers


def build(task: Task, variant: str) -> Work:
    if task.kind == "speed":
        raise UnsupportedError("delays are rounded down to steps: no gradient")
    if task.problem == "Hopf-x":
        raise UnsupportedError("see Hopf")
    problem = Problem(task)
    # With a step of 1 and a speed of 1 the helper takes lengths for steps, and rounds nothing.
    helper = vb.make_delay_helper(
        jnp.asarray(problem.weights.T, jnp.float32),
        jnp.asarray(problem.whole_delays, jnp.float32),
        dt=1.0,
        v_c=1.0,
    )
    past = int(problem.whole_delays.max())
    strength = jnp.asarray(problem.weights.sum(axis=1), jnp.float32)

    def drift(buffer, y, t, parameters):
        regional, G = parameters
        arrived = vb.delay_apply(helper, t, buffer)
        if task.problem == "MPR":
            return vb.mpr_dfun(y, G * arrived, vb.mpr_default_theta._replace(eta=regional))
        x, z = y
        growth = regional - x**2 - z**2
        c = G * (arrived - strength * y)
        return jnp.stack([growth * x - OMEGA * z + c[0], growth * z + OMEGA * x + c[1]])

    def start(steps, noise):
        drawn = (
            jax.random.normal(jax.random.key(0), (steps, 2, task.regions))
            if noise
            else jnp.zeros((steps, 2, task.regions))
        )
        return jnp.concatenate(
            [jnp.broadcast_to(jnp.asarray(problem.initial, jnp.float32), (past + 1, 2, task.regions)), drawn]
        )

    at = jnp.asarray(problem.regional, jnp.float32), jnp.float32(problem.G)
    _, loop = vb.make_sdde(STEP, past, drift, SIGMA)
    _, quiet = vb.make_sdde(STEP, past, drift, 0.0)
    if task.kind == "forward":
        chunk = min(CHUNK, task.steps)
        further = vb.make_continuation(loop, chunk, past, task.regions, 2)
        keys = jax.random.split(jax.random.key(1), task.steps // chunk)
        first = jax.jit(lambda: start(chunk, True))

        def run():
            buffer, kept = first(), []
            for key in keys:
                buffer, states = further(buffer, at, key)
                kept.append(states[EVERY - 1 :: EVERY])
            return jax.block_until_ready(kept)

        check = jax.jit(lambda *at: quiet(start(CHECKED, False), at)[1])
        return Work(run, lambda: check(*at), note=f"in chunks of {chunk} steps")

    noisy = jax.jit(
        jax.value_and_grad(lambda *at: loss(loop(start(task.steps, True), at)[1][:, 0]), argnums=(0, 1))
    )
    exact = jax.jit(
        jax.value_and_grad(lambda *at: loss(quiet(start(CHECKED, False), at)[1][:, 0]), argnums=(0, 1))
    )
    return Work(lambda: jax.block_until_ready(noisy(*at)), lambda: np.hstack(exact(*at)[1]))
