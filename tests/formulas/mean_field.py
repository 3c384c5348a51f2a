"""Exact mean fields of spiking neurons, and what follows from them, in plain NumPy.

The quadratic integrate-and-fire models are written with the complex W = π τ r + i V, for which τ W' = Δ + i
(drive) - i W².
"""

import numpy as np
from scipy.stats import norm

from nmm_infer import models


def quadratic(r, V, tau, Delta, drive, conductance=0.0):
    """[r', V'] of one population; a conductance g pulls W towards 0 with rate g."""
    W = np.pi * tau * r + 1j * V
    dW = (Delta + 1j * drive - 1j * W**2 - conductance * W) / tau
    return [dW.real / (np.pi * tau), dW.imag]


def montbrio_pazo_roxin(p, y, c):
    r, V = y
    tau = p["tau"]
    return [
        (p["Delta"] / (np.pi * tau) + 2 * r * V) / tau,
        (
            V**2
            + p["eta"]
            + p["J"] * tau * r
            + p["I"]
            + p["cr"] * c[0]
            + p["cv"] * c[1]
            - (np.pi * tau * r) ** 2
        )
        / tau,
    ]


def coombes_byrne(p, y, c):
    g = p["k"] * np.pi * y[0]
    return quadratic(*y, 1.0, p["Delta"], p["eta"] + p["v_syn"] * g + c[0], g)


def coombes_byrne_4d(p, y, c):
    r, V, g, q = y
    dg = p["alpha"] * q
    return [
        *quadratic(r, V, 1.0, p["Delta"], p["eta"] + p["v_syn"] * g + c[0], g),
        dg,
        p["alpha"] * (p["k"] * np.pi * r - g) - 2 * dg,
    ]


def gast_schmidt_knosche(depression, current):
    """The adaptation weakens synapses (`depression`) or is a current (`current`)."""

    def formula(p, y, c):
        r, V, A, B = y
        drive = (
            p["eta"]
            + p["I"]
            + p["J"] * p["tau"] * r * (1 - depression * A)
            - current * A
            + p["cr"] * c[0]
            + p["cv"] * c[1]
        )
        dA = B / p["tau_A"]
        return [*quadratic(r, V, p["tau"], p["Delta"], drive), dA, (p["alpha"] * r - A) / p["tau_A"] - 2 * dA]

    return formula


def dumont_gutkin(p, y, c):
    r = {"e": y[0], "i": y[4]}
    s = dict(zip(("ee", "ei", "ie", "ii"), (y[2], y[3], y[6], y[7]), strict=True))
    remote = {"ee": c[0], "ie": p["Gamma"] * c[0], "ei": 0.0, "ii": 0.0}
    out = []
    for to, V in (("e", y[1]), ("i", y[5])):
        drive = p[f"eta_{to}"] + p[f"I_{to}"] + p[f"tau_{to}"] * (s[to + "e"] - s[to + "i"])
        out += quadratic(r[to], V, p[f"tau_{to}"], p[f"Delta_{to}"], drive)
        out += [(p[f"J_{to}{by}"] * r[by] + remote[to + by] - s[to + by]) / p["tau_s"] for by in "ei"]
    return out


# The threshold's coefficients in TVB (zerlaut.py, P_e and P_i), in V: for 1, v, s, n, v², s², n², v s, v n, s
# n.
THRESHOLD = {
    "e": np.fromstring(
        """-0.04983106            0.005063550882777035 -0.023470121807314552  0.0022951513725067503 -0.0004105302652029825
            0.010547051343547399 -0.03659252821136933   0.007437487505797858  0.001265064721846073 -0.04072161294490446""",
        sep=" ",
    ),
    "i": np.fromstring(
        """-0.05149122024209484    0.004003689190271077 -0.008352013668528155  0.0002414237992765705 -0.0005070645080016026
            0.0014345394104282397 -0.014686689498949967  0.004502706285435741  0.0028472190352532454 -0.015357804594594548""",
        sep=" ",
    ),
}


def zerlaut(p, y, c):
    E, I, W_e, W_i, ou = y
    number = p["N_tot"] * np.stack([(1 - p["g"]) * p["p_connect_e"], p["g"] * p["p_connect_i"]])
    Q, tau, reversal = (np.stack([p[f"{name}_e"], p[f"{name}_i"]]) for name in ("Q", "tau", "E"))
    noise = np.clip(c[0] + p["weight_noise"] * ou, 0, None)
    rates, adaptation = [], []
    for x, own, W, external in (("e", E, W_e, "ex"), ("i", I, W_i, "in")):
        outside = np.stack(
            [
                (noise + p[f"external_input_{external}_ex"]) * p["K_ext_e"],
                p[f"external_input_{external}_in"] * p["K_ext_i"],
            ]
        )
        arriving = number * np.stack([E + 1e-6, I + 1e-6]) + outside
        conductance = Q * tau * arriving
        total = p["g_L"] + conductance.sum(axis=0)
        leak = p[f"E_L_{x}"]
        mu = ((conductance * reversal).sum(axis=0) + p["g_L"] * leak - W) / total
        step = Q * tau * (reversal - mu) / total  # ms mV: area of a postsynaptic potential
        weight = arriving * step**2
        decay = weight / (tau + p["C_m"] / total)
        sigma, T_V = np.sqrt(decay.sum(axis=0) / 2), weight.sum(axis=0) / decay.sum(axis=0)
        v, s, n = mu / 10 + 6, (sigma - 4) / 6, T_V * p["g_L"] / p["C_m"] - 0.5
        threshold = 1000 * np.tensordot(
            THRESHOLD[x], np.stack([np.ones_like(v), v, s, n, v * v, s * s, n * n, v * s, v * n, s * n]), 1
        )
        rates.append((norm.sf((threshold - mu) / sigma) / T_V - own) / p["T"])
        adaptation.append(p[f"b_{x}"] * own - (W - p[f"a_{x}"] * (mu - leak)) / p[f"tau_w_{x}"])
    return [*rates, *adaptation, -ou / p["tau_OU"]]


FORMULAS = {
    models.CoombesByrne: coombes_byrne,
    models.CoombesByrne4D: coombes_byrne_4d,
    models.DumontGutkin: dumont_gutkin,
    models.GastSchmidtKnoscheSD: gast_schmidt_knosche(depression=1, current=0),
    models.GastSchmidtKnoscheSFA: gast_schmidt_knosche(depression=0, current=1),
    models.MontbrioPazoRoxin: montbrio_pazo_roxin,
    models.Zerlaut: zerlaut,
}
