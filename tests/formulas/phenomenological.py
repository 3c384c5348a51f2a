"""Phenomenological models in plain NumPy."""

import numpy as np

from nmm_infer import models


def generic_2d_oscillator(p, y, c):
    V, W = y
    return [
        p["d"] * p["tau"] * (p["alpha"] * W - p["f"] * V**3 + p["e"] * V**2 + p["g"] * V + p["gamma"] * p["I"] + p["gamma"] * c[0]),
        p["d"] / p["tau"] * (p["a"] + p["b"] * V + p["c"] * V**2 - p["beta"] * W),
    ]


def hopf(p, y, c):
    z = y[0] + 1j * y[1]
    dz = (p["a"] + 1j * p["omega"] - p["beta"] * np.abs(z) ** 2) * z + c[0] + 1j * c[1]
    return [dz.real, dz.imag]


FORMULAS = {
    models.Generic2dOscillator: generic_2d_oscillator,
    models.Hopf: hopf,
    models.LeakyIntegrator: lambda p, y, c: [(-y[0] + p["I"] + c[0]) / p["tau"]],
    models.Linear: lambda p, y, c: [p["gamma"] * y[0] + c[0]],
}
