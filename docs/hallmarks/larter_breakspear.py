"""The spread d_V of the firing thresholds decides: a column rests at 0.54, cycles at 0.59 and is chaotic at
0.65.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, axes = plt.subplots(
    1, 3, figsize=(7, 2.8), sharex=True, sharey=True, layout="constrained"
)
for ax, spread, what in zip(
    axes, (0.54, 0.59, 0.65), ("rest", "cycle", "chaos"), strict=True
):
    model = nmm.models.LarterBreakspear(gCa=1.0, d_V=spread)
    activity = nmm.simulate(
        model,
        1 * u.second,
        step=0.1 * u.ms,
        sample_every=0.5 * u.ms,
        transient=3 * u.second,
    )
    ax.plot(activity.V, activity.W, lw=0.7, marker=".", ms=1)
    ax.set(xlabel="potential V", title=f"{what}, d_V = {spread}")
axes[0].set_ylabel("open K channels W")
