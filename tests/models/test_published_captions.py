"""Numbers in the captions of the models' pictures (`docs/hallmarks`), measured once more with the plain
Runge–Kutta loop.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
from running import run, upward_crossings

from nmm_infer import models

HALLMARKS = Path(__file__).parents[2] / "docs" / "hallmarks"


def signal(model, state, duration, step, transient, every=0.1):
    """One state of the model after a transient."""
    y = run(model, model.initial(1), duration=transient + duration, step=step, sample_every=every)
    return y[round(transient / every) :, model.state_names().index(state), 0]


def period(x, every=0.1, level=None):
    """Mean time (ms) between upward crossings of the level, by default the mean."""
    return np.diff(upward_crossings(x, x.mean() if level is None else level, every)).mean()


def column(mu, level=None):
    """Frequency (Hz) of the Jansen–Rit column's EEG."""
    model = models.JansenRit(mu=mu, v0=6.0)
    y = run(model, model.initial(1), duration=6000, step=0.2, sample_every=1.0)[2000:, :, 0]
    return 1e3 / period(y[:, 1] - y[:, 2], 1.0, level)


def wilson_cowan_edges():
    """Inputs between which the defaults keep what they have, to 0.01: the ends of the states reached from
    above and from below.
    """
    P = np.arange(-60, 41) / 100
    high, low = (
        run(
            models.WilsonCowan(P=P), np.tile([[E], [I]], P.size), duration=20_000, step=0.5, sample_every=1000
        )[-1, 0]
        for E, I in ((0.5, 0.3), (0, 0))
    )
    both = P[high - low > 0.2]
    return both.min(), both.max()


def reduced_wong_wang_folds():
    """w on the curve of fixed points, parametrised by S, where it turns; I_o = 0.3 nA."""
    S, x = np.linspace(1e-3, 0.9, 20_001), np.linspace(0.2, 1.5, 200_002)
    drive = 0.27 * x - 0.108
    at = np.interp(S / (100 * 0.641 * (1 - S)), drive / (1 - np.exp(-154 * drive)), x)
    w = (at - 0.3) / (0.2609 * S)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(w)))) + 1
    return np.sort(w[turns])


def erp_peaks():
    model = models.ERP(delta=np.array([12.13, 0.0]))
    x9 = run(model, model.initial(2), duration=200, step=0.05, sample_every=0.05)[:, 8]
    trough, first, second = x9[:, 0].argmin(), x9[:, 0].argmax(), x9[:, 1].argmax()
    times = 0.05 * (np.array([trough, first, second]) + 1)
    return *x9[[trough, first], 0], x9[second, 1], *times


RHYTHMS = {
    "coombes_byrne_4d": (
        "here of {:.1f} ms",
        lambda: period(signal(models.CoombesByrne4D(), "r", 60, 0.005, 60, 0.01), 0.01),
    ),
    "dumont_gutkin": (
        "rhythm of {:.0f} Hz",
        lambda: (
            1e3
            / period(
                signal(models.DumontGutkin(I_e=10.0, J_ie=10.0, J_ei=10.0, J_ii=0.0), "r_e", 500, 0.02, 300)
            )
        ),
    ),
    "epileptor": (
        "one in {:.2f} s",
        lambda: period(signal(models.Epileptor(), "z", 6000, 0.05, 2000, 0.5), 0.5, 3.5) / 1e3,
    ),
    "epileptor_2d": (
        "every {:.1f} s",
        lambda: period(signal(models.Epileptor2D(), "x1", 9000, 0.1, 2000, 1.0), 1.0) / 1e3,
    ),
    "erp": (
        (
            "a trough of {0:.1f} mV after {3:.0f} ms and a peak of {1:.1f} mV after {4:.0f} ms. "
            "Without adaptation (δ = 0) there is no trough, and a peak of {2:.1f} mV after {5:.0f} ms."
        ),
        erp_peaks,
    ),
    "fitzhugh_nagumo": (
        "period of {:.0f} ms at I = 1",
        lambda: period(signal(models.FitzHughNagumo(I=1.0), "V", 1000, 0.1, 1000)),
    ),
    "gast_schmidt_knosche_sd": (
        "a burst every {:.0f} ms",
        lambda: period(signal(models.GastSchmidtKnoscheSD(eta=-5.5), "A", 500, 0.01, 300)),
    ),
    "gast_schmidt_knosche_sfa": (
        "a burst every {:.0f} ms",
        lambda: period(signal(models.GastSchmidtKnoscheSFA(), "A", 500, 0.005, 300)),
    ),
    "generic_2d_oscillator": (
        "a period of {:.0f} ms",
        lambda: period(signal(models.Generic2dOscillator(a=2.0), "V", 2000, 0.2, 2000, 0.2), 0.2),
    ),
    "jansen_rit": (
        "alpha at {:.1f} Hz with 0.22 kHz, slow spikes at {:.1f} Hz",
        lambda: (column(0.22), column(0.12, 9.0)),
    ),
    "reduced_wong_wang": ("w between {:.2f} and {:.2f} low", reduced_wong_wang_folds),
    "van_der_pol": (
        "at μ = 1 it is {:.2f} ms",
        lambda: period(signal(models.VanDerPol(), "x", 200, 0.01, 100, 0.01), 0.01, 0.0),
    ),
    "wilson_cowan": (
        "a rhythm of {:.0f} Hz",
        lambda: 1e3 / period(signal(models.WilsonCowan.oscillating(), "E", 2000, 0.1, 1000)),
    ),
    "wilson_cowan_adaptive": (
        "here at {:.1f} Hz",
        lambda: (
            1e3
            / period(
                signal(
                    models.WilsonCowanAdaptive(core=models.WilsonCowan(P=1.0), b=6.0, tau_a=500.0),
                    "E",
                    8000,
                    0.5,
                    2000,
                    1.0,
                ),
                1.0,
            )
        ),
    ),
    "wilson_cowan_delayed": (
        "oscillate at {:.0f} Hz",
        lambda: (
            1e3
            / period(
                signal(
                    models.WilsonCowanDelayed(core=models.WilsonCowan.oscillating(P=2.5)),
                    "E",
                    2000,
                    0.1,
                    1000,
                )
            )
        ),
    ),
    "zetterberg_jansen": (
        "an alpha rhythm of {:.1f} Hz",
        lambda: (
            1e3
            / period(
                signal(
                    models.ZetterbergJansen(gamma_5=0.0, P=0.22, U=0.0, Q=0.0), "v6", 3000, 0.2, 3000, 1.0
                ),
                1.0,
            )
        ),
    ),
}


def caption(stem):
    return " ".join(
        (ast.get_docstring(ast.parse((HALLMARKS / f"{stem}.py").read_text(encoding="utf-8"))) or "").split()
    )


@pytest.mark.slow
@pytest.mark.parametrize("stem", RHYTHMS)
def test_caption_says_what_is_measured(stem):
    text, measure = RHYTHMS[stem]
    assert text.format(*np.atleast_1d(measure())) in caption(stem)


@pytest.mark.slow
def test_caption_of_wilson_cowan_has_the_bistable_range():
    low, high = wilson_cowan_edges()
    assert f"between P = {low:.1f} and {high:.2f} activity" in caption("wilson_cowan")
