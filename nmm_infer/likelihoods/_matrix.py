"""Covariance and correlation matrices as data."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from .._labelled import UNKNOWN, is_table, ordered, read, unmatched
from .._signal import Signal
from .._tools._real import real
from ..observe._statistics._statistic import squared
from ..units import factor, is_quantity, text
from ._recording import AbstractRecording

# Two halves of a matrix that was computed in single precision differ by less than this share of its largest
# entry.
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
            raise ValueError(
                "data is a matrix with NaN or infinite entries; expected a covariance or a correlation of"
                f" every pair of {self.dim}s"
            )
        diagonal, smallest = np.diagonal(self.values), np.linalg.eigvalsh(self.values)[0]
        if np.any(diagonal <= 0) or smallest <= 0:
            raise ValueError(
                f"data is a symmetric matrix of shape {self.values.shape} that is no covariance: its smallest"
                f" diagonal entry is {diagonal.min():.3g} and its smallest eigenvalue {smallest:.3g},"
                " expected both above 0; correlations have ones on the diagonal and no Fisher transform or"
                " threshold, and need more samples than channels"
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
    """A symmetric matrix between channels: an array, a `Signal` such as `FunctionalConnectivity` gives, an
    `xarray.DataArray` or a `pandas.DataFrame`.

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
        quantity = 1.0 * data if is_quantity(data) else data
        numbers, unit = (quantity.mantissa, text(quantity.unit)) if is_quantity(quantity) else (quantity, "")
        if not isinstance(numbers, np.ndarray | jax.Array | list | tuple):
            return None
        numbers = real(numbers, "data")
        if numbers.ndim == 3 and all(_is_symmetric(one) for one in numbers) and len(numbers):
            raise ValueError(
                f"data is a stack of {len(numbers)} symmetric matrices, shape {numbers.shape}, expected one"
                " matrix, or time courses; take one of them, data[0]"
            )
        return _matrix(numbers, "region", None, unit)
    if "time" in found.dims or "trial" in found.dims or len(found.dims) != 2:
        return None
    rows, columns = found.labels
    if rows is not None and columns is not None and set(rows) == set(columns):
        # The second axis in the order of the first, whatever the two are called.
        pair = ("region", "region_2")
        found = ordered(found._replace(dims=pair), dict.fromkeys(pair, rows), "", "data")._replace(
            dims=found.dims, unit=found.unit
        )
    elif is_table(data) and not (rows is None and columns is None):
        return None
    elif rows is not None and columns is not None and found.values.shape[0] == found.values.shape[1]:
        missing, unknown = unmatched(columns, rows)
        raise ValueError(
            f"data is a square matrix whose axes name different {found.dims[0]}s: along {found.dims[1]!r}"
            f" {missing[:5] or 'none'} are missing and {unknown[:5] or 'none'} unknown; expected the same"
            " labels along both, or time courses with an axis 'time'"
        )
    dim = str(found.dims[0]) if found.dims[0] in ("region", "sensor") else "region"
    return _matrix(real(found.values, "data"), dim, rows, found.unit)


def _is_symmetric(values: np.ndarray) -> bool:
    n = len(values) if values.ndim == 2 else 0
    if n < 2 or values.shape != (n, n) or values.dtype.kind not in "biuf":
        return False
    # Gaps say nothing of what the others are.
    finite = np.isfinite(values) & np.isfinite(values.T)
    size = np.max(np.abs(values[finite]), initial=0.0)
    return bool(finite.any() and np.allclose(values[finite], values.T[finite], rtol=0.0, atol=SAME * size))


def _matrix(
    values: np.ndarray, dim: str, channels: tuple[str, ...] | None, unit: str
) -> CovarianceMatrix | None:
    if not _is_symmetric(values):
        return None
    values = values.astype(np.float64)
    return CovarianceMatrix((values + values.T) / 2.0, None, dim, channels, unit)
