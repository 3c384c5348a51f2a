"""Synapses tire, the burst ends, they recover: at η = -5.5 a burst every 57 ms."""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.GastSchmidtKnoscheSD(eta=-5.5)
activity = nmm.simulate(
    model, 500 * u.ms, step=0.01 * u.ms, sample_every=0.2 * u.ms, transient=250 * u.ms
)

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(7, 2.8), sharex=True, height_ratios=(2, 1), layout="constrained"
)
top.plot(activity.time, activity.r)
top.set(ylabel="rate r (kHz)")
bottom.plot(activity.time, activity.A, color="C1")
bottom.set(xlabel="time (ms)", ylabel="depression A")
