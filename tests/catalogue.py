"""Constructors of every model and preset."""

from nmm_infer import models

# One dictionary, every property: a new model joins with one line here and one formula in `formulas`.
MODELS = {
    "Generic2dOscillator": models.Generic2dOscillator,
    "Hopf": models.Hopf,
    "HORN": models.HORN,
    "JansenRit": models.JansenRit,
    "LeakyIntegrator": models.LeakyIntegrator,
    "Linear": models.Linear,
    "MontbrioPazoRoxin": models.MontbrioPazoRoxin,
    "ReducedWongWang": models.ReducedWongWang,
    "WilsonCowan": models.WilsonCowan,
    "WilsonCowan.oscillating": models.WilsonCowan.oscillating,
    "WongWangExcInh": models.WongWangExcInh,
}
