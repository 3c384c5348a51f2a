"""What solving and observing give: arrays with their time grid, dimensions and unit."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .models.base import AbstractDynamics


class Signal(eqx.Module):
    """A measured or simulated quantity.

    Fields:
        values: the numbers, one axis for each of `dims`.
        interval: time between samples in ms, the first sample being one interval after time 0; None
            without a time axis.
        dims: names of the axes, such as `("time", "region")`.
        labels: labels of the axes, a tuple for each of `dims` (empty: unlabelled).
        name, unit: for tables and plots; the unit is a name such as `"mV"`.
    """

    values: Float[Array, "..."]
    interval: float | None = eqx.field(static=True)
    dims: tuple[str, ...] = eqx.field(static=True)
    labels: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    name: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)

    @property
    def times(self) -> np.ndarray | None:
        """Time of each sample in ms."""
        if self.interval is None:
            return None
        return self.interval * np.arange(1, self.values.shape[self.dims.index("time") - len(self.dims)] + 1)

    def to_xarray(self) -> Any:
        """An `xarray.DataArray` with labelled coordinates; `time` is in ms."""
        import xarray as xr

        coords: dict[str, Any] = {dim: list(names) for dim, names in zip(self.dims, self.labels, strict=True) if names}
        if self.times is not None:
            coords["time"] = ("time", self.times, {"units": "ms"})
        return xr.DataArray(np.asarray(self.values), dims=self.dims, coords=coords, name=self.name, attrs={"units": self.unit})


class Trajectory(eqx.Module):
    """All states of a network over time, as `nmm.solve` returns them.

    Fields:
        values: `["time state region"]`; the initial state is not among them.
        interval: time between samples in ms, the first sample being one interval after time 0.
        model: the model without priors, which knows the variables.
        regions: region labels.
        inputs: coupling input and stimuli at these times, `["time port region"]`; None where no variable of the model depends on them.
    """

    values: Float[Array, "time state region"]
    model: AbstractDynamics
    interval: float = eqx.field(static=True)
    regions: tuple[str, ...] = eqx.field(static=True)
    inputs: Float[Array, "time port region"] | None = None

    @property
    def times(self) -> np.ndarray:
        """Time of each sample in ms, `["time"]`."""
        return self.interval * np.arange(1, self.values.shape[-3] + 1)

    def variable(self, name: str | None = None) -> Signal:
        """One variable of the model, a state or a derived one; None: the model's observable."""
        name = name or self.model.observable
        self.model.check_variable(name, "Trajectory.variable(...)")
        values = jax.vmap(lambda y, c: self.model.variable(name, y, c))(self.values, self.inputs)
        return Signal(values, self.interval, ("time", "region"), ((), self.regions), name, self.model.variables()[name])

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with one variable for each state, and the time in ms."""
        import xarray as xr

        return xr.Dataset({name: self.variable(name).to_xarray() for name in self.model.state_names()})
