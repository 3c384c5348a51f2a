"""Epileptogenicity x0 on either side of its critical value -2.06: at -1.6 the region seizes every 1.7 s, at
-2.2 it stays at rest.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, (left, right) = plt.subplots(
    1, 2, figsize=(7, 2.8), width_ratios=(2, 1), layout="constrained"
)
for x0 in (-1.6, -2.2):
    activity = nmm.simulate(
        nmm.models.Epileptor2D(x0=x0),
        6 * u.second,
        step=0.1 * u.ms,
        sample_every=2 * u.ms,
    )
    left.plot(activity.time / 1000, activity.x1)
    right.plot(activity.x1, activity.z, label=f"x0 = {x0}")
left.set(xlabel="time (s)", ylabel="discharges x1")
right.set(xlabel="x1", ylabel="permittivity z")
right.legend(frameon=False, loc="center")
