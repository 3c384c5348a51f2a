"""Phenomenological models in plain NumPy."""

import numpy as np

from nmm_infer import models


def generic_2d_oscillator(p, y, c):
    V, W = y
    return [
        p["d"]
        * p["tau"]
        * (
            p["alpha"] * W
            - p["f"] * V**3
            + p["e"] * V**2
            + p["g"] * V
            + p["gamma"] * p["I"]
            + p["gamma"] * c[0]
        ),
        p["d"] / p["tau"] * (p["a"] + p["b"] * V + p["c"] * V**2 - p["beta"] * W),
    ]


def hopf(p, y, c):
    z = y[0] + 1j * y[1]
    dz = (p["a"] + 1j * p["omega"] - p["beta"] * np.abs(z) ** 2) * z + c[0] + 1j * c[1]
    return [dz.real, dz.imag]


def fitzhugh_nagumo(p, y, c):
    V, W = y
    return [
        -p["alpha"] * V**3 + p["beta"] * V**2 + p["gamma"] * V - W + p["I"] + c[0],
        (V - p["delta"] - p["epsilon"] * W) / p["tau"],
    ]


def lorenz(p, y, c):
    return [
        p["sigma"] * (y[1] - y[0]) + c[0],
        y[0] * (p["rho"] - y[2]) - y[1],
        y[0] * y[1] - p["beta"] * y[2],
    ]


def threshold_linear(p, y, c):
    return [
        (-y[0] + p["beta_e"] * np.maximum(p["I_e"] + c[0], 0)) / p["tau_e"],
        (-y[1] + p["beta_i"] * np.maximum(p["I_i"], 0)) / p["tau_i"],
    ]


FORMULAS = {
    models.FitzHughNagumo: fitzhugh_nagumo,
    models.Generic2dOscillator: generic_2d_oscillator,
    models.Hopf: hopf,
    models.Kuramoto: lambda p, y, c: [p["omega"] + p["I"] + c[0]],
    models.LeakyIntegrator: lambda p, y, c: [(-y[0] + p["I"] + c[0]) / p["tau"]],
    models.Linear: lambda p, y, c: [p["gamma"] * y[0] + c[0]],
    models.Lorenz: lorenz,
    models.StuartLandau: lambda p, y, c: hopf(p | {"beta": 1.0}, y, c),
    models.ThresholdLinear: threshold_linear,
    models.VanDerPol: lambda p, y, c: [p["mu"] * (y[0] - y[0] ** 3 / 3 - y[1]) + c[0], y[0] / p["mu"]],
}
