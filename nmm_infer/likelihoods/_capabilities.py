"""What a likelihood does with a network, which its type says."""

from ._base import AbstractLikelihood, AbstractLinearising, AbstractSimulating
from ._trials import Trials


def simulates(likelihood: AbstractLikelihood) -> bool:
    """Whether it compares simulations with data, of one trial or of several."""
    return isinstance(_of_one_trial(likelihood), AbstractSimulating)


def linearises(likelihood: AbstractLikelihood) -> bool:
    """Whether it is of the network linearised where it rests, in one trial or in several."""
    return isinstance(_of_one_trial(likelihood), AbstractLinearising)


def _of_one_trial(likelihood: AbstractLikelihood) -> AbstractLikelihood:
    return likelihood.likelihood if isinstance(likelihood, Trials) else likelihood
