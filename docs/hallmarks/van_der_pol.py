"""From a sine to a relaxation oscillation: the amplitude stays at 2, the period grows from 2π towards (3 - 2
ln 2) μ; at μ = 1 it is 6.66 ms.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

mu = np.linspace(0.1, 10.0, 34)
apart = nmm.Connectome(np.zeros((mu.size, mu.size)))
regions = nmm.Network(
    nmm.models.VanDerPol(mu=mu),
    apart,
    nmm.couplings.Additive(G=0.0),
    initial=[2.0, 0.0],
)
x = nmm.simulate(regions, 400 * u.ms, step=0.01 * u.ms, transient=100 * u.ms)[
    "x"
].values
rises = (x[:-1] < 0) & (x[1:] >= 0)
period = [0.01 * np.diff(np.flatnonzero(r)).mean() for r in rises.T]
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((0, "0.6"), (33, "C0")):
    left.plot(
        0.01 * np.arange(4000),
        x[:4000, number],
        color=colour,
        label=f"μ = {mu[number]:.1f}",
    )
left.set(xlabel="time (ms)", ylabel="x", ylim=(-2.3, 3.4))
left.legend(frameon=False, loc="upper right", ncols=2)
right.plot(mu, period, ".", label="simulated")
right.plot(mu, (3 - 2 * np.log(2)) * mu, color="0.7", label="(3 - 2 ln 2) μ")
right.axhline(2 * np.pi, color="0.7", ls=":", label="2π")
right.set(xlabel="μ", ylabel="period (ms)", ylim=(0, 20))
right.legend(frameon=False)
