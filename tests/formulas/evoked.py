"""Models of epilepsy, evoked responses and rhythms in plain NumPy."""

import numpy as np

from nmm_infer import models


def logistic(x):
    return 1 / (1 + np.exp(-x))


def epileptor(p, y, c):
    x1, y1, z, x2, y2, g = y
    rest = x1 < 0
    fast = (-p["a"] * x1**2 + p["b"] * x1) * rest + (p["slope"] - x2 + 0.6 * (z - 4) ** 2) * ~rest
    slow = -z - 0.1 * z**7 * (z < 0) + 4 * x1 - 4 * p["x0"] + p["Ks"] * c[0]
    derivatives = [
        fast * x1 + y1 - z + p["Iext"] + p["Kvf"] * c[0],
        p["c"] - p["d"] * x1**2 - y1,
        p["r"] * slow,
        x2 * (1 - x2**2) - y2 + p["Iext2"] + p["bb"] * g - 0.3 * z + 1.05 + p["Kf"] * c[1],
        (p["aa"] * np.maximum(x2 + 0.25, 0) - y2) / p["tau"],
        0.001 * x1 - 0.01 * g,
    ]
    return [p["tt"] * derivative for derivative in derivatives]


def epileptor_2d(p, y, c):
    """The full model with y1 = c - d x1² and without x2."""
    x1, z = y
    zero = np.zeros_like(x1)
    full = p | {"Iext2": 0.0, "tau": 1.0, "aa": 0.0, "bb": 0.0, "Kf": 0.0}
    derivatives = epileptor(full, (x1, p["c"] - p["d"] * x1**2, z, zero, zero, zero), (c[0], 0.0))
    return [derivatives[0], derivatives[2]]


def larter_breakspear(p, y, c):
    V, W, Z = y
    # (1 + tanh(x)) / 2 is a logistic of 2x.
    m = {ion: logistic(2 * (V - p[f"T{ion}"]) / p[f"d_{ion}"]) for ion in ("Ca", "Na", "K")}
    Q_V, Q_Z = (
        p["QV_max"] * logistic(2 * (V - p["VT"]) / p["d_V"]),
        p["QZ_max"] * logistic(2 * (Z - p["ZT"]) / p["d_Z"]),
    )
    local, remote = (1 - p["C"]) * p["aee"] * Q_V, p["C"] * p["aee"] * c[0]
    dV = p["ane"] * p["Iext"] - p["aie"] * Z * Q_Z - p["gL"] * (V - p["VL"]) - p["gK"] * W * (V - p["VK"])
    dV = (
        dV
        - (p["gCa"] + p["rNMDA"] * local + p["rNMDA"] * remote) * m["Ca"] * (V - p["VCa"])
        - (p["gNa"] * m["Na"] + local + remote) * (V - p["VNa"])
    )
    return [
        p["t_scale"] * dV,
        p["t_scale"] * p["phi"] * (m["K"] - W) / p["tau_K"],
        p["t_scale"] * p["b"] * (p["ani"] * p["Iext"] + p["aei"] * V * Q_V),
    ]


def synapse(v, slope, gain, tau, rate):
    """τ² v'' + 2 τ v' + v = gain τ rate, solved for v''."""
    return (gain * tau * rate - v - 2 * tau * slope) / tau**2


def erp(p, y, c):
    x1, x2, x3, x4, x5, x6, x7, x8, x9 = y
    e, i = (p["h_e"], p["tau_e"]), (p["h_i"], p["tau_i"])

    def S(v, slope):
        return 0.5 * np.tanh(0.28 * (v - p["delta"] * slope))

    pyramidal = S(x9, x5 - x6)
    return [
        x4,
        x5,
        x6,
        synapse(x1, x4, *e, p["g_1"] * pyramidal + p["u"] + c[0]),
        synapse(x2, x5, *e, p["g_2"] * S(x1, x4)),
        synapse(x3, x6, *i, p["g_4"] * S(x7, x8)),
        x8,
        synapse(x7, x8, *e, p["g_3"] * pyramidal),
        x5 - x6,
    ]


def zetterberg_jansen(p, y, c):
    v, slope = (y[0], y[2], y[4], y[6], y[8]), (y[1], y[3], y[5], y[7], y[9])

    def S(x):
        return p["e0"] * (1 + np.tanh(p["rho_1"] * (x - p["rho_2"]) / 2))

    pyramidal, stellate, interneurons, remote = S(v[1] - v[2]), S(v[0]), S(v[3] - v[4]), S(c[0])
    rates = (
        p["gamma_1"] * pyramidal + p["gamma_1T"] * (p["U"] + remote),
        p["gamma_2"] * stellate + p["gamma_2T"] * (p["P"] + remote),
        p["gamma_4"] * interneurons,
        p["gamma_3"] * pyramidal + p["gamma_3T"] * (p["Q"] + remote),
        p["gamma_5"] * interneurons,
    )
    excitatory, inhibitory = (p["He"], 1 / p["ke"]), (p["Hi"], 1 / p["ki"])
    curved = [
        synapse(v[n], slope[n], *kind, rates[n])
        for n, kind in enumerate((excitatory, excitatory, inhibitory, excitatory, inhibitory))
    ]
    # TVB's last equation pulls v5 back with ke² instead of ki².
    curved[4] += (p["ki"] ** 2 - p["ke"] ** 2) * v[4]
    pairs = [value for pair in zip(slope, curved, strict=True) for value in pair]
    return [*pairs, slope[1] - slope[2], slope[3] - slope[4]]


FORMULAS = {
    models.Epileptor: epileptor,
    models.Epileptor2D: epileptor_2d,
    models.ERP: erp,
    models.LarterBreakspear: larter_breakspear,
    models.ZetterbergJansen: zetterberg_jansen,
}
