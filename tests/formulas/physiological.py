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


def wilson_cowan(p, y, c):
    E, I = y
    x_e = p["alpha_e"] * (p["c_ee"] * E - p["c_ei"] * I + p["P"] - p["theta_e"] + c[0])
    x_i = p["alpha_i"] * (p["c_ie"] * E - p["c_ii"] * I + p["Q"] - p["theta_i"])
    s_e = p["c_e"] * (sigma(p["a_e"] * (x_e - p["b_e"])) - sigma(-p["a_e"] * p["b_e"]))
    s_i = p["c_i"] * (sigma(p["a_i"] * (x_i - p["b_i"])) - sigma(-p["a_i"] * p["b_i"]))
    return [(-E + (p["k_e"] - p["r_e"] * E) * s_e) / p["tau_e"], (-I + (p["k_i"] - p["r_i"] * I) * s_i) / p["tau_i"]]


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
    models.WongWangExcInh: wong_wang_exc_inh,
}
