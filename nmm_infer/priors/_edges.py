"""A prior over the connections of a symmetric matrix."""

from typing import Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ._base import AbstractPrior, plate_size
from ._prior import Prior


class SymmetricEdges(AbstractPrior):
    """`prior` draws one value for each pair of different regions; the draw is the symmetric matrix
    of them.
    """

    prior: Prior

    def __check_init__(self):
        if self.prior.over != "edge":
            raise ValueError(
                f"Connectome(weights=Prior(over={self.prior.over!r})): expected over='edge', one value for"
                " each pair of regions"
            )

    def __repr__(self) -> str:
        return repr(self.prior)

    def bind(self, unit: str, what: str) -> Self:
        return SymmetricEdges(self.prior.bind(unit, what))  # pyright: ignore[reportReturnType]

    def along(self, plate: str) -> Self:
        return self

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        n = plate_size("region", plates, name)
        upper = jnp.zeros((n, n)).at[np.triu_indices(n, 1)].set(self.prior.draw(name, plates))
        return upper + upper.T
