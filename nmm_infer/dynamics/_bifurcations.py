"""Where a branch folds or changes its stability, between two of its points."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from ._branch import Curve, Point

# Special points are located this exactly along the branch, whose whole span of the parameter has length 1.
PRECISION = 1e-9
# Real parts that are crossed by an eigenvalue of smaller frequency (relative to the step's own rates) are
# crossed by a real one.
REAL = 1e-6


class Special(NamedTuple):
    """A fold, a Hopf point, or another place where a real eigenvalue vanishes (`branch point`)."""

    kind: str
    point: Point
    frequency: float


class Checked(NamedTuple):
    """A point with its rightmost eigenvalues."""

    point: Point
    values: np.ndarray

    @property
    def unstable(self) -> int:
        """How many eigenvalues have positive real parts."""
        return int(np.sum(np.real(self.values) > 0))


def checked(curve: Curve, point: Point, n: int) -> Checked:
    """With so many eigenvalues that stable ones are among them, if there are any."""
    while True:
        values = curve.roots(point, n).values
        if len(values) < n or np.any(np.real(values) < 0):
            return Checked(point, values)
        n *= 2


def between(curve: Curve, a: Checked, b: Checked) -> list[Special]:
    """The special points from `a` to `b`, two neighbours on the branch."""
    length = float(a.point.tangent @ (b.point.u - a.point.u))
    cache: dict[float, Point] = {0.0: a.point, 1.0: b.point}
    n = max(a.unstable, b.unstable) + 3

    def at(s: float) -> Point:
        if s not in cache:
            straight = (1 - s) * a.point.u + s * b.point.u
            cache[s] = curve.point(straight, a.point.tangent)
        return cache[s]

    def real_part(s: float, k: int) -> float:
        ends = {0.0: a, 1.0: b}
        values = ends[s].values if s in ends else checked(curve, at(s), n).values
        return float(np.sort(np.real(values))[::-1][k])

    found: list[tuple[float, str, float]] = []
    precision = PRECISION / max(length, PRECISION)
    fold = None
    if a.point.tangent[-1] * b.point.tangent[-1] < 0:
        fold = _zero(lambda s: float(at(s).tangent[-1]), precision)
        found.append((fold, "fold", 0.0))
    k, last = min(a.unstable, b.unstable), max(a.unstable, b.unstable)
    while k < last:
        s = _zero(lambda s, k=k: real_part(s, k), precision)
        values = checked(curve, at(s), n).values
        crossing = complex(values[np.argsort(-np.real(values), kind="stable")[k]])
        if abs(crossing.imag) > REAL * np.abs(values).max():
            found.append((s, "hopf", abs(crossing.imag)))
            k += 2
        else:
            if fold is None or abs(s - fold) > 1e3 * precision + 1e-4:
                found.append((s, "branch point", 0.0))
            k += 1
    merged: list[tuple[float, str, float]] = []
    for s, kind, omega in sorted(found):
        # Regions that do not feel each other bifurcate together.
        if not (merged and merged[-1][1] == kind and s - merged[-1][0] <= 10 * precision):
            merged.append((s, kind, omega))
    return [Special(kind, at(s), 1e3 * omega / (2 * np.pi)) for s, kind, omega in merged]


def _zero(function: Callable[[float], float], precision: float) -> float:
    return float(brentq(function, 0.0, 1.0, xtol=precision))  # pyright: ignore[reportArgumentType]
