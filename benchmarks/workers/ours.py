"""nmm_infer, with its default adjoint, everything stored, or forward sensitivities."""

import jax
import jax.numpy as jnp
import numpy as np

import nmm_infer as nmm
from nmm_infer import adjoints, couplings, models, noises

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, SPEED, STEP, Problem, Task, loss
from ..work import UnsupportedError, Work

PACKAGES = ("nmm-infer", "jax", "diffrax")
ADJOINTS = {"default": None, "stored": adjoints.Stored(), "forward": adjoints.Forward()}


def build(task: Task, variant: str) -> Work:
    if variant == "forward" and task.kind != "speed":
        raise UnsupportedError("for gradients by a few numbers")
    problem = Problem(task)
    connectome = nmm.Connectome(problem.weights, problem.lengths)
    key = jax.random.key(0)

    def values(regional, G, speed, steps, noise, every):
        if task.problem == "MPR":
            model, coupling = models.MontbrioPazoRoxin(eta=regional), couplings.Additive(G=G)
        else:
            names = ("x", "y") if task.problem == "Hopf" else ("x",)
            model, coupling = (
                models.Hopf(a=regional, omega=OMEGA),
                couplings.Diffusive(G=G, source=names, port=names),
            )
        network = nmm.Network(
            model,
            connectome,
            coupling,
            speed=speed,
            speed_range=(0.9 * SPEED, 1.1 * SPEED) if task.kind == "speed" else None,
            noise=noises.Additive(sigma=SIGMA) if noise else None,
            initial=problem.initial,
        )
        return nmm.solve(
            network, steps * STEP, step=STEP, sample_every=every * STEP, key=key, adjoint=ADJOINTS[variant]
        ).values

    at = jnp.asarray(problem.regional, jnp.float32), jnp.float32(problem.G), jnp.float32(SPEED)
    if task.kind == "forward":
        forward = jax.jit(lambda regional, G: values(regional, G, SPEED, task.steps, True, EVERY))
        exact = jax.jit(lambda regional, G: values(regional, G, SPEED, CHECKED, False, 1))
        return Work(lambda: jax.block_until_ready(forward(*at[:2])), lambda: exact(*at[:2]))
    if task.kind == "gradient":

        def make(steps, noise):
            return jax.jit(
                jax.value_and_grad(
                    lambda regional, G: loss(values(regional, G, SPEED, steps, noise, EVERY)[:, 0], 1),
                    argnums=(0, 1),
                )
            )

        point = at[:2]
    else:

        def make(steps, noise):
            return jax.jit(
                jax.value_and_grad(lambda speed: loss(values(*at[:2], speed, steps, noise, EVERY)[:, 0], 1))
            )

        point = at[2:]
    noisy, exact = make(task.steps, True), make(CHECKED, False)
    return Work(
        lambda: jax.block_until_ready(noisy(*point)), lambda: np.hstack(jax.tree.leaves(exact(*point)[1]))
    )
