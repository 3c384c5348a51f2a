"""Where numbers enter from outside, one line for each: their values in the right order, their axes, and what
becomes of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import nmm_infer as nmm

REGIONS = ("a", "b", "c", "d")
RNG = np.random.default_rng(0)
W = np.where(np.eye(4, dtype=bool), 0.0, RNG.uniform(1.0, 2.0, (4, 4)))
LENGTHS = np.where(np.eye(4, dtype=bool), 0.0, RNG.uniform(10.0, 20.0, (4, 4)))
CENTRES, COURSES, GAIN, ONE = (RNG.normal(size=shape) for shape in ((4, 3), (5, 4), (3, 4), (4,)))
PLAIN = nmm.Connectome(W, labels=REGIONS)
TIME = RNG.uniform(5.0, 20.0, 4)
START = RNG.normal(size=(2, 4))
COVARIANCE = np.cov(RNG.normal(size=(30, 4)).T)
PRIOR = nmm.Prior(dist.Normal(0.0, 1.0))


def network(**options):
    options = {"model": nmm.models.LeakyIntegrator()} | options
    return nmm.Network(
        options.pop("model"), PLAIN, nmm.couplings.Additive(G=options.pop("G", 0.1)), **options
    )


# Data are bound without a simulation by the one, and on the grid of a simulation by the other.
LINEAR = nmm.Problem(
    network(G=PRIOR, noise=nmm.noises.Additive(sigma=0.1)),
    nmm.observe.Subsample(),
    nmm.likelihoods.Covariance(dof=30.0),
)
SIMULATED = nmm.Problem(
    network(G=PRIOR), nmm.observe.Subsample(period=1.0), nmm.likelihoods.Gaussian(), duration=5.0, step=1.0
)


def seen(gain):
    return nmm.observe.LeadField(gain)(
        nmm.Signal(jnp.eye(4), 1.0, ("time", "region"), ((), REGIONS), "x", "1")
    ).values.T


def drawn(maps):
    from numpyro import handlers

    prior = nmm.FromMaps(0.0, 1.0, maps)
    with handlers.seed(rng_seed=0):
        return nmm.sample(network(model=nmm.models.LeakyIntegrator(I=prior))).model.I


class Entrance(NamedTuple):
    """One place where numbers enter.

    Fields:
        values: in the right order and unit.
        axes: their names.
        name: how messages call it.
        use: what becomes of them.
        unit: what numbers without one are in; None: any, or one that others know.
    """

    values: np.ndarray
    axes: tuple[str, ...]
    name: str
    use: Callable[[Any], Any]
    unit: str | None = None


TO_FROM, REGION, TIMES = ("to", "from"), ("region",), ("time", "region")
ENTRANCES = {
    "weights": Entrance(
        W, TO_FROM, "Connectome(weights=...)", lambda x: nmm.Connectome(x, labels=REGIONS).weights, "1"
    ),
    "lengths": Entrance(
        LENGTHS, TO_FROM, "Connectome(lengths=...)", lambda x: nmm.Connectome(W, x, REGIONS).lengths, "mm"
    ),
    "centres": Entrance(
        CENTRES,
        ("region", "axis"),
        "Connectome(centres=...)",
        lambda x: nmm.Connectome(W, labels=REGIONS, centres=x).centres,
        "mm",
    ),
    "edges": Entrance(
        W > 1.4,
        TO_FROM,
        "Connectome(edges=...)",
        lambda x: nmm.Connectome(0.0 * W, labels=REGIONS, edges=x).edges.exists,
    ),
    "model": Entrance(
        TIME,
        REGION,
        "LeakyIntegrator(tau=...)",
        lambda x: network(model=nmm.models.LeakyIntegrator(tau=x)).model.tau,
        "ms",
    ),
    "group": Entrance(
        ONE,
        REGION,
        "LeakyIntegrator(I=...)",
        lambda x: network(model={"one": nmm.models.LeakyIntegrator(I=x)}, groups={}).model.groups["one"].I,
        "1",
    ),
    "coupling": Entrance(ONE, REGION, "Additive(G=...)", lambda x: network(G=x).coupling.G, "1"),
    "noise": Entrance(
        TIME,
        REGION,
        "OrnsteinUhlenbeck(tau=...)",
        lambda x: network(noise=nmm.noises.OrnsteinUhlenbeck(tau=x)).noise.tau,
        "ms",
    ),
    "stimulus": Entrance(
        TIME,
        REGION,
        "Pulse(onset=...)",
        lambda x: network(stimulus=nmm.stimuli.Pulse(onset=x)).stimulus.onset,
        "ms",
    ),
    "maps of a prior": Entrance(ONE, REGION, "FromMaps(maps=...)", drawn),
    "initial": Entrance(
        START,
        ("state", "region"),
        "Network(initial=...)",
        lambda x: network(model=nmm.models.Hopf(), initial=x).initial,
        "1",
    ),
    "recorded stimulus": Entrance(
        COURSES,
        TIMES,
        "FromArray(values=...)",
        lambda x: network(stimulus=nmm.stimuli.FromArray(x, 1.0)).stimulus.values,
        "1",
    ),
    "gain": Entrance(GAIN, ("sensor", "region"), "LeadField(gain=...)", seen),
    "data": Entrance(COURSES, TIMES, "data", lambda x: SIMULATED.condition(x).values),
    "covariance as data": Entrance(
        COVARIANCE, ("region", "region_2"), "data", lambda x: LINEAR.condition(x).values
    ),
}
# Labels of axes that are not regions; None: they have none.
OTHER = {"axis": ("x", "y", "z"), "state": ("x", "y"), "sensor": ("s", "t", "v"), "time": None}


def names_of(axes):
    """The labels along each axis; None: none."""
    return [OTHER.get(axis, REGIONS) for axis in axes]


def labelled(values, axes, **names):
    """A DataArray; `names` are other labels than the right ones."""
    import xarray as xr

    coords = {axis: list(labels) for axis, labels in zip(axes, names_of(axes), strict=True) if labels} | names
    return xr.DataArray(values, dims=axes, coords=coords)


def table(values, axes):
    """A DataFrame, or a Series of one axis."""
    import pandas as pd

    names = names_of(axes)
    return pd.Series(values, names[0]) if len(axes) == 1 else pd.DataFrame(values, *names)
