"""Seizures that come and go by themselves, one in 1.93 s: when the slow permittivity z has fallen, discharges
set in on a shifted baseline, and z rises until they end.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

activity = nmm.simulate(
    nmm.models.Epileptor(x0=-1.6), 6 * u.second, step=0.05 * u.ms, sample_every=2 * u.ms
)

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(7, 2.8), sharex=True, height_ratios=(2, 1), layout="constrained"
)
top.plot(activity.time / 1000, activity.x2 - activity.x1, lw=0.5)
top.set(ylabel="LFP, x2 - x1")
bottom.plot(activity.time / 1000, activity.z, color="C1")
bottom.set(xlabel="time (s)", ylabel="permittivity z")
