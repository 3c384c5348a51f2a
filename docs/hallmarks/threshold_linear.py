"""Recurrence makes time scales: a population of 20 ms that excites itself with strength G forgets in 20/(1 -
β_e G) ms, 200 ms at β_e G = 0.9.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

model = nmm.models.ThresholdLinear()
recurrence = np.linspace(0.0, 0.9, 19) / model.beta_e
regions = nmm.Network(
    model,
    nmm.Connectome(np.diag(recurrence)),
    nmm.couplings.Additive(G=1.0),
    initial=[1.0, 0.0],
)
E = nmm.simulate(regions, 500 * u.ms, step=0.2 * u.ms, sample_every=1 * u.ms)[
    "E"
].values
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((0, "0.6"), (10, "C1"), (18, "C0")):
    left.plot(E[:, number], color=colour, label=f"G = {recurrence[number]:.1f}")
left.set(xlabel="time (ms)", ylabel="E after an input")
left.legend(frameon=False)
right.plot(
    recurrence,
    20 / (1 - model.beta_e * recurrence),
    color="0.7",
    lw=3,
    label="τ_e / (1 - β_e G)",
)
right.plot(recurrence, 1 / np.log(E[0] / E[1]), ".", label="simulated")
right.set(xlabel="recurrence G", ylabel="time constant (ms)")
right.legend(frameon=False)
