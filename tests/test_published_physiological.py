"""What the physiological models do, against published numbers."""

import numpy as np
import pytest
from running import run, upward_crossings

from nmm_infer import models


@pytest.mark.parametrize("tau", [1.0, 8.0])
def test_montbrio_pazo_roxin_is_bistable(tau):
    """models.md: low (0.0811, -1.9616) and high (1.0306, -0.1544); with another time constant the rate is r/τ, the potential the same."""
    model = models.MontbrioPazoRoxin(tau=np.array([tau, tau]))
    end = run(model, [[0.1 / tau, 1.0 / tau], [-2.0, 0.0]], duration=60 * tau, step=0.02 * tau, sample_every=tau)[-1]
    np.testing.assert_allclose(end * [[tau], [1.0]], [[0.0811, 1.0306], [-1.9616, -0.1544]], atol=5e-5)


def test_wong_wang_exc_inh_rests_at_three_hertz():
    """Deco et al. 2014: the excitatory pool fires at 3.08 Hz."""
    model = models.WongWangExcInh()
    end = run(model, model.initial(1), duration=4000, step=0.5, sample_every=10)[-1]
    np.testing.assert_allclose(1e3 * model.H_e(end), 3.08, atol=0.005)


def test_jansen_rit_regimes():
    """With v0 = 6 mV: alpha at an input of 0.22 kHz, slow spikes at 0.12 kHz, silence at 0.05 kHz (Jansen & Rit 1995)."""
    model = models.JansenRit(mu=np.array([0.22, 0.12, 0.05]), v0=6.0)
    y = run(model, model.initial(3), duration=12_000, step=0.5, sample_every=1.0)[2000:]
    eeg = y[:, 1] - y[:, 2]
    alpha, spikes, silent = eeg.T
    frequency = 1e3 / np.diff(upward_crossings(alpha, alpha.mean(), 1.0))
    assert 10 < frequency.mean() < 12
    assert np.ptp(alpha) > 1
    rhythm = 1e3 / np.diff(upward_crossings(spikes, spikes.min() + 0.8 * np.ptp(spikes), 1.0))
    assert 2.2 < rhythm.mean() < 2.8
    assert np.ptp(spikes) > np.ptp(alpha)
    assert np.ptp(silent) < 1e-3


def test_wilson_cowan_preset_oscillates():
    """Wilson & Cowan 1972, figure 11; the default set rests."""
    wave = run(models.WilsonCowan.oscillating(), [[0.1], [0.1]], duration=1000, step=0.5, sample_every=1.0)[500:, 0, 0]
    assert np.ptp(wave) > 0.1
    assert len(upward_crossings(wave, wave.mean(), 1.0)) >= 4
    rest = run(models.WilsonCowan(), [[0.1], [0.1]], duration=1000, step=0.5, sample_every=1.0)[500:, 0, 0]
    assert np.ptp(rest) < 1e-6
