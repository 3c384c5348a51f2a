"""Strong recurrence makes a region bistable: at I_o = 0.3 nA and w between 1.15 and 1.80 low activity and a
high, persistent one coexist.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

S0, w = np.linspace(0.0, 0.9, 10), np.linspace(0.6, 2.0, 57)


def run(w, S0):
    apart = nmm.Connectome(np.zeros((S0.size, S0.size)))
    regions = nmm.Network(
        nmm.models.ReducedWongWang(w=w, I_o=0.3 * u.nA),
        apart,
        nmm.couplings.Additive(G=0.0),
        initial=S0[None],
    )
    return nmm.simulate(regions, 60 * u.second, step=4 * u.ms)["S"].values


_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.plot(np.arange(500) * 0.004, run(1.4, S0)[:500], color="C0", lw=1)
left.set(xlabel="time (s)", ylabel="gating S", title="w = 1.4")
for start, label in ((0.9, "from above"), (0.0, "from below")):
    right.plot(w, run(w, np.full(w.size, start))[-1], label=label)
right.set(xlabel="recurrence w", ylabel="S at rest")
right.legend(frameon=False, fontsize=8, handlelength=1, loc="center left")
