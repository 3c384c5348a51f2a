"""Every burst builds up an adaptation current, which ends it: a burst every 46 ms."""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.GastSchmidtKnoscheSFA()
activity = nmm.simulate(
    model, 250 * u.ms, step=0.005 * u.ms, sample_every=0.1 * u.ms, transient=150 * u.ms
)

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(7, 2.8), sharex=True, height_ratios=(2, 1), layout="constrained"
)
top.plot(activity.time, activity.r)
top.set(ylabel="rate r (kHz)")
bottom.plot(activity.time, activity.A, color="C1")
bottom.set(xlabel="time (ms)", ylabel="adaptation A")
