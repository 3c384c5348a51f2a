"""Why a model says nothing of data."""

import enum

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


class Failure(enum.IntEnum):
    """Why the density is zero at a point. Arrays of these numbers go through compiled programs.

    An unstable network and a prior's end are statements of the model. Numbers that are not finite are a
    failure of computation, and a fixed point that was not found may be either.
    """

    NONE = 0
    NO_FIXED_POINT = 1
    UNSTABLE = 2
    NOT_FINITE = 3
    ZERO_DENSITY = 4

    @property
    def attribute(self) -> str:
        """Of a result: where it is counted."""
        return "failed_simulations" if self is Failure.NOT_FINITE else self.name.lower()

    @property
    def words(self) -> str:
        """As in "the network is unstable at 12 points"."""
        return _WORDS[self]


_WORDS = {
    Failure.NONE: "nothing is wrong",
    Failure.NO_FIXED_POINT: "no fixed point was found",
    Failure.UNSTABLE: "the network is unstable",
    Failure.NOT_FINITE: "the simulation or the density is not finite",
    Failure.ZERO_DENSITY: "the density is zero",
}
REASONS = tuple(reason for reason in Failure if reason)


def because(*reasons: tuple[Bool[Array, ""], Failure]) -> Int[Array, ""]:
    """The first reason that applies, or `Failure.NONE`."""
    return jnp.select(
        [applies for applies, _ in reasons],
        [jnp.asarray(int(reason)) for _, reason in reasons],
        int(Failure.NONE),
    )


def first_of(*failures: Int[Array, ""]) -> Int[Array, ""]:
    """The first that is one."""
    return jnp.select([failure > 0 for failure in failures], list(failures), int(Failure.NONE))
