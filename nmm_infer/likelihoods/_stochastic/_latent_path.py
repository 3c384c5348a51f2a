"""The path of a stochastic network, inferred along with its parameters."""

import math
from contextlib import ExitStack
from typing import Any

import equinox as eqx

from ..._networks._network import Network
from ..._tools._kinds import kind_of
from ...noises._innovations import Innovations
from ...priors._base import AbstractPrior
from ...priors._trials import by_trial
from .._base import AbstractLikelihood, AbstractSimulating
from .._capabilities import simulates


class StandardNormals(AbstractPrior):
    """Independent standard normals, one for each interval, noisy state and region; and for each trial, where
    there are trials.
    """

    def bind(self, unit, what):
        return self

    def along(self, plate):
        return self

    def draw(self, name, plates):
        import numpyro
        import numpyro.distributions as dist

        # The plate that is entered first is the last axis.
        dims = [dim for dim in ("region", "noisy", "interval", "trial") if dim in plates]
        with ExitStack() as stack:
            for dim in dims:
                stack.enter_context(numpyro.plate(dim, plates[dim]))
            return by_trial(dims[-1], numpyro.sample(name, dist.Normal(0.0, 1.0)))


class LatentPath(AbstractSimulating):
    """The noise of the network is unknown like a parameter, and the measurement is of the path that it
    drives.

    x' = f(x) + noise,  y = observed x + measurement noise

    Exact for any network, linear or not, and whatever its noise and observation: nothing is linearised, and
    nothing is averaged out. The unknowns are the innovations z ~ N(0, 1) of the noise, from which the path
    follows (the non-centred form: Papaspiliopoulos, Roberts & Sköld 2007; for networks of neural masses
    Hashemi et al. 2020, NeuroImage 217:116839). There is one for every step, noisy state and region, so this
    is for short epochs: hundreds to some thousands of unknowns, sampled with
    `NUTS(metric=metrics.Diagonal())` or `MCLMC`. Where measurement noise is small, the data determine the
    path and innovations become strongly correlated, which samplers feel. Stationary linear fluctuations are
    better served by `Spectral`, which integrates the path out.

    The site of the innovations is `likelihood.innovations`, dims `interval`, `noisy`, `region`. Noise with a
    state of its own (`OrnsteinUhlenbeck`) has a further row, the first, for its start. The initial state of
    the network is not among them: give `Network(initial=...)` a prior, or let a transient forget it.

    Args:
        measurement: likelihood of the observed path, such as `Gaussian(scale=...)`.
        steps: solver steps that share an innovation. More than 1 makes for fewer unknowns; the noise is then
            constant over so many steps, which is right while they are short against what the network follows.
    """

    measurement: AbstractLikelihood
    steps: int = eqx.field(static=True, default=1)
    innovations: Any = StandardNormals()

    def __check_init__(self):
        if not simulates(self.measurement):
            raise TypeError(
                f"LatentPath(measurement=...) got {kind_of(self.measurement)}, expected one of a simulation,"
                " such as nmm.likelihoods.Gaussian()"
            )
        if not (isinstance(self.steps, int) and self.steps >= 1):
            raise ValueError(
                f"LatentPath(steps=...) got {self.steps!r}, expected a whole number of at least 1"
            )

    def check_network(self, network):
        if network.noise is None:
            raise ValueError(
                "LatentPath needs a network with noise, such as nmm.Network(...,"
                " noise=nmm.noises.Additive(sigma=0.01))"
            )

    def plates(self, network, steps):
        assert steps is not None
        assert network.noise is not None
        return {
            "interval": math.ceil(steps / self.steps) + network.noise.has_memory,
            "noisy": len(network.noisy_states),
        }

    def bind(self, recording, observe, expected):
        return self.measurement.bind(recording, observe, expected)

    def given(self, network: Network) -> Innovations:
        """The drawn noise, as `nmm.solve(network, ..., key=likelihood.given(network))` takes it: the way to
        the path itself.
        """
        assert network.noise is not None
        z = self.innovations
        return (
            Innovations(z[1:], self.steps, z[0]) if network.noise.has_memory else Innovations(z, self.steps)
        )

    def distribution(self, network, observe, simulate, observed):
        key = self.given(network)
        return self.measurement.distribution(
            network, observe, lambda network, observe: simulate(network, observe, key), observed
        )
