"""What solving and observing give: arrays with their time grid, dimensions and unit."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ._courses import courses
from ._ending import Ending
from ._labelled import is_dataarray
from ._tools._shown import safely
from .models._base import AbstractDynamics
from .units import milliseconds

# What the elements of axes are called, of several.
PLURAL = {
    "frequency": "frequencies",
    "region": "regions",
    "region_2": "regions",
    "sensor": "sensors",
    "time": "samples",
    "trial": "trials",
}
SINGULAR = {"region_2": "region", "time": "sample"}


class Signal(eqx.Module):
    """A measured or simulated quantity.

    Fields:
        values: the numbers, one axis for each of `dims`.
        interval: time between samples in ms, the first sample being one interval after `start`; None
            without a time axis, or where nobody said it.
        dims: names of the axes, such as `("time", "region")`.
        labels: labels of the axes, a tuple for each of `dims` (empty: unlabelled).
        name, unit: for tables and plots; the unit is a name such as `"mV"`.
        start: the time in ms that the samples begin after; None: 0.
        final: where the run ended that streamed this, for `nmm.solve(..., after=signal.final)`; None of
            anything else.
    """

    values: Float[Array, "..."]
    interval: float | None = eqx.field(static=True)
    dims: tuple[str, ...] = eqx.field(static=True)
    labels: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    name: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    start: Float[Array, ""] | None = None
    final: Ending | None = None

    @classmethod
    def of(cls, data: Any, interval: Any = None) -> "Signal":
        """Time courses as users have them, such as `nmm.Signal.of(array, 2 * u.second)`.

        Args:
            data: an array `["time region"]`, a Quantity, an `xarray.DataArray` (time, region or sensor), or a
                `pandas.DataFrame` with a column for each region.
            interval: time between samples, a Quantity or ms; None: as the data say, or not known.

        Raises:
            TypeError: something else.
            ValueError: other axes, or another interval than the data's own.
        """
        if not is_dataarray(data) and hasattr(
            data, "data_vars"
        ):  # an xarray.Dataset, such as `nmm.simulate` gives
            raise TypeError(
                f"Signal.of(...) got a Dataset of {', '.join(map(str, data.data_vars))}, expected one of"
                f" these, such as dataset[{next(iter(data))!r}]"
            )
        found = courses(data, "Signal.of(...)")
        if found.values.ndim != 2:
            raise ValueError(
                f"Signal.of(...) got the shape {found.values.shape}, expected two axes [time, {found.dim}]; a"
                " single channel is [:, None]"
            )
        if 0 in found.values.shape:
            raise ValueError(
                f"Signal.of(...) got the shape {found.values.shape}, expected at least one sample of one"
                f" {found.dim}"
            )
        bad = (
            np.flatnonzero(~np.isfinite(found.values).all(axis=0))
            if not isinstance(found.values, Tracer)
            else ()
        )
        if len(bad):
            names = ", ".join(found.channels[i] if found.channels else str(i) for i in bad[:5])
            raise ValueError(
                f"Signal.of(...) got NaN or infinite values in {found.dim}s {names}; expected numbers; leave"
                " them out, or interpolate"
            )
        given = None if interval is None else milliseconds(interval, "Signal.of(interval=...)")
        if given and found.interval and abs(given - found.interval) > 1e-3 * given:
            raise ValueError(
                f"Signal.of(interval=...) got {given:g} ms, the data say {found.interval:g} ms; pass the one"
                " that is right"
            )
        name = str(getattr(data, "name", None) or "activity")
        return cls(
            jnp.asarray(found.values),
            given or found.interval,
            ("time", found.dim),
            ((), found.channels or ()),
            name,
            found.unit,
        )

    @safely
    def __repr__(self) -> str:
        return _described(self.name, self.unit, self.dims, self.values.shape, self.interval)

    def with_values(self, values: Float[Array, "..."], **described: Any) -> "Signal":
        """Another quantity at the same times, such as `signal.with_values(jnp.abs(signal.values),
        name="envelope")`; it is not known where its run ended.
        """
        return dataclasses.replace(self, values=values, final=None, **described)

    @property
    def times(self) -> np.ndarray | None:
        """Time of each sample in ms."""
        if self.interval is None:
            return None
        return _times(self.start, self.interval, self.values.shape[self.dims.index("time") - len(self.dims)])

    def to_xarray(self) -> Any:
        """An `xarray.DataArray` with labelled coordinates; `time` is in ms."""
        import xarray as xr

        coords: dict[str, Any] = {
            dim: list(names) for dim, names in zip(self.dims, self.labels, strict=True) if names
        }
        if self.times is not None:
            coords["time"] = ("time", self.times, {"units": "ms"})
        return xr.DataArray(
            np.asarray(self.values), dims=self.dims, coords=coords, name=self.name, attrs={"units": self.unit}
        )


class Trajectory(eqx.Module):
    """All states of a network over time, as `nmm.solve` returns them.

    Fields:
        values: `["time state region"]`; the initial state is not among them.
        interval: time between samples in ms, the first sample being one interval after `start`.
        model: the model without priors, which knows the variables.
        regions: region labels.
        inputs: coupling input and stimuli at these times, `["time port region"]`; None where no variable of
            the model depends on them.
        start: the time in ms that the samples begin after; None: 0.
        final: where the run ended, for `nmm.solve(..., after=trajectory.final)`; None after adaptive steps.
    """

    values: Float[Array, "time state region"]
    model: AbstractDynamics
    interval: float = eqx.field(static=True)
    regions: tuple[str, ...] = eqx.field(static=True)
    inputs: Float[Array, "time port region"] | None = None
    start: Float[Array, ""] | None = None
    final: Ending | None = None

    @property
    def times(self) -> np.ndarray:
        """Time of each sample in ms, `["time"]`."""
        return _times(self.start, self.interval, self.values.shape[-3])

    @safely
    def __repr__(self) -> str:
        states = ", ".join(state.name for state in self.model.states)
        if self.values.ndim != 3:
            raise ValueError("many at once")
        shape = (self.values.shape[0], self.values.shape[2])
        return "Trajectory" + _described(states, "1", ("time", "region"), shape, self.interval)[6:]

    def variable(self, name: str | None = None) -> Signal:
        """One variable of the model, a state or a derived one; None: the model's observable."""
        name = name or self.model.observable
        self.model.check_variable(name, "Trajectory.variable(...)")
        values = jax.vmap(lambda y, c: self.model.variable(name, y, c))(self.values, self.inputs)
        return Signal(
            values,
            self.interval,
            ("time", "region"),
            ((), self.regions),
            name,
            self.model.variables()[name],
            self.start,
        )

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with one variable for each state, and the time in ms."""
        import xarray as xr

        return xr.Dataset({name: self.variable(name).to_xarray() for name in self.model.state_names()})


def _described(
    name: str, unit: str, dims: tuple[str, ...], shape: tuple[int, ...], interval: float | None
) -> str:
    """What it is of, in which unit, how much of it."""
    size = " × ".join(
        f"{n} {PLURAL.get(dim, dim) if n != 1 else SINGULAR.get(dim, dim)}"
        for n, dim in zip(shape, dims, strict=True)
    )
    every = "" if interval is None else f", every {interval:g} ms"
    return f"Signal({name}{'' if unit in ('', '1') else f' [{unit}]'}: {size or 'a number'}{every})"


def _times(start: Any, interval: float, n: int) -> Any:
    return interval * np.arange(1, n + 1) + (0.0 if start is None else start)
