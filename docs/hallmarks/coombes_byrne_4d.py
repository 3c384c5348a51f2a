"""Slow synapses make a rhythm, here of 2.1 ms: neurons gather while few of them fire, then fire together and
part again.
"""

import brainunit as u
import jax.numpy as jnp
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.CoombesByrne4D()
activity = nmm.simulate(
    model, 12 * u.ms, step=0.005 * u.ms, sample_every=0.02 * u.ms, transient=60 * u.ms
)
synchrony = model.synchrony(jnp.stack([activity.r.values, activity.V.values]))

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(7, 2.8), sharex=True, layout="constrained"
)
top.plot(activity.time, activity.r)
top.set(ylabel="r (kHz)")
bottom.plot(activity.time, synchrony, color="C1")
bottom.set(xlabel="time (ms)", ylabel="synchrony", ylim=(0, 1))
