"""The result of `calibration`: ranks and coverages in words and as a table."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from .._text import aligned
from ._ecdf_band import LEVEL, p_value

# Central intervals whose coverage is reported.
INTERVALS = (0.5, 0.9)
# Of the chains of one simulation; beyond it its ranks tell of the sampler's failure to converge rather than
# of a wrong posterior.
CONVERGED = 1.1
LOG_LIKELIHOOD = "log likelihood"
HEADS = ("parameter", "p", "50 %", "90 %", "mean z", "sd z", "contraction", "verdict")


class Coverage(NamedTuple):
    """How often an interval held the truth, and the 95 % confidence interval of that frequency."""

    fraction: float
    low: float
    high: float


class CalibrationRow(NamedTuple):
    """One parameter, a regional one in all its regions.

    Fields:
        name, size: the site and how many numbers it has.
        p: Holm-adjusted over all numbers of all parameters, the smallest of this one's: below 0.05 its ranks
            are not uniform.
        worst: label of the element with this p.
        coverages: of the central intervals `INTERVALS`.
        z_mean, z_sd: of (posterior mean - truth)/posterior sd; 0 and about 1 for a right posterior.
        contraction: median of 1 - posterior variance/prior variance.
        shape: how the ranks depart, in words; "" where they do not.
    """

    name: str
    size: int
    p: float
    worst: str
    coverages: tuple[Coverage, ...]
    z_mean: float
    z_sd: float
    contraction: float
    shape: str


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Whether the posteriors of an engine are right on average over the prior; print it.

    Attributes:
        tree: `xarray.DataTree` with the group `calibration`: `truth`, `rank`, `mean`, `sd`, `low`, `high` (90
            % interval) and `ess` by simulation and parameter, `r_hat`, `divergences` and `seconds` by
            simulation.
    """

    tree: Any

    @property
    def data(self) -> Any:
        """The group `calibration`."""
        return self.tree["calibration"].to_dataset()

    @property
    def simulations(self) -> int:
        """How many were done."""
        return int(self.data.sizes["simulation"])

    @property
    def ok(self) -> bool:
        """All rank distributions are uniform, as far as this number of simulations can tell."""
        return all(row.p >= 1.0 - LEVEL for row in self.table())

    def coverage(self, level: float) -> Coverage:
        """Of the central intervals of `level`, over all parameters."""
        return _coverage(_inside(self._parameters()["rank"].values, level))

    def table(self) -> tuple[CalibrationRow, ...]:
        """A row for each parameter, and one for the log likelihood of the data."""
        data = self.data
        ranks = data["rank"].values
        adjusted = holm(np.array([p_value(column) for column in ranks.T]))
        names = data["name"].values
        return tuple(
            _row(str(name), data.isel(parameter=names == name), adjusted[names == name])
            for name in dict.fromkeys(names.tolist())
        )

    def _parameters(self) -> Any:
        return self.data.isel(parameter=self.data["name"].values != LOG_LIKELIHOOD)

    def sentences(self) -> list[str]:
        """The verdict and what it rests on."""
        data, rows = self.data, self.table()
        bad = [row for row in rows if row.p < 1.0 - LEVEL]
        if bad:
            said = "; ".join(
                f"{row.name}{f' ({row.worst})' if row.size > 1 else ''}: {row.shape}" for row in bad[:4]
            ) + ("; …" if len(bad) > 4 else "")
            first = (
                f"The posterior is not calibrated: ranks of {len(bad)} of {len(rows)} quantities are not"
                f" uniform ({said})."
            )
        else:
            first = (
                f"No departure from calibration: the ranks of all {len(rows)} quantities are uniform, as far"
                f" as {self.simulations} simulations can tell."
            )
        found = [first]
        parts = [
            f"{100 * level:.0f} % intervals held the truth in {_percent(self.coverage(level))}"
            for level in INTERVALS
        ]
        found.append(f"Over all parameters, {' and '.join(parts)}.")
        failed = int(data.attrs.get("failed", 0))
        if failed:
            share = 100 * failed / (failed + self.simulations)
            found.append(
                f"{failed} draws from the prior ({share:.0f} %) gave no data (unstable network, diverged"
                " simulation) and were drawn again: what is checked is the prior cut off where the model"
                " works, which is also what the posterior sees."
            )
        found += chains_that_failed(data)
        if int(data.attrs.get("interrupted", 0)):
            found.append(
                f"It was interrupted: {self.simulations} of {data.attrs['wanted']} simulations are done; with"
                " path= the same call continues."
            )
        return found

    def __str__(self) -> str:
        head = f"{self.data.attrs.get('engine', '')}: {self.simulations} simulations"
        return "\n".join(
            [*self.sentences(), head, "", *aligned([HEADS, *(cells(row) for row in self.table())])]
        )

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """p-values adjusted for their number, whatever their dependence (Holm 1979, Scand J Statist 6:65)."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def cells(row: CalibrationRow) -> tuple[str, ...]:
    """A row as text, columns as in `HEADS`."""
    name = row.name if row.size == 1 else f"{row.name} ({row.size})"
    verdict = "not calibrated: " + row.shape if row.p < 1.0 - LEVEL else "uniform"
    known = "" if math.isnan(row.z_sd) else f"{row.z_mean:.2f}"
    return (
        name,
        f"{row.p:.3f}",
        *(f"{_percent(value)}" for value in row.coverages),
        known,
        known and f"{row.z_sd:.2f}",
        "" if math.isnan(row.contraction) else f"{row.contraction:.2f}",
        verdict,
    )


def chains_that_failed(data: Any) -> list[str]:
    """In how many simulations the chains are not to be trusted, in words."""
    found = []
    r_hat = data["r_hat"].values
    late = int(np.sum(r_hat > CONVERGED))
    if late:
        found.append(
            f"In {late} simulations the chains had not converged (R-hat > {CONVERGED}, at most"
            f" {np.nanmax(r_hat):.2f}): give them more warmup and draws."
        )
    divergent = int(np.sum(data["divergences"].values > 0))
    if divergent:
        found.append(f"In {divergent} simulations there were divergences.")
    return found


def _row(name: str, data: Any, p: np.ndarray) -> CalibrationRow:
    ranks = data["rank"].values
    least = int(np.argmin(p))
    z = (data["mean"].values - data["truth"].values) / data["sd"].values
    contraction = 1.0 - data["sd"].values ** 2 / data["prior_sd"].values ** 2
    of_data = name == LOG_LIKELIHOOD
    return CalibrationRow(
        name=name,
        size=ranks.shape[1],
        p=float(p[least]),
        worst=str(data["element"].values[least]),
        coverages=tuple(_coverage(_inside(ranks, level)) for level in INTERVALS),
        z_mean=math.nan if of_data else float(np.nanmean(z)),
        z_sd=math.nan if of_data else float(np.nanstd(z)),
        contraction=math.nan if of_data else float(np.nanmedian(contraction)),
        shape=shape(ranks[:, least]) if p[least] < 1.0 - LEVEL else "",
    )


def shape(u: Float[np.ndarray, " simulation"]) -> str:
    """What the ranks of the truth say of the posterior: the larger of the departures of their mean and of
    their spread.
    """
    n = len(u)
    shift = (u.mean() - 0.5) * math.sqrt(12.0 * n)
    spread = (np.mean((u - 0.5) ** 2) - 1.0 / 12.0) * math.sqrt(180.0 * n)
    if abs(shift) > abs(spread):
        return "estimates are too low" if shift > 0 else "estimates are too high"
    return "too narrow" if spread > 0 else "too wide"


def _inside(ranks: np.ndarray, level: float) -> Bool[np.ndarray, "simulation element"]:
    return np.abs(ranks - 0.5) < level / 2


def _coverage(inside: Bool[np.ndarray, "simulation element"]) -> Coverage:
    """Binomial interval (Wilson) for one number in each simulation; for several, which depend on each other,
    from the spread between simulations.
    """
    from scipy.stats import binomtest, norm

    n, size = inside.shape
    fraction = float(inside.mean())
    if size == 1:
        ends = binomtest(int(inside.sum()), n).proportion_ci(method="wilson")
        return Coverage(fraction, float(ends.low), float(ends.high))
    half = float(norm.ppf(0.975) * inside.mean(axis=1).std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return Coverage(fraction, max(fraction - half, 0.0), min(fraction + half, 1.0))


def _percent(value: Coverage) -> str:
    return f"{100 * value.fraction:.0f} % ({100 * value.low:.0f}–{100 * value.high:.0f})"
