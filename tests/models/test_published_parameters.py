"""Default parameters that are not TVB's, each from its source in the source's units; TVB's are compared with
its file in `tests/models/test_models.py`.
"""

import brainunit as u
import numpy as np
import pytest

from nmm_infer import models

PUBLISHED = {
    # Our choice (models.md): well above the bifurcation, with a period of 31 ms.
    models.Hopf: {"a": 0.25, "omega": 0.2, "beta": 1.0},
    models.StuartLandau: {"a": 0.25, "omega": 0.2},
    models.VanDerPol: {"mu": 1.0},
    # models.md.
    models.FitzHughNagumo: {
        "alpha": 3.0,
        "beta": 4.0,
        "gamma": -1.5,
        "delta": 0.0,
        "epsilon": 0.5,
        "tau": 20 * u.ms,
        "I": 0.0,
    },
    # Chaudhuri et al. 2015, Neuron 88:419, whose slopes are Hz per pA.
    models.ThresholdLinear: {
        "tau_e": 20 * u.ms,
        "tau_i": 10 * u.ms,
        "beta_e": 0.066,
        "beta_i": 0.351,
        "I_e": 0.0,
        "I_i": 0.0,
    },
    # Lorenz 1963, J Atmos Sci 20:130, section 7.
    models.Lorenz: {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
    # Wong & Wang 2006, J Neurosci 26:1314, the reduced two-variable model. Its J_A is 0.00052 nA/Hz.
    models.WongWang: {
        **{
            "a": 270 * u.Hz / u.nA,
            "b": 108 * u.Hz,
            "d": 0.154 * u.second,
            "gamma": 0.641,
            "tau_s": 0.1 * u.second,
        },
        **{"J11": 0.2609 * u.nA, "J22": 0.2609 * u.nA, "J12": 0.0497 * u.nA, "J21": 0.0497 * u.nA},
        **{"J_A": 0.00052 * u.nA / u.Hz, "mu0": 30 * u.Hz, "coherence": 0.0, "I_0": 0.3255 * u.nA},
    },
    # models.md, the true parameters of the published benchmark (Baldy et al. 2025, J R Soc Interface
    # 22:20240880).
    models.ERP: {
        **{"g_1": 0.42, "g_2": 0.76, "g_3": 0.15, "g_4": 0.16, "delta": 12.13 * u.ms, "u": 3.94},
        **{"tau_i": 7.77 * u.ms, "h_i": 27.87 * u.mV, "tau_e": 5.77 * u.ms, "h_e": 1.63 * u.mV},
    },
    # TVB's GastSchmidtKnosche_SF, which is not in the file.
    models.GastSchmidtKnoscheSFA: {
        **{
            "tau": 1.0,
            "tau_A": 10.0,
            "alpha": 10.0,
            "I": 0.0,
            "Delta": 2.0,
            "J": 21.2132,
            "eta": 1.0,
            "cr": 1.0,
            "cv": 0.0,
        },
    },
    # models.md, after Effenberger et al. 2025, PNAS 122:e2412830122: a period of 28 steps.
    models.HORN: {"alpha": 0.04, "omega": 2 * np.pi / 28, "gamma": 0.01, "kappa": 0.0},
    # models.md.
    models.WilsonCowanAdaptive: {"tau_a": 100 * u.ms, "b": 0.1},
}


@pytest.mark.parametrize("cls", PUBLISHED, ids=lambda cls: cls.__name__)
def test_defaults_are_the_published_ones(cls):
    published, default = cls(**PUBLISHED[cls]), cls()
    assert set(PUBLISHED[cls]) == set(cls.parameters())
    for name in cls.parameters():
        np.testing.assert_allclose(getattr(default, name), getattr(published, name), rtol=1e-12, err_msg=name)


def test_oscillating_wilson_cowan_has_the_published_weights():
    """Wilson & Cowan 1972, Biophys J 12:1, figure 11: c1 to c4 (c2 weights I → E) are 16, 12, 15, 3, slopes
    and thresholds (1.3, 4) and (2, 3.7), P = 1.25.
    """
    published = {
        "c_ee": 16.0,
        "c_ei": 12.0,
        "c_ie": 15.0,
        "c_ii": 3.0,
        "a_e": 1.3,
        "b_e": 4.0,
        "a_i": 2.0,
        "b_i": 3.7,
        "P": 1.25,
    }
    preset, default = models.WilsonCowan.oscillating(), models.WilsonCowan()
    changed = {
        name: float(getattr(preset, name))
        for name in models.WilsonCowan.parameters()
        if getattr(preset, name) != getattr(default, name)
    }
    assert changed == published
