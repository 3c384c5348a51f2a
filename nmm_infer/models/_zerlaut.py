"""Mean field of adaptive exponential integrate-and-fire neurons."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc

from ..parameters import Slot, param
from ._base import AbstractModel, State

# Fits of the threshold of a regular-spiking and of a fast-spiking cell (di Volo et al. 2019, table 1), in V.
REGULAR_SPIKING = (
    -0.04983106,
    0.005063550882777035,
    -0.023470121807314552,
    0.0022951513725067503,
    -0.0004105302652029825,
)
REGULAR_SPIKING += (
    0.010547051343547399,
    -0.03659252821136933,
    0.007437487505797858,
    0.001265064721846073,
    -0.04072161294490446,
)
FAST_SPIKING = (
    -0.05149122024209484,
    0.004003689190271077,
    -0.008352013668528155,
    0.0002414237992765705,
    -0.0005070645080016026,
)
FAST_SPIKING += (
    0.0014345394104282397,
    -0.014686689498949967,
    0.004502706285435741,
    0.0028472190352532454,
    -0.015357804594594548,
)


class Zerlaut(AbstractModel):
    r"""Conductance-based excitatory and inhibitory cells with adaptation, to first order (TVB's
    ZerlautAdaptationFirstOrder).

    T E' = F_e - E,  T I' = F_i - I
    W_e' = (-W_e + a_e (μ_V - E_L_e)) / τ_we + b_e E
    W_i' = (-W_i + a_i (μ_V - E_L_i)) / τ_wi + b_i I
    ou_drift' = -ou_drift/τ_OU
    F = erfc((V_thre - μ_V) / (√2 σ_V)) / (2 T_V)

    F and μ_V of a population follow from the rates f of its inputs, with ν = [c + weight_noise ou_drift]₊:

    f_e = (E + 1e-6) (1 - g) p_connect_e N_tot + (ν + external_input_ex) K_ext_e
    f_i = (I + 1e-6) g p_connect_i N_tot + external_input_in K_ext_i
    μ_G = g_L + Q_e τ_e f_e + Q_i τ_i f_i
    μ_V = (Q_e τ_e f_e E_e + Q_i τ_i f_i E_i + g_L E_L - W) / μ_G
    s_x = f_x (Q_x τ_x (E_x - μ_V) / μ_G)²  for x = e, i
    σ_V² = Σ_x s_x / (2 (τ_x + C_m/μ_G))
    T_V = Σ_x s_x / Σ_x (s_x / (τ_x + C_m/μ_G))
    V_thre = 1000 P · (1, v, s, n, v², s², n², v s, v n, s n)
    v = (μ_V + 60)/10,  s = (σ_V - 4)/6,  n = T_V g_L/C_m - 1/2

    P are P_e and P_i, ten numbers each, fits to single cells in V. Rates are kHz, potentials mV,
    conductances nS, currents pA. Noise drives ou_drift, an Ornstein–Uhlenbeck process, so that it is
    additive.
    """

    g_L: Slot = param(10.0, "nS", doc="leak conductance", low=5.0, high=20.0)
    E_L_e: Slot = param(-65.0, "mV", doc="leak reversal potential of excitatory cells", low=-80.0, high=-60.0)
    E_L_i: Slot = param(-65.0, "mV", doc="leak reversal potential of inhibitory cells", low=-80.0, high=-60.0)
    C_m: Slot = param(200.0, "pF", doc="membrane capacitance", low=100.0, high=400.0)
    b_e: Slot = param(60.0, "pA", doc="adaptation for each spike, excitatory", low=0.0, high=150.0)
    a_e: Slot = param(4.0, "nS", doc="adaptation conductance, excitatory", low=0.0, high=20.0)
    b_i: Slot = param(0.0, "pA", doc="adaptation for each spike, inhibitory", low=0.0, high=100.0)
    a_i: Slot = param(0.0, "nS", doc="adaptation conductance, inhibitory", low=0.0, high=20.0)
    tau_w_e: Slot = param(500.0, "ms", doc="time constant of adaptation, excitatory", low=1.0, high=1000.0)
    tau_w_i: Slot = param(1.0, "ms", doc="time constant of adaptation, inhibitory", low=1.0, high=1000.0)
    E_e: Slot = param(0.0, "mV", doc="excitatory reversal potential", low=-20.0, high=20.0)
    E_i: Slot = param(-80.0, "mV", doc="inhibitory reversal potential", low=-100.0, high=-60.0)
    Q_e: Slot = param(1.5, "nS", doc="excitatory quantal conductance", low=0.5, high=3.0)
    Q_i: Slot = param(5.0, "nS", doc="inhibitory quantal conductance", low=1.0, high=10.0)
    tau_e: Slot = param(5.0, "ms", doc="excitatory synaptic decay", low=1.0, high=10.0)
    tau_i: Slot = param(5.0, "ms", doc="inhibitory synaptic decay", low=1.0, high=10.0)
    N_tot: Slot = param(10_000.0, doc="number of cells", low=1000.0, high=50_000.0)
    p_connect_e: Slot = param(0.05, doc="connection probability of excitatory cells", low=0.001, high=0.2)
    p_connect_i: Slot = param(0.05, doc="connection probability of inhibitory cells", low=0.001, high=0.2)
    g: Slot = param(0.2, doc="fraction of inhibitory cells", low=0.01, high=0.4)
    K_ext_e: Slot = param(400.0, doc="excitatory synapses from outside", low=0.0, high=1000.0)
    K_ext_i: Slot = param(0.0, doc="inhibitory synapses from outside", low=0.0, high=1000.0)
    T: Slot = param(20.0, "ms", doc="time scale of the rates", low=1.0, high=50.0)
    external_input_ex_ex: Slot = param(
        0.0, "kHz", doc="excitatory drive of excitatory cells", low=0.0, high=0.1
    )
    external_input_ex_in: Slot = param(
        0.0, "kHz", doc="inhibitory drive of excitatory cells", low=0.0, high=0.1
    )
    external_input_in_ex: Slot = param(
        0.0, "kHz", doc="excitatory drive of inhibitory cells", low=0.0, high=0.1
    )
    external_input_in_in: Slot = param(
        0.0, "kHz", doc="inhibitory drive of inhibitory cells", low=0.0, high=0.1
    )
    tau_OU: Slot = param(5.0, "ms", doc="correlation time of the noise", low=0.1, high=50.0)
    weight_noise: Slot = param(10.5, doc="weight of the noise", low=0.0, high=50.0)
    P_e: tuple[float, ...] = eqx.field(static=True, default=REGULAR_SPIKING)
    P_i: tuple[float, ...] = eqx.field(static=True, default=FAST_SPIKING)

    states = (
        State("E", 0.001, "kHz", 0.0, 0.1),
        State("I", 0.001, "kHz", 0.0, 0.1),
        State("W_e", 0.0, "pA", 0.0, 200.0),
        State("W_i", 0.0, "pA", 0.0, 200.0),
        State("ou_drift", 0.0, "kHz", -0.01, 0.01),
    )
    sends = ("E",)
    ports = ("nu",)
    observable = "E"
    noisy = ("ou_drift",)
    driven = {"mu_V": "mV"}
    category = "physiological"
    use_case = "wakefulness and slow waves from cellular parameters"
    references = (
        "Zerlaut, Chemla, Chavane, Destexhe 2018, J Comput Neurosci 44:45",
        "di Volo, Romagnoni, Capone, Destexhe 2019, Neural Comput 31:653",
    )

    def __check_init__(self):
        for name in ("P_e", "P_i"):
            if np.shape(value := getattr(self, name)) != (10,):
                raise ValueError(
                    f"Zerlaut({name}=...) has shape {np.shape(value)}, expected 10 numbers in V, the"
                    " coefficients of the threshold"
                )

    def mu_V(self, y, c):
        """Mean membrane potential of the excitatory cells (mV)."""
        return self._excitatory(y, c[0])[1]

    def _excitatory(self, y, c):
        return self._cell(
            y, c, y[2], self.E_L_e, self.external_input_ex_ex, self.external_input_ex_in, self.P_e
        )

    def _cell(self, y, c, W, E_L, external_e, external_i, P):
        """Firing rate and mean potential of the cells of one population."""
        nu = jnp.maximum(c + self.weight_noise * y[4], 0.0)
        # 1e-6 kHz: spontaneous release, which also keeps σ_V from zero.
        f_e = (y[0] + 1e-6) * (1.0 - self.g) * self.p_connect_e * self.N_tot + (
            nu + external_e
        ) * self.K_ext_e
        f_i = (y[1] + 1e-6) * self.g * self.p_connect_i * self.N_tot + external_i * self.K_ext_i
        G_e, G_i = self.Q_e * self.tau_e * f_e, self.Q_i * self.tau_i * f_i
        G = self.g_L + G_e + G_i
        mu = (G_e * self.E_e + G_i * self.E_i + self.g_L * E_L - W) / G
        T_m = self.C_m / G
        s_e = f_e * (self.Q_e * self.tau_e * (self.E_e - mu) / G) ** 2
        s_i = f_i * (self.Q_i * self.tau_i * (self.E_i - mu) / G) ** 2
        slow = s_e / (self.tau_e + T_m) + s_i / (self.tau_i + T_m)
        sigma, T_V = jnp.sqrt(slow / 2.0), (s_e + s_i) / slow
        threshold = 1e3 * _polynomial(
            P, (mu + 60.0) / 10.0, (sigma - 4.0) / 6.0, T_V * self.g_L / self.C_m - 0.5
        )
        return erfc((threshold - mu) / (jnp.sqrt(2.0) * sigma)) / (2.0 * T_V), mu

    def drift(self, t, y, c):
        (E, I, W_e, W_i, ou_drift), (c_nu,) = y, c
        F_e, mu_e = self._excitatory(y, c_nu)
        F_i, mu_i = self._cell(
            y, c_nu, W_i, self.E_L_i, self.external_input_in_ex, self.external_input_in_in, self.P_i
        )
        return jnp.stack(
            [
                (F_e - E) / self.T,
                (F_i - I) / self.T,
                (-W_e + self.a_e * (mu_e - self.E_L_e)) / self.tau_w_e + self.b_e * E,
                (-W_i + self.a_i * (mu_i - self.E_L_i)) / self.tau_w_i + self.b_i * I,
                -ou_drift / self.tau_OU,
            ]
        )


def _polynomial(P, v, s, n):
    """Effective threshold (V) from normalised mean, deviation and correlation time of the potential."""
    return (
        P[0]
        + P[1] * v
        + P[2] * s
        + P[3] * n
        + P[4] * v**2
        + P[5] * s**2
        + P[6] * n**2
        + P[7] * v * s
        + P[8] * v * n
        + P[9] * s * n
    )
