"""Exact mean fields of spiking neurons, and what follows from them, in plain NumPy."""

import numpy as np

from nmm_infer import models


def montbrio_pazo_roxin(p, y, c):
    r, V = y
    tau = p["tau"]
    return [
        (p["Delta"] / (np.pi * tau) + 2 * r * V) / tau,
        (V**2 + p["eta"] + p["J"] * tau * r + p["I"] + p["cr"] * c[0] + p["cv"] * c[1] - (np.pi * tau * r) ** 2) / tau,
    ]


FORMULAS = {
    models.MontbrioPazoRoxin: montbrio_pazo_roxin,
}
