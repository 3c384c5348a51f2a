"""What the phenomenological models do, against published numbers."""

import numpy as np
from running import run, upward_crossings

from nmm_infer import models


def test_hopf_amplitude_and_period():
    """√(a/β) and 2π/ω on either side of the bifurcation, which an integrator must not move."""
    a, beta = np.array([0.25, 0.01, 0.25, -0.003]), np.array([1.0, 1.0, 4.0, 1.0])
    model = models.Hopf(a=a, omega=0.3, beta=beta)
    y = run(model, np.tile([[0.3], [0.0]], 4), duration=4000, step=0.1, sample_every=0.5)
    radius = np.hypot(y[:, 0], y[:, 1])
    np.testing.assert_allclose(radius[-100:, :3], np.tile([0.5, 0.1, 0.25], (100, 1)), rtol=1e-4)
    # Below the bifurcation the radius decays with rate |a|, a little faster while it is large.
    assert radius[-1, 3] < 0.3 * np.exp(-0.003 * 4000)
    np.testing.assert_allclose(radius[-1, 3] / radius[-2001, 3], np.exp(-0.003 * 1000), rtol=1e-3)
    times = upward_crossings(y[4000:, 0, 0], 0.0, 0.5)
    np.testing.assert_allclose(np.diff(times).mean(), 20.94, atol=0.01)
