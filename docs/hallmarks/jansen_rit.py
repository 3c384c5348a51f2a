"""The input decides on the rhythm: alpha at 10.9 Hz with 0.22 kHz, slow spikes at 2.4 Hz with 0.12 kHz."""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), sharey=True, layout="constrained")
for ax, mu in zip(axes, (0.22 * u.kHz, 0.12 * u.kHz), strict=True):
    model = nmm.models.JansenRit(mu=mu, v0=6 * u.mV)
    activity = nmm.simulate(
        model,
        3 * u.second,
        step=0.2 * u.ms,
        sample_every=2 * u.ms,
        transient=1 * u.second,
    )
    ax.plot(activity.time / 1000, activity.y1 - activity.y2)
    ax.set(xlabel="time (s)", title=f"input {mu}")
axes[0].set_ylabel("EEG, y1 - y2 (mV)")
