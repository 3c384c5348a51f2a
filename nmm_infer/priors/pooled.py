"""Partial pooling: regions are alike, and the data say how much."""

from typing import Any, Self

import equinox as eqx
from jaxtyping import Array

from ..units import UnitError, factor, is_quantity, text
from .base import AbstractPrior, plate_size
from .prior import Prior


class Pooled(AbstractPrior):
    """value_i = T(mean + sd z_i) with z_i ~ Normal(0, 1), the non-centred hierarchy.

    Non-centred, because regional data of one subject often say little about single regions, and then
    the centred form has a funnel that samplers cannot enter (Papaspiliopoulos, Roberts & Sköld 2007;
    Betancourt & Girolami 2015).

    Args:
        mean, sd: numbers or scalar `Prior`s, on the scale before the transform.
        transform: a NumPyro transform T, such as `transforms.ExpTransform()` for a positive
            parameter; None: identity.
        unit: unit of the transformed value; None: the slot's own.

    Sites: `NAME.mean`, `NAME.sd`, `NAME.z` (plate `region`) and the deterministic `NAME`.
    """

    mean: Any
    sd: Any
    transform: Any = eqx.field(static=True, default=None)
    unit: Any = eqx.field(static=True, default=None)
    scale: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_part(self.mean, "Pooled(mean=...)")
        check_part(self.sd, "Pooled(sd=...)")

    def bind(self, unit: str, what: str) -> Self:
        if self.unit is None:
            return Pooled(self.mean, self.sd, self.transform, unit, 1.0)  # pyright: ignore[reportReturnType]
        return Pooled(self.mean, self.sd, self.transform, text(self.unit), factor(self.unit, unit, what))  # pyright: ignore[reportReturnType]

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        import numpyro
        import numpyro.distributions as dist

        mean = draw_part(self.mean, f"{name}.mean", plates)
        sd = draw_part(self.sd, f"{name}.sd", plates)
        with numpyro.plate("region", plate_size("region", plates, name)):
            z = numpyro.sample(f"{name}.z", dist.Normal(0.0, 1.0))
            value = mean + sd * z
            value = numpyro.deterministic(name, value if self.transform is None else self.transform(value))
        return self.scale * value


def check_part(part: Any, what: str) -> None:
    """A hyperparameter lives on the scale before the transform, so a unit of its own would mean nothing."""
    if is_quantity(part) or (isinstance(part, Prior) and part.unit is not None):
        raise UnitError(f"{what} has a unit, expected a plain number or a Prior without one; give the unit of the transformed value as unit=")


def draw_part(part: Any, name: str, plates: dict[str, int]) -> Any:
    """A hyperparameter: a number as it is, a Prior drawn."""
    return part.draw(name, plates) if isinstance(part, AbstractPrior) else part
