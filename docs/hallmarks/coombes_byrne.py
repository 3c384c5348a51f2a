"""Whatever the start, the population spirals into the same state: 0.185 spikes per ms at a potential of
-0.571 (dot).
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(2, 1), layout="constrained"
)
for r, V in ((0.05, 1.0), (1.0, 0.0), (0.02, -1.5)):
    network = nmm.Network(nmm.models.CoombesByrne(), initial=[r, V])
    activity = nmm.simulate(network, 5 * u.ms, step=0.01 * u.ms)
    left.plot(activity.time, activity.r)
    right.plot(activity.r, activity.V)
left.set(xlabel="time (ms)", ylabel="firing rate r (kHz)")
right.plot(0.1847, -0.5714, "ko", ms=4)
right.set(xlabel="r (kHz)", ylabel="potential V")
