"""Independent Gaussian measurement noise."""

from ..parameters import Slot, param
from .base import AbstractLikelihood
from .series import bind_series, finite


class Gaussian(AbstractLikelihood):
    """Every sample of every channel is the signal plus independent Gaussian noise.

    Samples of BOLD or EEG that were filtered are not independent; for them see `Spectral`.
    """

    scale: Slot = param(1.0, doc="standard deviation of the noise, in the unit of the data", low=1e-12, high=1e6)

    @property
    def simulates(self):
        return True

    def bind(self, recording, observe, expected):
        return bind_series(recording, observe, expected)

    def distribution(self, network, observe, simulate, observed):
        import numpyro.distributions as dist

        values, valid = finite(simulate())
        return dist.Normal(values, self.scale), valid
