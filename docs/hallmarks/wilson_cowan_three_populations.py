"""Input to SOM cells is a switch: it silences excitatory and PV cells, and when it ends they fire again."""

import brainunit as u
import matplotlib.pyplot as plt

import nmm_infer as nmm

model = nmm.models.WilsonCowanThreePopulations(core=nmm.models.WilsonCowan(P=1.0))
pulse = nmm.stimuli.Pulse(
    amplitude=4.0, onset=300 * u.ms, width=300 * u.ms, rise=5 * u.ms, port="x_s"
)
data = nmm.simulate(nmm.Network(model, stimulus=pulse), 1 * u.second, step=0.5 * u.ms)
_, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
ax.axvspan(300, 600, color="0.92", lw=0)
ax.text(450, 0.56, "input to SOM", ha="center", color="0.4")
for state in ("E", "PV", "SOM"):
    ax.plot(data["time"], data[state][:, 0], label=state)
ax.set(xlabel="time (ms)", ylabel="activity", xlim=(0, 1000), ylim=(-0.05, 0.62))
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
