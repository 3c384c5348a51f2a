"""Models, likelihoods, engines and arrangements, to be tried with each other: a new one joins by one line.

What is tried is that they work together, at five draws and with two regions; that each is right has tests of
its own.
"""

import itertools

import numpy as np
import numpyro.distributions as dist

import nmm_infer as nmm

CONNECTOME = nmm.Connectome([[0.0, 1.0], [1.0, 0.0]], [[0.0, 40.0], [40.0, 0.0]], labels=["left", "right"])
PERIOD = 5.0


def regional(mean, sd):
    """A prior over regions near `mean`."""
    return nmm.Prior(dist.Normal(mean, sd), over="region")


def _network(model, G, sigma, delays=False, **options):
    noise = nmm.noises.Additive(sigma=nmm.Prior(dist.LogNormal(np.log(sigma), 0.1)))
    return nmm.Network(
        model, CONNECTOME, nmm.couplings.Additive(G=G), noise=noise, speed=4.0 if delays else None, **options
    )


def _mixed(delays):
    models = {
        "slow": nmm.models.LeakyIntegrator(tau=nmm.Prior(dist.LogNormal(3.0, 0.1))),
        "gate": nmm.models.ReducedWongWang(I_o=0.32),
    }
    return _network(models, 0.1, 1e-3, delays, groups={"gate": ["right"]})


# name → (network with or without delays, what prepares it).
MODELS = {
    "linear": (
        lambda delays: _network(nmm.models.Linear(gamma=regional(-0.1, 0.01)), 0.02, 0.1, delays),
        None,
    ),
    "leaky": (
        lambda delays: _network(nmm.models.LeakyIntegrator(tau=regional(20.0, 2.0)), 0.3, 0.1, delays),
        None,
    ),
    "hopf": (
        lambda delays: _network(nmm.models.Hopf(a=regional(-0.05, 0.005), omega=0.06), 0.005, 0.01, delays),
        None,
    ),
    "reduced_wong_wang": (
        lambda delays: _network(nmm.models.ReducedWongWang(w=regional(0.5, 0.02)), 0.1, 1e-3, delays),
        None,
    ),
    "wong_wang_exc_inh": (
        lambda delays: _network(nmm.models.WongWangExcInh(w_p=regional(1.4, 0.02)), 0.05, 1e-3, delays),
        nmm.balance,
    ),
    "jansen_rit": (
        lambda delays: _network(nmm.models.JansenRit(mu=regional(0.36, 0.01), v0=6.0), 2.0, 1e-3, delays),
        None,
    ),
    "wilson_cowan": (
        lambda delays: _network(nmm.models.WilsonCowan(P=regional(0.5, 0.05)), 0.05, 1e-3, delays),
        None,
    ),
    "montbrio_pazo_roxin": (
        lambda delays: _network(
            nmm.models.MontbrioPazoRoxin(tau=20.0, eta=regional(-6.0, 0.1)), 0.1, 1e-2, delays
        ),
        None,
    ),
    "told_where_it_rests": (
        lambda delays: _network(nmm.models.ReducedWongWang(w=regional(0.5, 0.02)), 0.1, 1e-3, delays),
        nmm.AtRest({"S": regional(0.16, 0.02)}, by="I_o", loop_gain=nmm.Prior(dist.Beta(4.0, 1.0))),
    ),
    "mixed": (_mixed, None),
}

# name → likelihood. Those that simulate without noise, or filter, say so below.
LIKELIHOODS = {
    "Spectral": lambda: nmm.likelihoods.Spectral(band=(1e-3, 40e-3), bands=4, nodes=1, noise=1e-3),
    "Covariance": lambda: nmm.likelihoods.Covariance(noise=1e-3, dof=20.0),
    "Gaussian": lambda: nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.HalfNormal(0.1))),
    "ExtendedKalman": lambda: nmm.likelihoods.ExtendedKalman(scale=nmm.Prior(dist.HalfNormal(0.1))),
    "Features": lambda: nmm.likelihoods.Features(
        nmm.likelihoods.Log(nmm.observe.Variance()), repetitions=6, noise=1e-3
    ),
}
SIMULATES = {"Gaussian", "Features"}
NOISELESS = {"Gaussian"}
WITHOUT_DELAYS = {"ExtendedKalman"}

