"""brainmass: its models, couplings and delays, wired by hand.

Its `Network` couples one variable into a model's first input, which for the Montbrió–Pazó–Roxin model is r'.
So the same parts (a delayed prefetch, a coupling, a model) are put together here as its `Network` does it,
with the input that the task asks for.
"""

import brainmass
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, STEP, Problem, Task, loss
from ..reference import Scheme
from ..work import UnsupportedError, Work

PACKAGES = ("brainmass", "brainstate", "jax")


class Wired(brainstate.nn.Module):
    """A model whose inputs are couplings, by name."""

    def __init__(self, node, couplings):
        super().__init__()
        self.node = node
        self.names = tuple(couplings)
        self.couplings = list(couplings.values())

    def update(self):
        return self.node(
            **{name: coupling() for name, coupling in zip(self.names, self.couplings, strict=True)}
        )


def build(task: Task, variant: str) -> Work:
    if task.kind == "speed":
        raise UnsupportedError("delays are fixed when the network is built")
    problem = Problem(task)
    brainstate.environ.set(dt=STEP * u.ms)
    is_mpr = task.problem == "MPR"
    n = task.regions
    initial = jnp.asarray(problem.initial, jnp.float32)
    weights = jnp.asarray(problem.weights, jnp.float32)
    delays = jnp.asarray(problem.delays * STEP, jnp.float32) * u.ms

    def wired(noise):
        regional = brainstate.nn.Param(jnp.asarray(problem.regional, jnp.float32))
        # Added to the input of a step, so that the state gets σ √dt.
        size = SIGMA / STEP**0.5
        white = [
            brainmass.GaussianNoise(n, sigma=size * unit) if noise else None
            for unit in ((u.kHz, 1.0) if is_mpr else (1.0, 1.0))
        ]
        values = [initial[0] * u.kHz if is_mpr else initial[0], initial[1]]
        starts = [lambda shape, value=value, **_: value for value in values]
        # Histories get their units from the states.
        past = [lambda shape, value=value, **_: jnp.broadcast_to(value, shape) for value in initial]
        index = np.tile(np.arange(n), (n, 1))
        if is_mpr:
            strength = brainstate.nn.Param(problem.G * u.ms)
            node = brainmass.MontbrioPazoRoxinStep(
                n,
                eta=regional,
                delta=1.0 * u.kHz,
                init_r=starts[0],
                init_v=starts[1],
                noise_r=white[0],
                noise_v=white[1],
                method="rk2",
            )
            couplings = {
                "v_inp": brainmass.AdditiveCoupling(
                    node.prefetch_delay("r", (delays, index), init=past[0]), weights, k=strength
                )
            }
        else:
            strength = brainstate.nn.Param(jnp.float32(problem.G))
            node = brainmass.HopfStep(
                n,
                a=regional,
                w=OMEGA,
                noise_x=white[0],
                noise_y=white[1],
                init_x=starts[0],
                init_y=starts[1],
                method="rk2",
            )
            couplings = {
                f"{name}_inp": brainmass.DiffusiveCoupling(
                    node.prefetch_delay(name, (delays, index), init=past[i]),
                    node.prefetch(name),
                    weights,
                    k=strength,
                )
                for i, name in enumerate("xy" if task.problem == "Hopf" else "x")
            }
        return Wired(node, couplings)

    names = ("r", "v") if is_mpr else ("x", "y")

    def states(network, steps, every):
        simulator = brainmass.Simulator(network, dt=STEP * u.ms)
        monitors = {name: lambda m, name=name: u.get_magnitude(getattr(m.node, name).value) for name in names}
        recorded = simulator.run(steps * STEP * u.ms, monitors=monitors, sample_every=every, jit=False)
        return jnp.stack([recorded[name] for name in names], axis=1)

    noisy, quiet = wired(True), wired(False)
    if task.kind == "forward":
        forward = brainstate.transform.jit(lambda: states(noisy, task.steps, None)[EVERY - 1 :: EVERY])
        return Work(
            lambda: jax.block_until_ready(forward()),
            lambda: brainstate.transform.jit(lambda: states(quiet, CHECKED, None))(),
            Scheme(held=True),
        )

    def gradient(network, steps):
        parameters = network.states(brainstate.ParamState)
        value_and_grad = brainstate.transform.grad(
            lambda: loss(states(network, steps, None)[:, 0]), parameters, return_value=True
        )
        return brainstate.transform.jit(value_and_grad)

    timed, exact = gradient(noisy, task.steps), gradient(quiet, CHECKED)

    def check():
        slopes = [
            np.atleast_1d(u.get_magnitude(slope))
            for slope in jax.tree.leaves(exact()[0], is_leaf=u.math.is_quantity)
        ]
        return np.hstack(sorted(slopes, key=np.size, reverse=True))

    return Work(lambda: jax.block_until_ready(timed()), check, Scheme(held=True))
