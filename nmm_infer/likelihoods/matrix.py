"""Covariance and correlation matrices as data."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from ..labelled import UNKNOWN, is_table, ordered, read
from ..observe.statistic import squared
from ..real import real
from ..signal import Signal
from ..units import factor
from .recording import AbstractRecording

# Two halves of a matrix that was computed in single precision differ by less than this share of its largest entry.
SAME = 1e-5


class CovarianceMatrix(AbstractRecording):
    """A covariance or correlation matrix between channels, whose time courses are not at hand.

    Fields:
        values: `["channel channel"]`.
        unit: of the entries, such as "mV^2".
    """

    values: Float[np.ndarray, "channel channel"]
    interval: float | None = eqx.field(static=True)
    dim: str = eqx.field(static=True)
    channels: tuple[str, ...] | None = eqx.field(static=True)
    unit: str = eqx.field(static=True)

    def __check_init__(self):
        if not np.all(np.isfinite(self.values)):
            raise ValueError(f"data is a matrix with NaN or infinite entries; expected a covariance or a correlation of every pair of {self.dim}s")
        diagonal, smallest = np.diagonal(self.values), np.linalg.eigvalsh(self.values)[0]
        if np.any(diagonal <= 0) or smallest <= 0:
            raise ValueError(
                f"data is a symmetric matrix of shape {self.values.shape} that is no covariance: its smallest diagonal entry is {diagonal.min():.3g} and its "
                f"smallest eigenvalue {smallest:.3g}, expected both above 0; correlations have ones on the diagonal and no "
                "Fisher transform or threshold, and need more samples than channels"
            )

    @property
    def is_correlation(self) -> bool:
        """Whether its diagonal is one."""
        return bool(np.allclose(np.diagonal(self.values), 1.0, atol=SAME))

    @property
    def dims(self):
        return (self.dim, f"{self.dim}_2")

    def converted(self, unit):
        own, wanted = self.unit, squared(unit)
        if own == wanted or {own, unit} & UNKNOWN:
            return self
        return dataclasses.replace(self, values=factor(own, wanted, "data") * self.values, unit=wanted)

    def selected(self, order, labels):
        return dataclasses.replace(self, values=self.values[np.ix_(order, order)], channels=labels)

    def coords(self):
        return {}


def read_matrix(data: Any) -> CovarianceMatrix | None:
    """A symmetric matrix between channels: an array, a `Signal` such as `FunctionalConnectivity` gives, an `xarray.DataArray` or a `pandas.DataFrame`.

    None: it is something else, such as time courses.

    Raises:
        ValueError: a symmetric matrix that is no covariance.
    """
    if isinstance(data, CovarianceMatrix):
        return data
    if isinstance(data, Signal):
        if "time" in data.dims or len(data.dims) != 2:
            return None
        return _matrix(np.asarray(data.values), data.dims[0], data.labels[0] or None, data.unit)
    found = read(data)
    if found is None:
        square = isinstance(data, np.ndarray | jax.Array) and data.ndim == 2 and data.shape[0] == data.shape[1]
        return _matrix(real(data, "data"), "region", None, "") if square else None
    if "time" in found.dims or "trial" in found.dims or len(found.dims) != 2:
        return None
    rows, columns = found.labels
    if rows is not None and columns is not None and set(rows) == set(columns):
        # The second axis in the order of the first, whatever the two are called.
        pair = ("region", "region_2")
        found = ordered(found._replace(dims=pair), dict.fromkeys(pair, rows), "1", "data")._replace(dims=found.dims, unit=found.unit)
    elif is_table(data) and not (rows is None and columns is None):
        return None
    dim = str(found.dims[0]) if found.dims[0] in ("region", "sensor") else "region"
    return _matrix(real(found.values, "data"), dim, rows, found.unit)


def _matrix(values: np.ndarray, dim: str, channels: tuple[str, ...] | None, unit: str) -> CovarianceMatrix | None:
    n = len(values) if values.ndim == 2 else 0
    if n < 2 or values.shape != (n, n) or values.dtype.kind not in "biuf":
        return None
    values = values.astype(np.float64)
    if not np.allclose(values, values.T, rtol=0.0, atol=SAME * np.nanmax(np.abs(values), initial=0.0), equal_nan=True):
        return None
    return CovarianceMatrix((values + values.T) / 2.0, None, dim, channels, unit)
