"""Regional heterogeneity regressed on cortical maps."""

import dataclasses
from typing import Any, Self

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from .._labelled import ordered, read
from .._regional import Regional
from .._tools._real import real
from .._tools._shown import safely
from ..units import factor, text
from ._base import AbstractPrior, plate_size
from ._pooled import check_part, draw_part, shown_parts
from ._trials import by_trial


def _maps(maps: Any) -> Any:
    what = "FromMaps(maps=...)"
    if isinstance(maps, Regional):
        return maps
    named = read(maps)
    if named is None:
        return np.atleast_2d(real(maps, what))
    along = "trial" if "trial" in named.dims else "region"
    found = ordered(named, dict.fromkeys(("map", along)[-named.values.ndim :]), "", what)
    values, labels = np.atleast_2d(found.values), found.labels[-1]
    return values if labels is None or along == "trial" else Regional(values, labels, what)


class FromMaps(AbstractPrior):
    """value_i = T(intercept + Σ_k slopes_k maps_ki [+ residual_sd z_i]).

    A regional parameter follows cortical maps such as T1w/T2w or the first gradient of functional
    connectivity (Demirtaş et al. 2019, Neuron 101:1181; Kong et al. 2021, Nat Commun 12:6373), so
    that a handful of numbers describes all regions.

    Args:
        intercept: number or scalar `Prior`, before the transform.
        slopes: number(s) or `Prior`, one for each map.
        maps: one row for each map, `["map region"]`, in any order of regions that have labels (pandas,
            xarray); standardise them so that slopes compare.
        residual_sd: number or scalar `Prior` for what the maps do not explain; None: nothing.
        transform: a NumPyro transform T for bounded parameters; None: identity.
        unit: unit of the transformed value; None: the slot's own.
        over: "region", or "trial" for values that follow covariates of trials, `["map trial"]`.

    Sites: `NAME.intercept`, `NAME.slopes`, `NAME.residual_sd`, `NAME.z` and the deterministic `NAME`.
    """

    intercept: Any
    slopes: Any
    maps: Float[np.ndarray, "map region"] = eqx.field(converter=_maps)
    residual_sd: Any = None
    transform: Any = eqx.field(static=True, default=None)
    unit: Any = eqx.field(static=True, default=None)
    scale: float = eqx.field(static=True, default=1.0)
    over: str = eqx.field(static=True, default="region")

    def __check_init__(self):
        for name in ("intercept", "slopes", "residual_sd"):
            check_part(getattr(self, name), f"FromMaps({name}=...)")
        if not np.all(np.isfinite(self.maps.values if isinstance(self.maps, Regional) else self.maps)):
            raise ValueError(
                "FromMaps(maps=...) contains NaN or infinite values; fill or drop those regions first"
            )

    @safely
    def __repr__(self) -> str:
        return shown_parts(self)

    def bind(self, unit: str, what: str) -> Self:
        scale, own = (1.0, unit) if self.unit is None else (factor(self.unit, unit, what), text(self.unit))
        return FromMaps(
            self.intercept, self.slopes, self.maps, self.residual_sd, self.transform, own, scale, self.over
        )  # pyright: ignore[reportReturnType]

    def along(self, plate: str) -> Self:
        return dataclasses.replace(self, over=plate)

    def draw(self, name: str, plates: dict[str, int]) -> Array:
        import jax.numpy as jnp
        import numpyro
        import numpyro.distributions as dist

        n_maps, n_regions = self.maps.shape
        expected = plate_size(self.over, plates, name)
        if n_regions != expected:
            raise ValueError(
                f"FromMaps(maps=...) at {name!r} has {n_regions} regions, the network has {expected};"
                " expected maps['map region']"
            )
        intercept = draw_part(self.intercept, f"{name}.intercept", plates)
        if isinstance(self.slopes, AbstractPrior):
            with numpyro.plate("map", n_maps):
                slopes = self.slopes.draw(f"{name}.slopes", plates)
        else:
            slopes = jnp.broadcast_to(jnp.asarray(self.slopes), (n_maps,))
        value = intercept + slopes @ self.maps
        if self.residual_sd is not None:
            sd = draw_part(self.residual_sd, f"{name}.residual_sd", plates)
            with numpyro.plate(self.over, n_regions):
                value = value + sd * numpyro.sample(f"{name}.z", dist.Normal(0.0, 1.0))
        value = value if self.transform is None else self.transform(value)
        with numpyro.plate(self.over, n_regions):
            return by_trial(self.over, self.scale * numpyro.deterministic(name, value))  # pyright: ignore[reportOperatorIssue]

    def scale_site(self, name: str) -> str | None:
        return f"{name}.residual_sd" if isinstance(self.residual_sd, AbstractPrior) else None
