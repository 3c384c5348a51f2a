"""Interneurons that inhibit each other calm the column: with γ_5 = 0 an alpha rhythm of 10.9 Hz, at the
default γ_5 = 15 rest.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for gamma_5 in (0, 15):
    model = nmm.models.ZetterbergJansen(gamma_5=gamma_5, P=0.22 * u.kHz, U=0.0, Q=0.0)
    activity = nmm.simulate(model, 2 * u.second, step=0.2 * u.ms, sample_every=2 * u.ms)
    ax.plot(activity.time / 1000, activity.v6, label=f"γ_5 = {gamma_5}")
ax.set(xlabel="time (s)", ylabel="EEG, v6 (mV)")
ax.legend(frameon=False)
