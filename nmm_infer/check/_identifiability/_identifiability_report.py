"""The result of `identifiability`, in words and as a table."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from .._text import aligned

HEADS = ("parameter", "bound on sd", "with prior", "prior sd", "contraction")
# Directions that data know less well than the prior are the prior's.
INFORMED = 1.0
# Of a direction, what is named: parameters with at least this part of the largest contribution.
NAMED = 0.3
# Among directions that are no better known than half the best, how many are described.
DESCRIBED = 5
# Numbers of a site that still have rows of their own in the table.
MANY = 6
# A parameter that data do not see and that contracts by more than this is known by way of others: the mean of
# a centred hierarchy.
THROUGH_OTHERS = 0.5
# Below this contraction a parameter keeps its prior.
LEARNT = 0.1


class Direction(NamedTuple):
    """A combination of parameters.

    Fields:
        eigenvalue: information about it relative to the prior's: 1, data say as much as the prior.
        parts: the parameters in it, the largest first, with their coefficients in prior standard deviations.
        words: what that means.
    """

    eigenvalue: float
    parts: tuple[tuple[str, float], ...]
    words: str


@dataclasses.dataclass(frozen=True)
class Identifiability:
    """What data of this kind can tell; print it.

    Attributes:
        data: `xarray.Dataset`. By direction: `eigenvalue` (information relative to the prior's) and
            `direction_of`. By parameter: `se` (Cramér–Rao bound without the prior; infinite where data say
            nothing), `se_with_prior` and `prior_sd`, all in the parameter's unit (NaN for parameters without
            a coordinate of their own, such as those of a simplex), and the expected `contraction`, 1 -
            variance/prior variance. `information` is in standard deviations of the unconstrained prior.
    """

    data: Any

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of the information relative to the prior's, the largest first."""
        return self.data["eigenvalue"].values

    @property
    def informed(self) -> int:
        """Number of directions that data know better than the prior."""
        return int(np.sum(self.eigenvalues > INFORMED))

    def directions(self) -> tuple[Direction, ...]:
        """All combinations of parameters, the worst known first."""
        data = self.data
        names, logs = data["parameter"].values, data["logarithmic"].values
        sd = data["unconstrained_sd"].values
        return tuple(
            _direction(value, vector, names, logs, sd, data["contraction"].values)
            for value, vector in zip(
                self.eigenvalues[::-1],
                data["direction_of"].transpose("direction", "parameter").values[::-1],
                strict=True,
            )
        )

    def sentences(self) -> list[str]:
        """The verdict, and the combinations that data do not see."""
        data, size = self.data, len(self.eigenvalues)
        where = "on average over the prior" if data.attrs.get("where") == "prior" else "at the given point"
        found = [
            f"Data of this kind know {self.informed} of {size} combinations of parameters better than the"
            f" prior does, {where}."
        ]
        unseen = [direction for direction in self.directions() if direction.eigenvalue <= INFORMED]
        found += [
            f"Hardly seen (information {_short(direction.eigenvalue)} of the prior's): {direction.words}."
            for direction in unseen[:DESCRIBED]
        ]
        if len(unseen) > DESCRIBED:
            found.append(f"And {len(unseen) - DESCRIBED} combinations more.")
        if not unseen and size > 1:
            weakest = self.directions()[0]
            found.append(
                f"The worst known ({_short(weakest.eigenvalue)} times the prior's information):"
                f" {weakest.words}."
            )
        silent = [
            str(name)
            for name, value in zip(data["parameter"].values, data["contraction"].values, strict=True)
            if value < LEARNT
        ]
        if silent:
            found.append(
                "Expected to keep their prior:"
                f" {', '.join(silent[:6])}{f' and {len(silent) - 6} more' if len(silent) > 6 else ''}."
            )
        if int(data.attrs.get("failed", 0)):
            found.append(
                f"The model fails at {data.attrs['failed']} of {data.attrs['failed'] + data.attrs['points']}"
                " draws of the prior; they were left out."
            )
        return found

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text, columns as in `HEADS`; of a site with many numbers there is one row, with medians."""
        data, rows = self.data, []
        for name in dict.fromkeys(data["name"].values.tolist()):
            of = data.isel(parameter=data["name"].values == name)
            columns = [of[variable].values for variable in ("se", "se_with_prior", "prior_sd", "contraction")]
            if of.sizes["parameter"] > MANY:
                rows.append(
                    (
                        f"{name} ({of.sizes['parameter']})",
                        *(_short(float(np.median(c))) for c in columns[:3]),
                        f"{np.median(columns[3]):.2f}",
                    )
                )
                continue
            rows += [
                (str(label), *(_short(v) for v in row[:3]), f"{row[3]:.2f}")
                for label, *row in zip(of["parameter"].values, *columns, strict=True)
            ]
        return rows

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), "", *aligned([HEADS, *self.table()])])

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def _direction(
    value: float, vector: np.ndarray, names: np.ndarray, logs: np.ndarray, sd: np.ndarray, learnt: np.ndarray
) -> Direction:
    order = [i for i in np.argsort(-np.abs(vector)) if abs(vector[i]) >= NAMED * np.abs(vector).max()]
    parts = tuple((str(names[i]), float(vector[i])) for i in order)
    words = _words(order, vector, names, logs, sd)
    if len(order) == 1 and learnt[order[0]] > THROUGH_OTHERS:
        words += ", but what data say of others tells it by their common prior"
    return Direction(float(value), parts, words)


def _words(order: list[Any], vector: np.ndarray, names: np.ndarray, logs: np.ndarray, sd: np.ndarray) -> str:
    """What moves without being seen. Two logarithms that do are a product or a ratio, whose factors cannot be
    told apart.
    """
    if len(order) == 1:
        return f"{names[order[0]]} itself"
    if len(order) == 2 and all(logs[i] for i in order):
        a, b = order
        # Changes of the logarithms themselves, of which equal ones leave a ratio and opposite ones a product
        # as it is.
        ratio = abs(vector[a] * sd[a] / (vector[b] * sd[b]))
        pair = f"{names[a]} × {names[b]}" if vector[a] * vector[b] < 0 else f"{names[a]} / {names[b]}"
        if 2 / 3 < ratio < 3 / 2:
            return f"only {pair} is seen, {names[a]} and {names[b]} cannot be told apart"
    sign = np.sign(vector[order[0]])
    shown = [f"{names[i]} {'up' if vector[i] * sign > 0 else 'down'}" for i in order[:6]]
    more = f" and {len(order) - 6} more" if len(order) > 6 else ""
    return f"{' with '.join(shown)}{more}, together"


def _short(value: float) -> str:
    return "–" if math.isnan(value) else "none" if math.isinf(value) else f"{value:.3g}"
