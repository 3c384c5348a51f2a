"""The response to an input that sets in at 0: a trough of -1.8 mV after 12 ms and a peak of 5.1 mV after 51
ms. Without adaptation (δ = 0) there is no trough, and a peak of 2.8 mV after 24 ms.
"""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for delta in (12.13, 0.0):
    model = nmm.models.ERP(delta=delta * u.ms)
    activity = nmm.simulate(model, 200 * u.ms, step=0.1 * u.ms, sample_every=1 * u.ms)
    ax.plot(activity.time, activity.x9, label=f"adaptation δ = {delta} ms")
ax.axhline(0, color="0.8", lw=0.8, zorder=0)
ax.set(xlabel="time (ms)", ylabel="pyramidal potential x9 (mV)")
ax.legend(frameon=False)
