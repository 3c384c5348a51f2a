"""tvboptim with two of its three history buffers (the third, `preallocated`, was never the fastest).

Fixed delays are read at the nearest step, differentiable ones by linear interpolation. Its Hopf model
takes two coupling inputs, but the couplings that ship return one: two take a subclass.
"""

import jax
import jax.numpy as jnp
import numpy as np
from tvboptim.experimental.network_dynamics import Network, prepare
from tvboptim.experimental.network_dynamics.coupling import DelayedDifferenceCoupling, DelayedLinearCoupling
from tvboptim.experimental.network_dynamics.dynamics.tvb import MontbrioPazoRoxin, SupHopf
from tvboptim.experimental.network_dynamics.graph import DenseDelayGraph, DenseLengthGraph
from tvboptim.experimental.network_dynamics.noise import AdditiveNoise
from tvboptim.experimental.network_dynamics.solvers import Heun

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, SPEED, STEP, Problem, Task, loss
from ..reference import Scheme
from ..work import UnsupportedError, Work

PACKAGES = ("tvboptim", "jax")


class DelayedDifferenceCoupling2(DelayedDifferenceCoupling):
    N_OUTPUT_STATES = 2


def build(task: Task, variant: str) -> Work:
    if task.problem == "Hopf-x":
        raise UnsupportedError("its Hopf model is coupled through x and y: see Hopf")
    problem = Problem(task)
    is_mpr, by_speed = task.problem == "MPR", task.kind == "speed"
    options = {
        "buffer_strategy": variant,
        "history_interpolation": "linear" if by_speed else None,
        "G": problem.G,
    }
    if is_mpr:
        # One channel for the model's two inputs: the second would read the first again, but its gain `cv` is
        # 0.
        coupling = DelayedLinearCoupling(incoming_states=["r"], **options)
    else:
        coupling = DelayedDifferenceCoupling2(incoming_states=["x", "y"], local_states=["x", "y"], **options)
    weights = jnp.asarray(problem.weights, jnp.float32)
    if by_speed:
        longest = problem.lengths.max() / SPEED
        graph = DenseLengthGraph(
            weights, jnp.asarray(problem.lengths, jnp.float32), speed=SPEED, max_delay_bound=1.1 * longest
        )
    else:
        graph = DenseDelayGraph(weights, jnp.asarray(problem.delays * STEP, jnp.float32))

    def prepared(steps, noise):
        model = (
            MontbrioPazoRoxin(eta=jnp.asarray(problem.regional, jnp.float32))
            if is_mpr
            else SupHopf(a=jnp.asarray(problem.regional, jnp.float32), omega=OMEGA)
        )
        network = Network(
            model,
            {"delayed": coupling},
            graph,
            noise=AdditiveNoise(sigma=SIGMA, key=jax.random.key(0)) if noise else None,
        )
        solve, config = prepare(network, Heun(), t0=0.0, t1=steps * STEP, dt=STEP)
        start = jnp.asarray(problem.initial, jnp.float32)
        config.initial_state.dynamics = start
        state = config.initial_state.coupling.delayed
        state.history = jnp.broadcast_to(start[None, : state.history.shape[1]], state.history.shape)

        def values(regional, G, speed):
            at = config.copy()
            at.dynamics[("eta" if is_mpr else "a")] = regional
            at.coupling.delayed.G = G
            if by_speed:
                at.graph.speed = speed
            return solve(at).ys[:steps]

        return values

    at = jnp.asarray(problem.regional, jnp.float32), jnp.float32(problem.G), jnp.float32(SPEED)
    # Only what is interpolated is shifted, and only what reads no local state.
    scheme = Scheme(held=True, shift=0.5 if by_speed and is_mpr else 0.0)
    noisy, exact = prepared(task.steps, True), prepared(CHECKED, False)
    if task.kind == "forward":
        forward, check = jax.jit(lambda *at: noisy(*at)[EVERY - 1 :: EVERY]), jax.jit(exact)
        return Work(lambda: jax.block_until_ready(forward(*at)), lambda: check(*at), scheme)
    wanted = (2,) if by_speed else (0, 1)
    noisy_gradient, exact_gradient = (
        jax.jit(jax.value_and_grad(lambda *at, values=values: loss(values(*at)[:, 0]), argnums=wanted))
        for values in (noisy, exact)
    )
    return Work(
        lambda: jax.block_until_ready(noisy_gradient(*at)), lambda: np.hstack(exact_gradient(*at)[1]), scheme
    )
