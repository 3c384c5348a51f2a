"""The path of a stochastic network, integrated out step by step."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._networks._network import Network
from ..._signal import Trajectory
from ...observe._base import AbstractObservation, steps_in
from ...observe._chain import Chain
from ...observe._fold import AbstractPointwise
from ...observe._subsample import Subsample
from ...observe._together import Together
from ...parameters import Slot, param
from ...units import milliseconds
from .._base import AbstractLikelihood
from .._failure import Failure
from .._recording import Recording
from .._time_series._series import ObservedSeries, bind_channels


def _step(value: Any) -> float | None:
    return None if value is None else milliseconds(value, "ExtendedKalman(step=...)")


class ExtendedKalman(AbstractLikelihood):
    """Time courses of a noisy network with independent measurement noise, whatever path the noise drove it
    along.

    x' = f(x) + noise,  y = observed x + measurement noise

    The path is integrated out sample by sample: what is known of the state is a Gaussian, which the network
    moves, the noise widens and every sample narrows (Kalman 1960; the extended filter for what is not linear:
    Jazwinski 1970, ch. 8). Exact for linear networks. For others the network is linear over the width of what
    is known of its *present state*, not over all of its dynamics, so that bistable networks, limit cycles and
    transients are fine as long as samples come often and noises are small enough to keep that width small.
    Where they are not, `LatentPath` is exact and costs an unknown for every step.

    One evaluation costs a simulation of as many copies of the network as it has states, and the cube of their
    number: this is for networks of up to some tens of states. Stationary fluctuations around a fixed point of
    larger ones are better served by `Spectral`.

    The pointwise log likelihood is that of each sample given those before it, which is what leave-future-out
    validation needs.

    Args:
        scale: standard deviation of the measurement noise, in the unit of the data; one for each channel, if
            they differ.
        spread: standard deviation of the state at t = 0 around `Network(initial=...)`, in units of the
            states: one number, or `["state region"]`; 0: it is known.
        step: of the solver (classical Runge–Kutta), Quantity or ms; None: one for every sample.

    Raises:
        ValueError: when a problem is made: a network without white noise, or with delays.
    """

    scale: Slot = param(
        1.0, doc="standard deviation of the measurement noise, in the unit of the data", low=1e-12, high=1e6
    )
    spread: Slot = param(
        0.0, doc="standard deviation of the state at t = 0, in units of the states", low=0.0, high=1e6
    )
    step: float | None = eqx.field(
        static=True,
        default=None,
        kw_only=True,
        converter=lambda x: None if x is None else milliseconds(x, "ExtendedKalman(step=...)"),
    )

    def check_network(self, network: Network) -> None:
        if network.noise is None:
            raise ValueError(
                "ExtendedKalman needs a network with noise, such as nmm.Network(...,"
                " noise=nmm.noises.Additive(sigma=0.01)); without it use nmm.likelihoods.Gaussian"
            )
        if network.noise.has_memory:
            raise ValueError(
                f"ExtendedKalman knows white noise only, got {type(network.noise).__name__}; use"
                " nmm.noises.Additive, or LatentPath"
            )
        if network.has_delays:
            raise ValueError(
                "ExtendedKalman knows the present state only, got a network with delays; use Spectral or"
                " LatentPath, or leave Network(speed=...) out"
            )

    def bind(self, recording: Recording, observe: AbstractObservation, expected: Any) -> ObservedSeries:
        period, _ = self._grid(observe)
        labels = expected.regions
        states, inputs = (
            jnp.zeros((1, len(names), len(labels))) for names in (expected.model.states, expected.model.ports)
        )
        predicted = eqx.filter_eval_shape(
            lambda: observe(Trajectory(states, expected.model, period, labels, inputs))
        )
        return bind_channels(recording, predicted, observe, timed=expected.timed, jointly=True)

    def distribution(self, network, observe, simulate, observed: Any):
        return self._course(network, observe, observed.values.shape), jnp.asarray(int(Failure.NONE))

    def _grid(self, observe: AbstractObservation) -> tuple[float, int]:
        """Time between samples, and steps in it."""
        period = _period(observe)
        return period, steps_in(period, self.step or period, "ExtendedKalman's observation")

    def _course(self, network: Network, observe: AbstractObservation, shape: Any) -> Any:
        from ..._distributions._state_space import FilteredCourse

        return FilteredCourse(network, observe, self.scale, self.spread, shape, *self._grid(observe))

    def path(
        self, network: Network, observe: AbstractObservation, data: Any
    ) -> tuple[Float[Array, "time state region"], Float[Array, "time state region"]]:
        """Mean and standard deviation of the states at every sample given all samples, hidden states
        included.

        Args:
            network, observe: without priors, as is the likelihood itself.
            data: `["time channel"]`, or what `bind` returned, `problem.condition(data).observed`.
        """
        from ..._distributions._kalman import smoothed

        values = jnp.asarray(
            data.values if isinstance(data, ObservedSeries) else data, jnp.result_type(float)
        )
        mean, covariance = smoothed(self._course(network, observe, values.shape).filtered(values))
        shape = (-1, *network.initial.shape)
        return mean.reshape(shape), jnp.sqrt(jnp.diagonal(covariance, axis1=1, axis2=2)).reshape(shape)


def _period(observe: AbstractObservation) -> float:
    """Time between samples of an observation without memory.

    Raises:
        ValueError: it looks at more than the present state, or has no period.
    """
    if isinstance(observe, Together):
        periods = {_period(part) for part in observe.parts}
        if len(periods) > 1:
            raise ValueError(
                f"Together(...) has periods of {' and '.join(f'{p:g}' for p in sorted(periods))} ms, expected"
                " the same for all parts"
            )
        return periods.pop()
    first, *others = observe.parts if isinstance(observe, Chain) else (observe,)
    if not isinstance(first, Subsample) or not all(isinstance(part, AbstractPointwise) for part in others):
        raise ValueError(
            f"ExtendedKalman sees the present state, got {type(observe).__name__}, which remembers or says no"
            " period; expected Subsample(period=1 * u.ms), Chain(Subsample(period=1 * u.ms),"
            " LeadField(gain)), or several of them in Together(...)"
        )
    if first.period is None:
        raise ValueError(
            "Subsample(period=...) is missing: ExtendedKalman needs the time between samples, such as"
            " period=1 * u.ms"
        )
    return first.period
