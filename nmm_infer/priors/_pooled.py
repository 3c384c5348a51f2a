"""Partial pooling: regions are alike, and the data say how much."""

import dataclasses
from typing import Any, Self

import equinox as eqx
from jaxtyping import Array

from .._tools._shown import called, changed, safely
from ..units import UnitError, factor, is_quantity, text
from ._base import AbstractPrior, open_plate
from ._prior import Prior
from ._trials import by_trial


class Pooled(AbstractPrior):
    """value_i = T(mean + sd z_i) with z_i ~ Normal(0, 1): regions are alike, and the data say how much.

    What is sampled in place of z_i is x_i ~ Normal(c mean, sd^c), with z_i = (x_i - c mean)/sd^c: the
    same prior whatever c, but another geometry (Papaspiliopoulos, Roberts & Sköld 2007). c = 0, the
    non-centred form, is right where data say little about single regions: the centred form then has
    a funnel that samplers cannot enter. c = 1, the centred form, is right where each region's value is
    known much better than `sd`; the non-centred form is then as bad.

    Args:
        mean, sd: numbers or scalar `Prior`s, on the scale before the transform.
        transform: a NumPyro transform T, such as `transforms.ExpTransform()` for a positive
            parameter; None: identity.
        unit: unit of the transformed value; None: the slot's own.
        centred: c, from 0 to 1.
        over: "region", or "trial" for values that differ between trials (see `nmm.likelihoods.Trials`).

    Sites: `NAME.mean`, `NAME.sd`, `NAME.z` (plate `region`) and the deterministic `NAME`; for c > 0
    `NAME.x` is sampled and `NAME.z` is deterministic.
    """

    mean: Any
    sd: Any
    transform: Any = eqx.field(static=True, default=None)
    unit: Any = eqx.field(static=True, default=None)
    centred: float = eqx.field(static=True, default=0.0)
    scale: float = eqx.field(static=True, default=1.0)
    over: str = eqx.field(static=True, default="region")

    def __check_init__(self):
        check_part(self.mean, "Pooled(mean=...)")
        check_part(self.sd, "Pooled(sd=...)")
        if not 0.0 <= self.centred <= 1.0:
            raise ValueError(
                f"Pooled(centred=...) got {self.centred}, expected a number from 0 (non-centred) to 1"
                " (centred)"
            )

    @safely
    def __repr__(self) -> str:
        return shown_parts(self)

    def bind(self, unit: str, what: str) -> Self:
        own, scale = (unit, 1.0) if self.unit is None else (text(self.unit), factor(self.unit, unit, what))
        return Pooled(self.mean, self.sd, self.transform, own, self.centred, scale, self.over)  # pyright: ignore[reportReturnType]

    def along(self, plate: str) -> Self:
        return dataclasses.replace(self, over=plate)

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        import numpyro
        import numpyro.distributions as dist

        mean = draw_part(self.mean, f"{name}.mean", plates)
        sd = draw_part(self.sd, f"{name}.sd", plates)
        c = self.centred
        with open_plate(self.over, plates, name):
            if c == 0.0:
                z = numpyro.sample(f"{name}.z", dist.Normal(0.0, 1.0))
            else:
                x = numpyro.sample(f"{name}.x", dist.Normal(c * mean, sd**c))
                z = numpyro.deterministic(f"{name}.z", (x - c * mean) / sd**c)
            value = mean + sd * z
            value = numpyro.deterministic(name, value if self.transform is None else self.transform(value))
        return by_trial(self.over, self.scale * value)  # pyright: ignore[reportOperatorIssue]

    def scale_site(self, name: str) -> str | None:
        return f"{name}.sd" if isinstance(self.sd, AbstractPrior) else None


def check_part(part: Any, what: str) -> None:
    """A hyperparameter lives on the scale before the transform, so a unit of its own would mean nothing; and
    it is shared, so it has no plate.
    """
    if is_quantity(part) or (isinstance(part, Prior) and part.unit is not None):
        raise UnitError(
            f"{what} has a unit, expected a plain number or a Prior without one; give the unit of the"
            " transformed value as unit="
        )
    if isinstance(part, Prior) and part.over is not None:
        raise ValueError(
            f"{what} got a Prior over {part.over!r}, expected one that all regions share: leave over out"
        )


def draw_part(part: Any, name: str, plates: dict[str, int]) -> Any:
    """A hyperparameter: a number as it is, a Prior drawn."""
    return part.draw(name, plates) if isinstance(part, AbstractPrior) else part


def shown_parts(prior: Any) -> str:
    """As it is written: hyperparameters by their distributions, the slot's own scale left out."""
    hidden = {"scale"} | ({"unit"} if prior.unit is None or text(prior.unit) == "1" else set())
    bare = dataclasses.replace(
        prior,
        **{
            field.name: part.distribution
            for field in dataclasses.fields(prior)
            if isinstance(part := getattr(prior, field.name), Prior)
        },
    )
    return called(type(prior).__name__, [a for a in changed(bare) if a.partition("=")[0] not in hidden])
