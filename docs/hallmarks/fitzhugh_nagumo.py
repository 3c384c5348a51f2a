"""Rest, oscillation, sustained activity: with growing input the oscillation begins at I = 0.73, stops at I =
1.33, and has a period of 31 ms at I = 1.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

current = np.linspace(0.4, 1.6, 121)
apart = nmm.Connectome(np.zeros((current.size, current.size)))
regions = nmm.Network(
    nmm.models.FitzHughNagumo(I=current), apart, nmm.couplings.Additive(G=0.0)
)
V = nmm.simulate(
    regions,
    4 * u.second,
    step=0.2 * u.ms,
    transient=3 * u.second,
    sample_every=1 * u.ms,
)["V"].values
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((110, "C1"), (60, "C0"), (10, "0.6")):
    left.plot(V[:200, number], color=colour, label=f"I = {current[number]:.1f}")
left.set(xlabel="time (ms)", ylabel="V", ylim=(0, 1.55))
left.legend(frameon=False, ncols=3, fontsize=8, loc="upper center")
right.fill_between(current, V.min(axis=0), V.max(axis=0), color="C0", alpha=0.3, lw=0)
right.plot(current, V.max(axis=0), color="C0")
right.plot(current, V.min(axis=0), color="C0")
right.set(xlabel="input I", ylabel="range of V")
