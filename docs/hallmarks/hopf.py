"""An oscillation is born at a = 0: below it dies out, above its amplitude is √(a/β)."""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

a = np.linspace(-0.02, 0.04, 31)
apart = nmm.Connectome(np.zeros((a.size, a.size)))
regions = nmm.Network(
    nmm.models.Hopf(a=a, omega=0.06),
    apart,
    nmm.couplings.Additive(G=0.0),
    initial=[0.1, 0.0],
)
x = nmm.simulate(regions, 3 * u.second, step=0.5 * u.ms, sample_every=1 * u.ms)[
    "x"
].values
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((5, "0.6"), (30, "C0")):
    left.plot(x[:600, number], color=colour, label=f"a = {a[number]:.2f}/ms")
left.set(xlabel="time (ms)", ylabel="x")
left.legend(frameon=False, loc="lower right", ncols=2, fontsize=8)
left.set_ylim(-0.3, 0.25)
right.plot(a, np.sqrt(np.maximum(a, 0.0)), color="0.7", lw=3, label="√a")
right.plot(a, x[-500:].max(axis=0), ".", label="simulated")
right.set(xlabel="a (1/ms)", ylabel="amplitude of x")
right.legend(frameon=False)
