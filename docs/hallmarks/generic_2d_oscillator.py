"""Excitable by default: a kick to V = 0 decays, one to V = 1 first makes an excursion to V = 1.5. With a = 2
it oscillates, with a period of 109 ms.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

kicks = nmm.Network(
    nmm.models.Generic2dOscillator(),
    nmm.Connectome(np.zeros((2, 2))),
    nmm.couplings.Additive(G=0.0),
    initial=[[0.0, 1.0], [0.82, 0.82]],
)
excited = nmm.simulate(kicks, 600 * u.ms, step=0.5 * u.ms)
rhythm = nmm.simulate(
    nmm.models.Generic2dOscillator(a=2.0),
    600 * u.ms,
    step=0.5 * u.ms,
    transient=3 * u.second,
)
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((0, "0.6"), (1, "C0")):
    left.plot(
        excited["time"],
        excited["V"][:, number],
        color=colour,
        label=("V = 0", "V = 1")[number],
    )
left.set(xlabel="time since the kick (ms)", ylabel="V", title="a = -2")
left.legend(frameon=False)
right.plot(0.5 * np.arange(1200), rhythm["V"][:, 0])
right.set(xlabel="time (ms)", ylabel="V", title="a = 2")
