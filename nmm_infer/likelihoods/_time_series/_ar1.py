"""Autocorrelated Gaussian measurement noise."""

import jax.numpy as jnp

from ...parameters import Slot, param
from .._base import AbstractSimulating
from .._failure import Failure, because, first_of
from ._series import bind_series, check_noiseless, finite


class AR1(AbstractSimulating):
    r"""Every channel is the signal plus noise that remembers its last sample.

    y_t = x_t + e_t,  e_t = φ e_{t-1} + s √(1 - φ²) ε_t,  with standard normal ε_t

    s is the standard deviation of the noise and φ the correlation of successive samples, so that independent
    noise is φ = 0. Residuals of EEG and BOLD are positively correlated; taken as independent they count about
    (1 + φ)/(1 - φ) times too many, and intervals come out too narrow by the square root of that.

    The pointwise log likelihood is that of each sample given the one before it, which is what
    leave-future-out validation needs; leave-one-out treats as known the neighbours of what is left out.
    """

    scale: Slot = param(
        1.0, doc="standard deviation of the noise, in the unit of the data", low=1e-12, high=1e6
    )
    correlation: Slot = param(0.0, doc="correlation of the noise in successive samples", low=-0.99, high=0.99)

    def check_network(self, network):
        check_noiseless(self, network)

    def bind(self, recording, observe, expected):
        observed = bind_series(recording, observe, expected)
        if observed.values.shape[0] < 2:
            raise ValueError(
                "AR1 got 1 sample, expected at least 2: the correlation of successive samples has to be seen;"
                " or use Gaussian"
            )
        return observed

    def distribution(self, network, observe, simulate, observed):
        from ..._distributions._autoregressive import Autoregressive

        values, failure = finite(simulate(network, observe))
        correlation = jnp.asarray(self.correlation)
        stationary = jnp.all(jnp.abs(correlation) < 1.0)
        return Autoregressive(values, self.scale, jnp.where(stationary, correlation, 0.0)), first_of(
            failure, because((~stationary, Failure.ZERO_DENSITY))
        )
