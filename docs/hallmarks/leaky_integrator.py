"""The time constant of a region is the knee of its spectrum: fluctuations faster than 1/(2πτ) are averaged
away, here beyond 8 Hz and 0.3 Hz.
"""

import brainunit as u
import jax
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

tau = np.repeat([20.0, 500.0], 40)
network = nmm.Network(
    nmm.models.LeakyIntegrator(tau=tau),
    nmm.Connectome(np.zeros((80, 80))),
    nmm.couplings.Additive(G=0.0),
    noise=nmm.noises.Additive(sigma=1 / tau),
)
x = nmm.simulate(
    network,
    40 * u.second,
    step=2 * u.ms,
    sample_every=4 * u.ms,
    transient=2 * u.second,
    key=jax.random.key(0),
)["x"].values
f = np.fft.rfftfreq(len(x), 0.004)[1:]
power = np.abs(np.fft.rfft(x, axis=0)[1:]) ** 2 * 0.004 / len(x)
_, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(1.3, 1), layout="constrained"
)
for first, colour in ((0, "C0"), (40, "C1")):
    left.plot(0.004 * np.arange(1000), x[:1000, first], lw=0.8, color=colour)
    right.loglog(
        f,
        power[:, first : first + 40].mean(axis=1),
        lw=0.8,
        color=colour,
        label=f"τ = {tau[first]:.0f} ms",
    )
    right.loglog(
        f,
        1e-3 / (1 + (2 * np.pi * f * tau[first] / 1000) ** 2),
        "--",
        lw=1,
        color="0.3",
        label="1/(1 + (2πfτ)²)" if first else None,
    )
left.set(xlabel="time (s)", ylabel="x")
right.set(
    xlabel="frequency (Hz)", ylabel="power (1/Hz)", xlim=(0.03, 60), ylim=(1e-8, 1e-2)
)
right.legend(frameon=False, fontsize=8)
