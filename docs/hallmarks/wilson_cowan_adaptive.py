"""Up and down states: activity that fatigues itself switches off, recovers and switches on again, here at 1.1
Hz.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.WilsonCowanAdaptive(
    core=nmm.models.WilsonCowan(P=1.0), b=6.0, tau_a=500 * u.ms
)
data = nmm.simulate(
    model, 6 * u.second, step=0.5 * u.ms, sample_every=2 * u.ms, transient=2 * u.second
)
seconds = (data["time"] - data["time"][0]) / 1000
_, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(2, 1), layout="constrained"
)
left.plot(seconds, data["E"][:, 0], label="activity E")
left.plot(seconds, data["a"][:, 0] / 6, color="0.6", label="adaptation a/b")
left.set(xlabel="time (s)", ylim=(-0.05, 0.7))
left.legend(frameon=False, ncols=2, loc="upper center")
right.plot(data["a"][:, 0], data["E"][:, 0])
right.set(xlabel="adaptation a", ylabel="activity E")
