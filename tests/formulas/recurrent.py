"""Nodes of recurrent networks in plain NumPy."""

import numpy as np

from nmm_infer import models


def horn(p, y, c):
    x, v = y
    return [v, p["alpha"] * np.tanh(c[0] + p["kappa"] * x) - p["omega"] ** 2 * x - 2 * p["gamma"] * v]


FORMULAS = {
    models.HORN: horn,
}
