"""Independent measurement noise with heavy tails."""

from ...parameters import Slot, param
from .._base import AbstractSimulating
from ._series import bind_series, check_noiseless, finite


class StudentT(AbstractSimulating):
    """Every sample is the signal plus independent Student t noise: single artefacts do not carry the fit
    away.
    """

    scale: Slot = param(1.0, doc="scale of the noise, in the unit of the data", low=1e-12, high=1e6)
    df: Slot = param(4.0, doc="degrees of freedom; small: heavy tails", low=1.0, high=100.0)

    def check_network(self, network):
        check_noiseless(self, network)

    def bind(self, recording, observe, expected):
        return bind_series(recording, observe, expected)

    def distribution(self, network, observe, simulate, observed):
        import numpyro.distributions as dist

        values, failure = finite(simulate(network, observe))
        return dist.StudentT(self.df, values, self.scale), failure
