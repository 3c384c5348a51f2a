"""Regional parameters of columns from EEG: `python -m benchmarks.eeg [--only jansen_rit,wilson_cowan]`.

68 regions, seen by 64 electrodes through the lead field of a template head, against the average reference. The recording is simulated in time by the full
nonlinear network, with measurement noise of another amplitude in each channel, and fitted by `Spectral` from 1 to 45 Hz. Unknown are, of every region, at
which potential or activity it rests (partially pooled), how near the network is to instability, the noise of the dynamics and that of every channel. Jansen
and Rit's columns rest beside the oscillation, so that alpha is a resonance.

Bars: R-hat below 1.01, every effective sample size above 400, no divergence, in less than 30 minutes, compilation included; where `check.linearity` calls the
posterior good, 90 % intervals hold 82 to 96 % of the regions' truths.
"""

import argparse
import json
import math
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .fits import HEAD, Fit, cells, circumstances, earlier, fitted, publish, report, table

RESULT = Path(__file__).parent / "results" / "eeg.md"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "eeg.png"
# Seconds.
BAR = 1800.0
COVERAGE = (0.82, 0.96)
# Milliseconds.
INTERVAL, DURATION, STEP, TRANSIENT = 4.0, 120_000.0, 0.5, 5_000.0
LOOP_GAIN = 0.3


class Column(NamedTuple):
    """A model of a region, and its activity.

    Fields:
        title: in words.
        model: with known parameters.
        state, by: which state is told, and what follows.
        centre, spread: of that state over regions.
        sigma: of the noise of the dynamics.
        level: of the measurement noise, in the middle of the channels.
    """

    title: str
    model: Any
    state: str
    by: str
    centre: float
    spread: float
    sigma: float
    level: float


def columns() -> dict[str, Column]:
    """name → model."""
    import nmm_infer as nmm

    return {
        "jansen_rit": Column("Jansen–Rit, y1", nmm.models.JansenRit(v0=6.0), "y1", "mu", 34.0, 1.0, 0.01, 0.05),
        "wilson_cowan": Column("Wilson–Cowan, E", nmm.models.WilsonCowan(), "E", "P", 0.12, 0.02, 0.003, 0.003),
    }


class Setting(NamedTuple):
    """What is simulated and fitted.

    Fields:
        problem: with priors.
        data: µV, of every channel.
        truth: of every region, in the order of the connectome.
    """

    problem: Any
    data: Any
    truth: Any


def setting(of: Column, regions: int | None = None, seed: int = 0) -> Setting:
    """The problem, and a recording by the nonlinear network."""
    import brainunit as u
    import jax
    import numpyro.distributions as dist

    import nmm_infer as nmm

    connectome = nmm.datasets.desikan_killiany(cortical=True)
    connectome = connectome.select(connectome.labels[:regions]).power(0.3).scaled_by_spectral_radius()
    gain = nmm.datasets.leadfield().sel(region=list(connectome.labels))
    gain = gain / np.sqrt(float((gain**2).sum("region").mean()))
    gain.attrs["units"] = "uV"
    n, sensors = connectome.n_regions, gain.sizes["sensor"]
    rng = np.random.default_rng(seed)
    observe = nmm.observe.LeadField(gain, average_reference=True)

    def network(sigma: Any) -> Any:
        return nmm.Network(of.model, connectome, nmm.couplings.Additive(), noise=nmm.noises.Additive(sigma=sigma))

    truth = of.centre + of.spread * rng.normal(size=n)
    at_rest = nmm.AtRest({of.state: truth}, by=of.by, loop_gain=LOOP_GAIN)(network(of.sigma))
    recorded = nmm.observe.Chain(nmm.observe.Subsample(period=INTERVAL), observe)
    signal = nmm.solve(at_rest, DURATION, step=STEP, transient=TRANSIENT, key=jax.random.key(seed), observe=recorded)
    each = of.level * np.exp(0.4 * rng.normal(size=sensors))
    clean = np.asarray(signal.values)
    noisy = clean + each * rng.normal(size=clean.shape)
    likelihood = nmm.likelihoods.Spectral(
        band=(1.0 * u.Hz, 45.0 * u.Hz),
        bands=22,
        noise=nmm.Prior(dist.LogNormal(np.full(sensors, math.log(of.level)), 0.5)),
        repetition_time=INTERVAL,
    )
    told = nmm.Pooled(nmm.Prior(dist.Normal(of.centre, of.spread)), nmm.Prior(dist.LogNormal(math.log(of.spread), 0.3)), centred=1.0)
    prepare = nmm.AtRest({of.state: told}, by=of.by, loop_gain=nmm.Prior(dist.Beta(2.0, 4.0)))
    problem = nmm.Problem(network(nmm.Prior(dist.LogNormal(math.log(of.sigma), 0.5))), observe, likelihood, prepare=prepare)
    return Setting(problem, noisy - noisy.mean(axis=1, keepdims=True), truth)
