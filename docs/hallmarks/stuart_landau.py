"""Two oscillators whose frequencies differ by Δω beat, until coupling of strength Δω/2 locks them to one
frequency.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

strength = np.linspace(0.0, 0.02, 21)
pairs = np.kron(np.diag(strength), [[0.0, 1.0], [1.0, 0.0]])
omega = np.tile([0.19, 0.21], strength.size)
network = nmm.Network(
    nmm.models.StuartLandau(omega=omega),
    nmm.Connectome(pairs),
    nmm.couplings.Diffusive(G=1.0),
    initial=[0.5, 0.0],
)
data = nmm.simulate(network, 8 * u.second, step=0.5 * u.ms, sample_every=1 * u.ms)
phase = np.unwrap(np.angle(data["x"].values + 1j * data["y"].values), axis=0)
difference = phase[:, 1::2] - phase[:, ::2]
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for number, colour in ((0, "0.7"), (9, "C1"), (11, "C0")):
    left.plot(
        data["time"] / 1000,
        difference[:, number] / (2 * np.pi),
        color=colour,
        label=f"G = {strength[number]:.3f}/ms",
    )
left.set(
    xlabel="time (s)", ylabel="phase difference (cycles)", xlim=(0, 2), ylim=(-0.3, 6.5)
)
left.legend(frameon=False)
right.plot(
    strength,
    np.sqrt(np.maximum(0.02**2 - (2 * strength) ** 2, 0.0)),
    color="0.7",
    lw=3,
    label="√(Δω² - 4G²)",
)
right.plot(
    strength,
    (difference[-1] - difference[3000]) / (len(difference) - 3001),
    ".",
    label="simulated",
)
right.set(xlabel="coupling G (1/ms)", ylabel="frequency difference\n(rad/ms)")
right.legend(frameon=False)