# name → engine of a few draws.
_FEW = {"draws": 5, "warmup": 5, "chains": 2, "predictive_draws": 2, "chunk": 5}
ENGINES = {
    "NUTS": lambda **options: nmm.infer.NUTS(max_tree_depth=3, **_FEW, **options),
    "HMC": lambda **options: nmm.infer.HMC(**_FEW, **options),
    "NUTS(Laplace)": lambda **options: nmm.infer.NUTS(
        max_tree_depth=3, metric=nmm.infer.metrics.Laplace(), **_FEW, **options
    ),
    "SVI": lambda: nmm.infer.SVI(steps=10, draws=5, predictive_draws=2),
    "MAP": lambda: nmm.infer.MAP(starts=2),
    "Laplace": lambda: nmm.infer.Laplace(search=nmm.infer.MAP(starts=2), draws=5, predictive_draws=2),
    "Pathfinder": lambda: nmm.infer.Pathfinder(paths=2, draws=5, pool=10, steps=10, predictive_draws=2),
    "SMC": lambda: nmm.infer.SMC(particles=10, chains=1, moves=1, batch=10, predictive_draws=2),
}
# Those whose chains may have devices of their own.
ARRANGED = {"NUTS", "HMC", "NUTS(Laplace)"}
ARRANGEMENTS = {"Parallel": nmm.infer.devices.Parallel, "Vectorised": nmm.infer.devices.Vectorised}


def engine(name, arrangement):
    """The engine of that name."""
    return ENGINES[name](arrangement=ARRANGEMENTS[arrangement]()) if name in ARRANGED else ENGINES[name]()


def problems():
    """Names of every model, likelihood, and whether there are delays, that make a problem."""
    every = itertools.product(MODELS, LIKELIHOODS, (False, True))
    return [
        (model, likelihood, delays)
        for model, likelihood, delays in every
        if not (delays and likelihood in WITHOUT_DELAYS)
    ]


def runs():
    """Everything: problems, engines, arrangements."""
    ways = [
        (name, arrangement)
        for name in ENGINES
        for arrangement in (ARRANGEMENTS if name in ARRANGED else ("Vectorised",))
    ]
    return [(*problem, *way) for problem in problems() for way in ways]


def covering(rows):
    """Of `rows`, few in which every pair of values that occurs together in one does so (greedy)."""

    def pairs(row):
        return set(itertools.combinations(enumerate(row), 2))

    open_pairs, chosen, left = set().union(*map(pairs, rows)), [], {row: pairs(row) for row in rows}
    while open_pairs:
        best = max(left, key=lambda row: len(left[row] & open_pairs))
        open_pairs -= left.pop(best)
        chosen.append(best)
    return chosen


def problem(model, likelihood, delays=False):
    """The problem of a model under a likelihood."""
    make, prepare = MODELS[model]
    network = make(delays)
    if likelihood in NOISELESS:
        network = nmm.Network(
            network.model,
            network.connectome,
            network.coupling,
            speed=network.speed,
            initial=0.9 * np.asarray(network.initial) + 1e-3,
        )
    options = {"duration": 60.0, "step": 1.0} if likelihood in SIMULATES else {}
    return nmm.Problem(
        network, nmm.observe.Subsample(period=PERIOD), LIKELIHOODS[likelihood](), prepare=prepare, **options
    )


def data(problem, likelihood):
    """A recording about as large as the model makes them. That the program runs is what counts, and at a mode
    that is not the edge of stability.
    """
    samples = 12 if likelihood in SIMULATES else 40
    noise = problem.network.noise
    scale = 1.0 if noise is None else min(1.0, 20.0 * float(np.exp(noise.sigma.distribution.loc)))
    return 0.05 * scale * np.random.default_rng(0).normal(size=(samples, 2)).cumsum(axis=0)
