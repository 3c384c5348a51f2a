"""What is done to a drawn network before it is used, where that has unknowns of its own."""

import abc

import equinox as eqx

from ._networks._network import Network


class AbstractPreparation(eqx.Module):
    """A function from network to network whose fields may hold priors: `nmm.Problem(..., prepare=...)` draws
    them. Without unknowns any function will do.
    """

    @abc.abstractmethod
    def check(self, network: Network) -> None:
        """Raises TypeError or ValueError where it cannot prepare such a network, whose slots may
        hold priors.
        """

    @abc.abstractmethod
    def __call__(self, network: Network) -> Network:
        """The prepared network; of one without priors."""
