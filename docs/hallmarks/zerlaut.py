"""A second of drive at 4 Hz instead of 1 Hz: excitatory cells jump from 0.4 to 10.7 Hz, adapt to 2 Hz and are
silent for a while after it. Inhibitory cells follow them at higher rates.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.Zerlaut(external_input_ex_ex=1 * u.Hz, external_input_in_ex=1 * u.Hz)
drive = nmm.stimuli.Pulse(
    amplitude=0.003, onset=500 * u.ms, width=1 * u.second, rise=20 * u.ms, port="nu"
)
network = nmm.Network(model, stimulus=drive)
activity = nmm.simulate(
    network,
    4 * u.second,
    step=0.5 * u.ms,
    sample_every=5 * u.ms,
    transient=2 * u.second,
)

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
ax.plot(activity.time / 1000, 1000 * activity.E, label="excitatory")
ax.plot(activity.time / 1000, 1000 * activity.I, label="inhibitory")
ax.set(xlabel="time (s)", ylabel="firing rate (Hz)")
ax.legend(frameon=False)
