"""Winner takes all: with evidence of 10 % one pool ends at 31 Hz and silences the other (0.8 Hz), and with
noise more evidence means fewer errors.
"""

import brainunit as u
import jax
import matplotlib.pyplot as plt
import numpy as np

import nmm_infer as nmm

coherence, trials = np.linspace(0.0, 0.2, 5), 200
model = nmm.models.WongWang(coherence=np.repeat(coherence, trials))
noise = nmm.noises.Additive(sigma=0.004)
many = nmm.Network(
    model,
    nmm.Connectome(np.zeros((5 * trials, 5 * trials))),
    nmm.couplings.Additive(G=0.0),
    noise=noise,
)
choices = nmm.simulate(
    many, 2 * u.second, step=2 * u.ms, sample_every=20 * u.ms, key=jax.random.key(0)
)
correct = (choices["S1"][-1] > choices["S2"][-1]).values.reshape(5, trials).mean(axis=1)
one = nmm.models.WongWang(coherence=0.1)
S = nmm.simulate(one, 2 * u.second, step=1 * u.ms)
_, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for rate, label in ((one.r1, "favoured pool"), (one.r2, "other pool")):
    nothing = np.zeros((2, 1))  # arrives from other regions
    left.plot(
        S["time"],
        1000 * rate(np.stack([S["S1"][:, 0], S["S2"][:, 0]]), nothing),
        label=label,
    )
left.set(xlabel="time since the stimulus (ms)", ylabel="firing rate (Hz)")
left.legend(frameon=False)
right.plot(100 * coherence, 100 * correct, "o-")
right.set(xlabel="coherence (%)", ylabel="choices of pool 1 (%)", ylim=(40, 103))
