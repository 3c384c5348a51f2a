"""How data are compared with what a network does."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Int

from .._networks._network import Network
from .._regional import check_plain
from .._signal import Signal
from ..models._base import AbstractDynamics
from ..observe._base import AbstractObservation
from ..parameters import AbstractPart
from ._matrix import read_matrix
from ._recording import AbstractRecording, read_recording

# `simulate(network, observe, key=None)` runs a network through an observation; `key` as in `nmm.solve`.
type Simulate = Callable[..., Signal]


class Expected(NamedTuple):
    """What a model knows of its data before it has seen any.

    Fields:
        regions: labels of the network's regions.
        model: the model, which knows its variables and their units.
        signal: gives the shapes of the simulated signal, without simulating; of one trial.
        draw: network, observation and likelihood with values drawn from the prior; inside a NumPyro model.
        timed: whether time 0 means something: a stimulus, or an initial state that no noise makes the network
            forget.
    """

    regions: tuple[str, ...]
    model: AbstractDynamics
    signal: Callable[[], Signal]
    draw: Callable[[], tuple[Network, Any, Any]]
    timed: bool = True


class AbstractObserved(eqx.Module):
    """Data in the form that a likelihood compares: what the model's site `y` is conditioned on.

    Fields:
        values: the array at site `y`.
        recording: the data as they were given, for storage.
    """

    values: eqx.AbstractVar[Array]
    recording: eqx.AbstractVar[AbstractRecording]

    @abc.abstractmethod
    def summaries(self, values: Array) -> dict[str, tuple[tuple[str, ...], Array]]:
        """Quantities to look at, from one array like `values`: name → (dims, array)."""

    @abc.abstractmethod
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dims of `summaries` and of `batch_dims`."""

    @abc.abstractmethod
    def batch_dims(self) -> tuple[str, ...]:
        """Dims of the pointwise log likelihood."""


class AbstractLikelihood(AbstractPart):
    """Gives the distribution of data; its own parameters are slots like any others."""

    def __check_init__(self):
        check_plain(self)

    def settled(self, observed: Any) -> "AbstractLikelihood":
        """The same with what it found out of its prior when it was bound to data, so that more data of the
        same kind are bound at no cost.
        """
        return self

    @abc.abstractmethod
    def check_network(self, network: Network) -> None:
        """Whether the likelihood can be of this network, which may hold priors.

        Raises:
            ValueError: noise, or no noise, or stimuli, that the likelihood cannot use.
        """

    def plates(self, network: Network, steps: int | None) -> dict[str, int]:
        """Sizes of plates that exist for this likelihood alone, such as `trial`; `steps` of the solver, None
        if nothing is simulated.
        """
        return {}

    def read(self, data: Any) -> AbstractRecording:
        """Data as users have them, as what the likelihood compares: time courses.

        Raises:
            TypeError, ValueError: something else, or numbers that cannot be used.
        """
        if read_matrix(data) is not None:
            raise ValueError(
                f"data is a symmetric matrix, such as functional connectivity, but {type(self).__name__}"
                " compares time courses [time, region]; nmm.likelihoods.Covariance(dof=...) takes covariance"
                " matrices, with form=AsCorrelation() correlations"
            )
        return read_recording(data)

    @abc.abstractmethod
    def bind(self, recording: Any, observe: AbstractObservation, expected: Expected) -> AbstractObserved:
        """Data in the likelihood's form.

        Args:
            recording: checked data, as `read` gives them.
            observe: the observation that the data come from.
            expected: what the model knows of the data.

        Raises:
            ValueError: data that do not fit; says what was got, what was expected, what to do.
        """

    @abc.abstractmethod
    def distribution(
        self, network: Network, observe: AbstractObservation, simulate: Simulate, observed: AbstractObserved
    ) -> tuple[Any, Int[Array, ""]]:
        """The NumPyro distribution of `observed.values`, and why the model says nothing of them (`Failure`, 0
        where it does).

        Where it fails, the distribution must be one all the same, of finite numbers; what it says is not
        used.

        Args:
            network, observe: with drawn values in all slots.
            simulate: runs a network through an observation; not called by likelihoods that need no
                simulation.
            observed: the bound data, of which only shapes and grids may be used.
        """


class AbstractSimulating(AbstractLikelihood):
    """Compares simulations with data, so that its problem needs a duration."""


class AbstractLinearising(AbstractLikelihood):
    """Is of the network linearised where it rests."""
