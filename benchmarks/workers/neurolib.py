"""neurolib: its Hopf model, compiled by numba, in double precision.

It has no Montbrió–Pazó–Roxin model, couples Hopf regions through x alone and takes one `a` for all of
them; its steps are Euler's, and its noise is coloured and reaches the states as an input.
"""

import numpy as np
from neurolib.models.hopf import HopfModel

from ..problem import CHECKED, EVERY, OMEGA, SIGMA, SPEED, STEP, Problem, Task
from ..reference import Scheme
from ..work import UnsupportedError, Work

PACKAGES = ("neurolib", "numba")


def build(task: Task, variant: str) -> Work:
    if task.problem == "MPR":
        raise UnsupportedError("no Montbrió–Pazó–Roxin model")
    if task.problem == "Hopf":
        raise UnsupportedError("couples x only: see Hopf-x")
    if task.kind != "forward":
        raise UnsupportedError("no gradient with respect to model parameters")
    problem = Problem(task)

    def model(steps, sigma):
        hopf = HopfModel(Cmat=problem.weights, Dmat=problem.lengths, seed=1)
        hopf.params.update(
            {
                "duration": steps * STEP,
                "dt": STEP,
                "coupling": "diffusive",
                "signalV": SPEED,
                "K_gl": problem.G,
                "a": float(problem.regional[0]),
                "w": OMEGA,
                "sigma_ou": sigma,
                "xs_init": problem.initial[0][:, None],
                "ys_init": problem.initial[1][:, None],
            }
        )
        return hopf

    noisy = model(task.steps, SIGMA)
    noisy.params["sampling_dt"] = EVERY * STEP

    def check():
        quiet = model(CHECKED, 0.0)
        quiet.run()
        return np.stack([quiet.outputs.x.T, quiet.outputs.y.T], axis=1)

    return Work(noisy.run, check, Scheme(euler=True), note="coloured noise, float64")
