"""What every prior can do: learn the unit of the slot it sits in, and draw itself in a NumPyro model."""

import abc
from typing import Any, Self

import equinox as eqx
from jaxtyping import Array


class AbstractPrior(eqx.Module):
    """A distribution in the place of a value. `nmm.sample` replaces it by a draw."""

    @abc.abstractmethod
    def bind(self, unit: str, what: str) -> Self:
        """This prior with its draws converted to the slot's `unit`; called when a part is built.

        Raises:
            UnitError: the prior's own unit has another dimension; the message names `what`.
        """

    @abc.abstractmethod
    def draw(self, name: str, plates: dict[str, int]) -> Array:
        """Sample at site `name` inside a NumPyro model; `plates` holds sizes of region, edge, subject."""

    @abc.abstractmethod
    def along(self, plate: str) -> Self:
        """This prior with its regional values along another plate than `region`; itself if it has none."""

    def shape(self) -> tuple[int, ...] | None:
        """Shape of a draw; None: a plate says."""
        return None

    def scale_site(self, name: str) -> str | None:
        """The site of a free scale that this prior at `name` shares between regions; None: it has none.

        Where the scale is free, the joint mode is far from where the posterior's mass is.
        """
        return None


class AbstractPlated(eqx.Module):
    """A tree that knows how many regions and edges it has, so that `nmm.sample` can size its plates."""

    @property
    @abc.abstractmethod
    def plates(self) -> dict[str, int]:
        """Size of each plate by name."""


def plate_size(over: str, plates: dict[str, int], name: str) -> int:
    """Size of plate `over`, or an error that says which plates are known."""
    if over == "trial" and over not in plates:
        raise ValueError(
            f"the prior at {name!r} is over trials, but there are none here; wrap the likelihood, such as"
            " nmm.likelihoods.Trials(Gaussian(), 40)"
        )
    if over not in plates:
        raise ValueError(
            f"the prior at {name!r} is over {over!r}, but only {sorted(plates) or 'no plates'} are known"
            f" here; sample a whole Network, or pass the size: nmm.sample(tree, plates={{{over!r}: n}})"
        )
    return plates[over]


def open_plate(over: str, plates: dict[str, int], name: str) -> Any:
    """The NumPyro plate `over`."""
    import numpyro

    return numpyro.plate(over, plate_size(over, plates, name))


def plate_error(over: Any) -> ValueError:
    """What to say to `over=` that is no plate."""
    return ValueError(f"Prior(over=...) got {over!r}, expected None, 'region', 'edge', 'subject' or 'trial'")
