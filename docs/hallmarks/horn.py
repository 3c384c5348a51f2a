"""Resonance: the same drive moves the node 9 times as far at its own frequency, 36 Hz, as at 15 Hz, and 20
times as far as at 60 Hz.
"""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

frequency = np.linspace(15, 60, 46) * u.Hz
apart = nmm.Connectome(np.zeros((46, 46)))
drive = nmm.stimuli.Sine(amplitude=0.1, frequency=frequency)
regions = nmm.Network(
    nmm.models.HORN(),
    apart,
    nmm.couplings.Additive(G=0.0),
    stimulus=drive,
    initial=[0.0, 0.0],
)
x = nmm.simulate(regions, 800 * u.ms, step=0.2 * u.ms, sample_every=1 * u.ms)[
    "x"
].values

figure, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(2, 1), layout="constrained"
)
for number, colour in ((21, "C0"), (6, "0.6")):
    left.plot(
        x[:500, number],
        color=colour,
        label=f"driven at {frequency.mantissa[number]:.0f} Hz",
    )
left.set(xlabel="time (ms)", ylabel="position x", ylim=(-1, 1.3))
left.legend(frameon=False, ncols=2, loc="upper left")
right.plot(frequency.mantissa, np.abs(x[-300:]).max(axis=0), ".-")
right.set(xlabel="frequency of the drive (Hz)", ylabel="amplitude of x")
