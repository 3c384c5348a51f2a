"""Twenty minutes of simulated time in single precision are those in double precision."""

import jax
import numpy as np
import pytest
from catalogue import MODELS
from scipy.signal import welch

import nmm_infer as nmm

MINUTES, EVERY = 20.0, 5.0
# Where the model itself diverges at steps of 0.1 ms, in either precision: bursts of spikes, and chaos at its
# own time scale.
STEPS = {"CoombesByrne4D": 0.01, "GastSchmidtKnoscheSFA": 0.01, "Lorenz": 0.01}
# The chaotic ones are compared by statistics that have an error of their own.
CLOSE, CHAOTIC = 1e-3, 1e-2


def run(name, x64):
    """The model alone under a slow sine, `["time state"]`."""
    with jax.enable_x64(x64):
        network = nmm.Network(MODELS[name](), stimulus=nmm.stimuli.Sine(amplitude=0.1, frequency=0.005))
        found = nmm.solve(
            network, 60_000.0 * MINUTES, step=STEPS.get(name, 0.1), sample_every=EVERY, transient=2000.0
        )
        return np.asarray(found.values, np.float64)[:, :, 0]


def peaks(x):
    """Frequencies (Hz) with the most power, and their share of it."""
    frequencies, power = welch(x, fs=1000.0 / EVERY, nperseg=4096, axis=0)
    most = power[1:].argmax(axis=0) + 1
    near = np.abs(np.arange(len(power))[:, None] - most) <= 3
    return frequencies[most], np.where(near, power, 0.0).sum(axis=0) / power[1:].sum(axis=0)


@pytest.mark.by_hand
@pytest.mark.parametrize("name", MODELS)
def test_single_precision_has_the_statistics_of_double_precision(name):
    single, double = (run(name, x64) for x64 in (False, True))
    assert np.isfinite(double).all()
    tolerance = CHAOTIC if name.startswith(("Larter", "Lorenz")) else CLOSE
    mean, sd = double.mean(axis=0), double.std(axis=0)
    # What does not move has no other sd, and no other peak, than that of rounding.
    moves = sd > 1e-5 * max(np.abs(mean).max(), sd.max())
    if name == "Kuramoto":
        # The mean of a phase says where its turns began.
        assert np.diff(np.unwrap(single, axis=0), axis=0).mean() == pytest.approx(
            np.diff(np.unwrap(double, axis=0), axis=0).mean(), rel=1e-5
        )
    else:
        size = np.maximum(np.abs(mean), sd)[moves]
        np.testing.assert_allclose(single.mean(axis=0)[moves] / size, mean[moves] / size, atol=tolerance)
    np.testing.assert_allclose(single.std(axis=0)[moves], sd[moves], rtol=tolerance)
    assert np.all(np.ptp(single, axis=0)[~moves] < 1e-3 * max(np.abs(mean).max(), sd.max()))
    (ours, _), (theirs, share) = peaks(single[:, moves]), peaks(double[:, moves])
    np.testing.assert_allclose(ours[share > 0.5], theirs[share > 0.5], rtol=0.01)
