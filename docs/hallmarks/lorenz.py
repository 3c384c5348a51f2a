"""Chaos: the orbit never repeats on its two wings, and two runs that start 0.0001 apart part after 12 ms."""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

twins = nmm.Network(
    nmm.models.Lorenz(),
    nmm.Connectome(np.zeros((2, 2))),
    nmm.couplings.Additive(G=0.0),
    initial=[[1.0, 1.0001], [1.0, 1.0], [20.0, 20.0]],
)
data = nmm.simulate(twins, 40 * u.ms, step=0.01 * u.ms)
_, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(1, 1.7), layout="constrained"
)
left.plot(data["x"][:, 0], data["z"][:, 0], lw=0.6)
left.set(xlabel="x", ylabel="z")
right.plot(data["time"], data["x"][:, 0], color="0.6", label="start at x = 1")
right.plot(data["time"], data["x"][:, 1], lw=1, label="start at x = 1.0001")
right.set(xlabel="time (ms)", ylabel="x", xlim=(0, 30), ylim=(-20, 27))
right.legend(frameon=False, ncols=2, fontsize=8, loc="upper left")
