"""Left, the preset `oscillating`: a rhythm of 20 Hz. Right, the defaults: between P = -0.5 and 0.28 activity
stays high or low, as it was before.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

rhythm = nmm.simulate(nmm.models.WilsonCowan.oscillating(), 400 * u.ms, step=0.5 * u.ms)
P = np.linspace(-1.0, 1.0, 81)
apart = nmm.Connectome(np.zeros((P.size, P.size)))
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for state, label in (("E", "excitatory"), ("I", "inhibitory")):
    left.plot(rhythm["time"], rhythm[state][:, 0], label=label)
left.set(xlabel="time (ms)", ylabel="activity", ylim=(-0.02, 0.34))
left.legend(frameon=False, ncols=2, loc="upper center")
for start, label in (((0.5, 0.3), "from above"), ((0.0, 0.0), "from below")):
    regions = nmm.Network(
        nmm.models.WilsonCowan(P=P), apart, nmm.couplings.Additive(G=0.0), initial=start
    )
    E = nmm.simulate(regions, 5 * u.second, step=0.5 * u.ms, sample_every=100 * u.ms)[
        "E"
    ].values
    right.plot(P, E[-1], label=label)
right.set(xlabel="input P to E", ylabel="E at rest")
right.legend(
    frameon=False, fontsize=8, handlelength=1, loc="center", bbox_to_anchor=(0.44, 0.5)
)
