"""300 oscillators around 10 Hz stay incoherent until coupling exceeds twice the half-width of their
frequencies; from there order grows as √(1 - K_c/K).
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

n, width = 300, 0.005
quantile = (np.arange(n) + 0.5) / n
oscillators = nmm.models.Kuramoto(
    omega=0.063 + width * np.tan(np.pi * (quantile - 0.5))
)
strength = np.linspace(0.0, 0.04, 17)
order = []
for K in strength:
    network = nmm.Network(
        oscillators,
        nmm.Connectome(np.ones((n, n))),
        nmm.couplings.Kuramoto(K=K),
        initial=np.random.default_rng(0).uniform(0, 6.28, (1, n)),
    )
    theta = nmm.simulate(network, 4 * u.second, step=2 * u.ms)["theta"].values
    order.append(np.abs(np.exp(1j * theta).mean(axis=1)))
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((12, "C0"), (2, "0.6")):
    left.plot(
        2 * np.arange(1000),
        order[number][:1000],
        color=colour,
        label=f"K = {strength[number]:.3f} rad/ms",
    )
left.set(xlabel="time (ms)", ylabel="order parameter R", ylim=(0, 1.3))
left.legend(frameon=False)
right.plot(
    strength,
    np.sqrt(1 - 2 * width / np.maximum(strength, 2 * width)),
    color="0.7",
    lw=3,
    label="infinitely many",
)
right.plot(
    strength,
    np.mean(order, axis=1, where=np.arange(2000) >= 1500),
    ".",
    label="simulated",
)
right.set(xlabel="coupling K (rad/ms)", ylabel="order parameter R", ylim=(0, 1))
right.legend(frameon=False)
