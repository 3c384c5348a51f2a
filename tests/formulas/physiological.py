"""Populations of neurons in plain NumPy."""

import numpy as np

from nmm_infer import models


def sigma(x):
    return 0.5 * (1 + np.tanh(x / 2))


def jansen_rit(p, y, c):
    def S(v):
        return 2 * p["nu_max"] / (1 + np.exp(p["r"] * (p["v0"] - v)))

    A, B, a, b, J = (p[key] for key in ("A", "B", "a", "b", "J"))
    return [
        y[3],
        y[4],
        y[5],
        A * a * S(y[1] - y[2]) - 2 * a * y[3] - a**2 * y[0],
        A * a * (p["mu"] + p["a_2"] * J * S(p["a_1"] * J * y[0]) + c[0]) - 2 * a * y[4] - a**2 * y[1],
        B * b * p["a_4"] * J * S(p["a_3"] * J * y[0]) - 2 * b * y[5] - b**2 * y[2],
    ]


def transfer(x, a, b, d):
    return (a * x - b) / (1 - np.exp(-d * (a * x - b)))


def reduced_wong_wang(p, y, c):
    S = y[0]
    H = transfer(p["w"] * p["J_N"] * S + p["I_o"] + p["J_N"] * c[0], p["a"], p["b"], p["d"])
    return [-S / p["tau_s"] + (1 - S) * p["gamma"] * H]


RESPONSES = {
    models.ShiftedSigmoid: lambda x, a, b, c: c * (sigma(a * (x - b)) - sigma(-a * b)),
    models.Sigmoid: lambda x, a, b, c: c * sigma(a * (x - b)),
    models.Rectifier: lambda x, a, b, c: c * a * np.maximum(x - b, 0),
}


def one_population(p, s, activity, excitation, inhibition):
    """Drift of the population whose slots end in `_s`."""
    tau, a, b, c, theta, r, k, alpha = (
        p[f"{name}_{s}"] for name in ("tau", "a", "b", "c", "theta", "r", "k", "alpha")
    )
    net = (
        excitation - inhibition
        if isinstance(p["inhibition"], models.Subtractive)
        else excitation / (1 + inhibition)
    )
    return (
        -activity + (k - r * activity) * RESPONSES[type(p["response"])](alpha * (net - theta), a, b, c)
    ) / tau


def wilson_cowan(p, y, c, seen=None):
    (E, I), (E_seen, I_seen) = y, y if seen is None else seen
    return [
        one_population(p, "e", E, p["c_ee"] * E_seen + p["P"] + c[0], p["c_ei"] * I_seen),
        one_population(p, "i", I, p["c_ie"] * E_seen + p["Q"], p["c_ii"] * I_seen),
    ]


def core(p):
    return {key.removeprefix("core."): value for key, value in p.items() if key.startswith("core.")}


def wilson_cowan_adaptive(p, y, c):
    return [*wilson_cowan(core(p), y[:2], [c[0] - y[2]]), (p["b"] * y[0] - y[2]) / p["tau_a"]]


def wilson_cowan_delayed(p, y, c):
    E, I, chain_e, chain_i = y[0], y[1], y[2:6], y[6:10]
    return [
        *wilson_cowan(core(p), y[:2], c, seen=(chain_e[3], chain_i[3])),
        *(4 / p["d_e"] * (before - after) for before, after in zip((E, *chain_e[:3]), chain_e, strict=True)),
        *(4 / p["d_i"] * (before - after) for before, after in zip((I, *chain_i[:3]), chain_i, strict=True)),
    ]


def wilson_cowan_three_populations(p, y, c):
    E, PV, SOM = y
    q = core(p)
    return [
        one_population(q, "e", E, q["c_ee"] * E + q["P"] + c[0], q["c_ei"] * PV + p["c_es"] * SOM),
        one_population(q, "i", PV, q["c_ie"] * E + q["Q"] + c[1], q["c_ii"] * PV + p["c_is"] * SOM),
        one_population(p | q, "s", SOM, p["c_se"] * E + p["U"] + c[2], 0.0),
    ]


def wong_wang(p, y, c):
    S = np.stack(y)
    weights = [[p["J11"], -p["J12"]], [-p["J21"], p["J22"]]]
    drives = []
    for i, sign in enumerate((1, -1)):
        x = (
            weights[i][0] * S[0]
            + weights[i][1] * S[1]
            + p["J_A"] * p["mu0"] * (1 + sign * p["coherence"])
            + p["I_0"]
            + c[i]
        )
        drives.append(-S[i] / p["tau_s"] + (1 - S[i]) * p["gamma"] * transfer(x, p["a"], p["b"], p["d"]))
    return drives


def wong_wang_exc_inh(p, y, c):
    S_e, S_i = y
    x_e = p["w_p"] * p["J_N"] * S_e - p["J_i"] * S_i + p["W_e"] * p["I_o"] + p["J_N"] * c[0] + p["I_ext"]
    x_i = p["J_N"] * S_e - S_i + p["W_i"] * p["I_o"] + p["lamda"] * p["J_N"] * c[0]
    H_e, H_i = transfer(x_e, p["a_e"], p["b_e"], p["d_e"]), transfer(x_i, p["a_i"], p["b_i"], p["d_i"])
    return [-S_e / p["tau_e"] + (1 - S_e) * p["gamma_e"] * H_e, -S_i / p["tau_i"] + p["gamma_i"] * H_i]


FORMULAS = {
    models.JansenRit: jansen_rit,
    models.ReducedWongWang: reduced_wong_wang,
    models.WilsonCowan: wilson_cowan,
    models.WilsonCowanAdaptive: wilson_cowan_adaptive,
    models.WilsonCowanDelayed: wilson_cowan_delayed,
    models.WilsonCowanThreePopulations: wilson_cowan_three_populations,
    models.WongWang: wong_wang,
    models.WongWangExcInh: wong_wang_exc_inh,
}
