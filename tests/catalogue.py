"""Constructors of every model and preset, and of every coupling."""

from nmm_infer import couplings, models

# One dictionary, every property: a new model joins with one line here and one formula in `formulas`.
MODELS = {
    "CoombesByrne": models.CoombesByrne,
    "CoombesByrne4D": models.CoombesByrne4D,
    "DumontGutkin": models.DumontGutkin,
    "Epileptor": models.Epileptor,
    "Epileptor2D": models.Epileptor2D,
    "ERP": models.ERP,
    "FitzHughNagumo": models.FitzHughNagumo,
    "GastSchmidtKnoscheSD": models.GastSchmidtKnoscheSD,
    "GastSchmidtKnoscheSFA": models.GastSchmidtKnoscheSFA,
    "Generic2dOscillator": models.Generic2dOscillator,
    "Hopf": models.Hopf,
    "HORN": models.HORN,
    "JansenRit": models.JansenRit,
    "Kuramoto": models.Kuramoto,
    "LarterBreakspear": models.LarterBreakspear,
    "LarterBreakspear.chaotic": models.LarterBreakspear.chaotic,
    "LeakyIntegrator": models.LeakyIntegrator,
    "Linear": models.Linear,
    "Lorenz": models.Lorenz,
    "MontbrioPazoRoxin": models.MontbrioPazoRoxin,
    "ReducedWongWang": models.ReducedWongWang,
    "StuartLandau": models.StuartLandau,
    "ThresholdLinear": models.ThresholdLinear,
    "VanDerPol": models.VanDerPol,
    "WilsonCowan": models.WilsonCowan,
    "WilsonCowan.oscillating": models.WilsonCowan.oscillating,
    "WilsonCowan.without_saturation": models.WilsonCowan.without_saturation,
    "WilsonCowan.symmetric": models.WilsonCowan.symmetric,
    "WilsonCowan.threshold_linear": models.WilsonCowan.threshold_linear,
    "WilsonCowan.divisive": models.WilsonCowan.divisive,
    "WilsonCowan with Sigmoid": lambda: models.WilsonCowan(response=models.Sigmoid()),
    "WilsonCowanAdaptive": models.WilsonCowanAdaptive,
    "WilsonCowanDelayed": models.WilsonCowanDelayed,
    "WilsonCowanThreePopulations": models.WilsonCowanThreePopulations,
    "WongWang": models.WongWang,
    "WongWangExcInh": models.WongWangExcInh,
    "Zerlaut": models.Zerlaut,
    "ZetterbergJansen": models.ZetterbergJansen,
}

# A new coupling joins with one line here and one formula in `tests/networks/test_couplings.py`. Slots differ
# from their defaults, so that each one counts.
COUPLINGS = {
    "Additive": lambda: couplings.Additive(G=0.3),
    "Diffusive": lambda: couplings.Diffusive(G=0.3),
    "HyperbolicTangent": lambda: couplings.HyperbolicTangent(G=0.3, a=0.7, b=1.3, midpoint=0.2, sigma=0.6),
    "Kuramoto": lambda: couplings.Kuramoto(K=0.3, alpha=0.4),
    "Laplacian": lambda: couplings.Laplacian(G=0.3),
    "Sigmoidal": lambda: couplings.Sigmoidal(cmin=-0.7, cmax=1.4, midpoint=0.2, a=1.3, sigma=0.6),
    "SigmoidalJansenRit": lambda: couplings.SigmoidalJansenRit(
        cmin=0.1, cmax=0.7, midpoint=0.4, r=1.7, a=2.5
    ),
}
