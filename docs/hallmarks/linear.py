"""Driven by noise it is the Ornstein–Uhlenbeck process: Gaussian, with a memory that fades as exp(γ t), here
by half in 6.9 ms.
"""

import brainunit as u
import jax
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

n, lag = 50, np.arange(40)
apart = nmm.Connectome(np.zeros((n, n)))
network = nmm.Network(
    nmm.models.Linear(gamma=-0.1),
    apart,
    nmm.couplings.Additive(G=0.0),
    noise=nmm.noises.Additive(sigma=0.1),
)
x = nmm.simulate(
    network,
    10 * u.second,
    step=0.25 * u.ms,
    sample_every=1 * u.ms,
    transient=100 * u.ms,
    key=jax.random.key(0),
)["x"].values
memory = [(x[k:] * x[: len(x) - k]).mean() / (x**2).mean() for k in lag]
_, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(1.5, 1), layout="constrained"
)
left.plot(x[:500, 0], lw=0.8)
left.set(xlabel="time (ms)", ylabel="x")
right.plot(lag, np.exp(-0.1 * lag), color="0.7", lw=3, label="exp(γ t)")
right.plot(lag, memory, ".", label="simulated")
right.set(xlabel="lag (ms)", ylabel="autocorrelation")
right.legend(frameon=False)
