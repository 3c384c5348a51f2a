"""Driven pyramidal cells excite interneurons, which silence them: a gamma rhythm of 45 Hz, in which
excitation leads.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.DumontGutkin(I_e=10.0, J_ie=10.0, J_ei=10.0, J_ii=0.0)
activity = nmm.simulate(
    model, 300 * u.ms, step=0.02 * u.ms, sample_every=0.2 * u.ms, transient=200 * u.ms
)

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
ax.plot(activity.time, 1000 * activity.r_e, label="excitatory")
ax.plot(activity.time, 1000 * activity.r_i, label="inhibitory")
ax.set(xlabel="time (ms)", ylabel="firing rate (Hz)", ylim=(0, 310))
ax.legend(frameon=False, loc="upper right", ncols=2)
