"""Two states at the same parameters: a current of 30 ms (green) lifts the population from 0.08 to 1.03 spikes
per ms, where it stays until a current of the other sign (red).
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

up = nmm.stimuli.Pulse(amplitude=3.0, onset=20 * u.ms, width=30 * u.ms, port="r")
down = nmm.stimuli.Pulse(amplitude=-3.0, onset=80 * u.ms, width=10 * u.ms, port="r")
network = nmm.Network(nmm.models.MontbrioPazoRoxin(), stimulus=(up, down))
activity = nmm.simulate(network, 110 * u.ms, step=0.02 * u.ms)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(2, 1), layout="constrained"
)
left.plot(activity.time, activity.r)
left.axvspan(20, 50, color="C2", alpha=0.2)
left.axvspan(80, 90, color="C3", alpha=0.2)
left.set(xlabel="time (ms)", ylabel="firing rate r (kHz)")
right.plot(activity.r, activity.V, lw=1)
right.set(xlabel="r (kHz)", ylabel="potential V")
