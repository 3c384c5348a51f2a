"""A NumPyro distribution in a slot."""

import dataclasses
from typing import Any, Self

import equinox as eqx
from jaxtyping import Array

from .._tools._kinds import kind_of
from .._tools._shown import called, distribution, safely
from ..units import factor, text
from ._base import AbstractPrior, open_plate, plate_error, plate_size
from ._trials import by_trial


class Prior(AbstractPrior):
    """A slot's value is unknown, with this distribution before the data.

    Args:
        distribution: a NumPyro distribution; a batch of one value per region is fine.
        over: None for one shared value; `"region"`, `"edge"`, `"subject"` or `"trial"` for independent
            values, drawn inside a NumPyro plate of that name. What differs between trials is for
            `nmm.likelihoods.Trials`.
        unit: unit of the distribution's values, a brainunit `Unit` or its name; None: the slot's own.
            Draws are reported in this unit and converted where they are used.
    """

    distribution: Any
    over: str | None = eqx.field(static=True, default=None)
    unit: Any = eqx.field(static=True, default=None)
    scale: float = eqx.field(static=True, default=1.0)  # canonical units per `unit`, set by bind

    def __check_init__(self):
        if isinstance(self.distribution, type):
            raise TypeError(
                f"Prior(...) got {kind_of(self.distribution)}, expected a distribution such as"
                " dist.Normal(0.0, 1.0)"
            )
        known = (
            self.over is None
            or self.over in ("region", "edge", "subject", "trial")
            or self.over.startswith("region_")
        )
        if not known:
            raise plate_error(self.over)

    @safely
    def __repr__(self) -> str:
        over = [] if self.over is None else [f"over={self.over!r}"]
        unit = [] if self.unit is None or text(self.unit) == "1" else [f"unit={text(self.unit)!r}"]
        return called("Prior", [distribution(self.distribution), *over, *unit])

    def bind(self, unit: str, what: str) -> Self:
        if self.unit is None:
            return Prior(self.distribution, self.over, unit, 1.0)  # pyright: ignore[reportReturnType]
        return Prior(self.distribution, self.over, text(self.unit), factor(self.unit, unit, what))  # pyright: ignore[reportReturnType]

    def along(self, plate: str) -> Self:
        return dataclasses.replace(self, over=plate) if self.over == "region" else self

    def shape(self) -> tuple[int, ...] | None:
        return self.distribution.shape() if self.over is None else None

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        import numpyro

        if self.over is None:
            return self.scale * numpyro.sample(name, self.distribution)  # pyright: ignore[reportReturnType]
        n, shape = plate_size(self.over, plates, name), self.distribution.batch_shape
        if shape not in ((), (1,), (n,)):
            raise ValueError(
                f"the prior at {name!r} over {self.over!r} has a distribution of batch shape {shape},"
                f" expected () or ({n},): one for all, or one for each {self.over.partition('_')[0]}"
            )
        with open_plate(self.over, plates, name):
            return by_trial(self.over, self.scale * numpyro.sample(name, self.distribution))  # pyright: ignore[reportOperatorIssue]
