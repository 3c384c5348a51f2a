"""Late inhibition overshoots: populations that rest without delays oscillate at 23 Hz with 2 ms from E and
1.5 ms from I, and more slowly with longer ones.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

core = nmm.models.WilsonCowan.oscillating(P=2.5)
rest = nmm.simulate(core, 300 * u.ms, step=0.1 * u.ms)
d_e = np.linspace(0.5, 10.0, 20)
model = nmm.models.WilsonCowanDelayed(core=core, d_e=d_e, d_i=0.75 * d_e)
regions = nmm.Network(
    model, nmm.Connectome(np.zeros((20, 20))), nmm.couplings.Additive(G=0.0)
)
E = nmm.simulate(regions, 3 * u.second, step=0.1 * u.ms)["E"].values
rises = (E[10_000:-1] < 0.2) & (E[10_001:] >= 0.2)
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.plot(rest["time"], rest["E"][:, 0], color="0.6", label="no delay")
left.plot(rest["time"], E[:3000, 3], label="2 ms")
left.set(xlabel="time (ms)", ylabel="activity E", ylim=(0, 0.58))
left.legend(frameon=False, ncols=2, loc="upper center")
right.plot(
    d_e,
    [
        1e4 / np.diff(np.flatnonzero(r)).mean() if r.sum() > 2 else np.nan
        for r in rises.T
    ],
    ".-",
)
right.set(xlabel="mean delay of E (ms)", ylabel="frequency (Hz)", ylim=(0, 35))
