"""Independent Gaussian measurement noise."""

from ...parameters import Slot, param
from .._base import AbstractSimulating
from ._series import bind_series, check_noiseless, finite


class Gaussian(AbstractSimulating):
    """Every sample of every channel is the signal plus independent Gaussian noise.

    Samples of BOLD or EEG that were filtered are not independent; for them see `AR1` and `Spectral`.
    """

    scale: Slot = param(
        1.0, doc="standard deviation of the noise, in the unit of the data", low=1e-12, high=1e6
    )

    def check_network(self, network):
        check_noiseless(self, network)

    def bind(self, recording, observe, expected):
        return bind_series(recording, observe, expected)

    def distribution(self, network, observe, simulate, observed):
        import numpyro.distributions as dist

        values, failure = finite(simulate(network, observe))
        return dist.Normal(values, self.scale), failure
