"""Initial states of which some are unknown."""

from typing import Any, Self

import equinox as eqx
from jaxtyping import Array

from ._base import AbstractPrior


class ByState(AbstractPrior):
    """The rows of an initial state: each a prior, or values for all regions. A network makes it of a
    dictionary.

    Sites: `NAME.STATE` of every state that has a prior, and the deterministic `NAME`.

    Args:
        rows: a prior, or an array over regions, for each of `states`.
        n_regions: their number.
    """

    rows: tuple[Any, ...]
    states: tuple[str, ...] = eqx.field(static=True)
    n_regions: int = eqx.field(static=True)

    def bind(self, unit: str, what: str) -> Self:
        return self

    def along(self, plate: str) -> Self:
        return self

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        import jax.numpy as jnp
        import numpyro

        drawn = [
            row.draw(f"{name}.{state}", plates) if isinstance(row, AbstractPrior) else row
            for state, row in zip(self.states, self.rows, strict=True)
        ]
        value = jnp.stack([jnp.broadcast_to(jnp.asarray(row), (self.n_regions,)) for row in drawn])
        return numpyro.deterministic(name, value)  # pyright: ignore[reportReturnType]
