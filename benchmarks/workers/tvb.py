"""The Virtual Brain: its reference loop (NumPy) and its numba backend, in double precision.

The backend knows one model, Montbrió–Pazó–Roxin. It compiles at every `run_sim`; here it is made to keep what
it compiled. Its Raw monitor keeps all steps, and the reference's keeps those asked for.
"""

import numpy as np
from tvb.datatypes.connectivity import Connectivity
from tvb.simulator import coupling, integrators, models, monitors, noise, simulator
from tvb.simulator.backend.nb_mpr import NbMPRBackend

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, SPEED, STEP, Problem, Task
from ..reference import Scheme
from ..work import UnsupportedError, Work

PACKAGES = ("tvb-library", "numba", "numpy")


def build(task: Task, variant: str) -> Work:
    if task.kind != "forward":
        raise UnsupportedError("no gradients")
    is_numba = variant == "numba"
    if is_numba and task.problem != "MPR":
        raise UnsupportedError("the numba backend has no Hopf model")
    if task.problem == "Hopf-x":
        raise UnsupportedError("its Hopf model is coupled through x and y: see Hopf")
    problem = Problem(task)

    def make(steps, sigma, every):

        n = task.regions
        connectivity = Connectivity(
            weights=problem.weights,
            tract_lengths=problem.lengths,
            speed=np.array([SPEED]),
            region_labels=np.array([str(i) for i in range(n)]),
            centres=np.zeros((n, 3)),
        )
        connectivity.configure()
        connectivity.set_idelays(STEP)
        if task.problem == "MPR":
            model, joined = (
                models.MontbrioPazoRoxin(eta=problem.regional),
                coupling.Linear(a=np.array([problem.G]), b=np.array([0.0])),
            )
        else:
            model, joined = (
                models.SupHopf(a=problem.regional, omega=np.array([OMEGA])),
                coupling.Difference(a=np.array([problem.G])),
            )
        # TVB's amplitude D is σ²/2.
        drawn = noise.Additive(nsig=np.full(2, 0.5 * sigma**2), noise_seed=1)
        # The numba backend has the stochastic integrator only; without noise its amplitude is zero.
        integrator = (
            integrators.HeunStochastic(dt=STEP, noise=drawn)
            if sigma or is_numba
            else integrators.HeunDeterministic(dt=STEP)
        )
        simulation = simulator.Simulator(
            connectivity=connectivity,
            model=model,
            coupling=joined,
            integrator=integrator,
            monitors=(monitors.Raw() if every == 1 else monitors.SubSample(period=every * STEP),),
            initial_conditions=np.broadcast_to(
                problem.initial[None, :, :, None], (connectivity.horizon, 2, n, 1)
            ).copy(),
            simulation_length=steps * STEP,
        )
        model.variables_of_interest = model.state_variables
        return simulation.configure()

    def run(simulation, steps):
        if not is_numba:
            return simulation.run()[0][1][:, :, :, 0]
        return backend.run_sim(simulation, nstep=steps)[0][1][:, :, :, 0]

    backend = NbMPRBackend()
    compiled = []
    build_py_func = backend.build_py_func

    def build_once(*args, **options):
        if not compiled:
            compiled.append(build_py_func(*args, **options))
        return compiled[0]

    backend.build_py_func = build_once
    noisy = make(task.steps, SIGMA, 1 if is_numba else EVERY)
    return Work(
        lambda: run(noisy, task.steps),
        lambda: run(make(CHECKED, 0.0, 1), CHECKED),
        Scheme(held=not is_numba),
        keeps="every step" if is_numba else "every 10th step",
        note="float64",
    )
