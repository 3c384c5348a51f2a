"""Are parameters that are known found again?"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from .._predictive import correlation
from .._text import aligned
from ._calibration_report import LOG_LIKELIHOOD, chains_that_failed

HEADS = ("parameter", "truths", "RMSE", "bias", "r", "in 90 %", "mean z", "sd z", "contraction")
# Correlation and RMSE below these of a parameter that varies mean that estimates follow the prior, not the
# truth.
FOUND = 0.5
LEVEL = 0.9  # of the intervals
CHANCE = 0.05  # with which an innocent table is accused


class RecoveryRow(NamedTuple):
    """One parameter, over all simulations and its regions.

    Fields:
        name: the site.
        count: true values.
        rmse, bias: of the posterior mean, in the parameter's unit.
        correlation: of true values and posterior means; NaN with fewer than three different truths.
        covered: fraction of the truths inside their 90 % interval.
        z_mean, z_sd: of (posterior mean - truth)/posterior sd; 0 and about 1 are right.
        contraction: median of 1 - posterior variance/prior variance.
    """

    name: str
    count: int
    rmse: float
    bias: float
    correlation: float
    covered: float
    z_mean: float
    z_sd: float
    contraction: float


@dataclasses.dataclass(frozen=True)
class Recovery:
    """True parameters against estimated ones; print it, or draw `nmm.viz.recovery(recovery.data)`.

    Attributes:
        tree: `xarray.DataTree` with the group `calibration`, as in `Calibration`.
    """

    tree: Any

    @property
    def data(self) -> Any:
        """`truth`, `mean`, `sd`, `low`, `high` (90 % interval) by simulation and parameter."""
        data = self.tree["calibration"].to_dataset()
        return data.isel(parameter=data["name"].values != LOG_LIKELIHOOD)

    def table(self) -> tuple[RecoveryRow, ...]:
        """A row for each parameter."""
        data = self.data
        names = data["name"].values
        return tuple(
            _row(str(name), data.isel(parameter=names == name)) for name in dict.fromkeys(names.tolist())
        )

    def sentences(self) -> list[str]:
        """What was found again and what was not."""
        rows = self.table()
        varied = [row for row in rows if not math.isnan(row.correlation)]
        lost = [row.name for row in varied if row.correlation < FOUND]
        # At one truth a right posterior, which the prior draws to itself, may miss it more often.
        wrong = [row for row in varied if row.contraction < 1.0 and self._is_off(row, len(varied))]
        found = []
        if lost:
            found.append(
                f"Not found again (r < {FOUND} between truth and estimate): {', '.join(lost)}; see"
                " nmm.check.identifiability for what stands in their way."
            )
        elif varied and not wrong:
            found.append("Every parameter was found again.")
        held = _span([100 * row.covered for row in rows])
        if wrong:
            said = ", ".join(f"{row.name} {100 * row.covered:.0f} %" for row in wrong)
            found.append(
                f"The intervals are too narrow or in the wrong place: 90 % intervals held fewer truths than"
                f" chance allows ({said}); see nmm.check.calibration."
            )
        else:
            found.append(f"90 % intervals held {held} of the truths.")
        found += chains_that_failed(self.data)
        if int(self.data.attrs.get("interrupted", 0)):
            found.append(
                f"It was interrupted after {self.data.sizes['simulation']} of {self.data.attrs['wanted']}"
                " simulations."
            )
        return found

    def _is_off(self, row: RecoveryRow, rows: int) -> bool:
        """Whether fewer truths than chance allows are inside their intervals, one parameter among `rows`. The
        regions of one simulation share its errors and count as one.
        """
        from scipy.stats import binomtest

        n = int(self.data.sizes["simulation"])
        test = binomtest(round(n * row.covered), n, LEVEL, alternative="less")
        return bool(test.pvalue < CHANCE / rows)

    def __str__(self) -> str:
        head = f"{self.data.attrs.get('engine', '')}: {self.data.sizes['simulation']} simulations"
        return "\n".join(
            [*self.sentences(), head, "", *aligned([HEADS, *(_cells(row) for row in self.table())])]
        )

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def recovery(
    problem: Any,
    engine: Any,
    simulations: int = 10,
    *,
    key: PRNGKeyArray | int,
    truth: Mapping[str, Any] | None = None,
    data: Any = None,
    path: str | Path | None = None,
    batch: int = 8,
    progress: bool = True,
) -> Recovery:
    """Simulates data from known parameters and infers these.

    Args:
        problem, engine, simulations, key, data, path, batch, progress: as in `calibration`.
        truth: values by site, in the unit of their prior (`{"model.a": 0.2}`); sites that are not named are
            drawn from the prior anew each time.

    Returns:
        `Recovery`.

    Raises:
        ValueError: `truth` names unknown sites or has the wrong shape, or as in `calibration`.
    """
    from ._experiment import Experiment, run  # engines are slow to import

    return Recovery(
        run(
            Experiment(problem, engine, simulations, key, data, path, batch, dict(truth or {})),
            "recovery",
            progress,
        )
    )


def _varies(truth: Float[np.ndarray, "simulation region"]) -> bool:
    """Whether truths were drawn, rather than given: then each differs between simulations."""
    return bool(np.any(np.ptp(truth, axis=0) > 0)) and len(np.unique(truth)) > 2


def _row(name: str, data: Any) -> RecoveryRow:
    truth, mean, sd, low, high = (
        data[variable].values for variable in ("truth", "mean", "sd", "low", "high")
    )
    z = (mean - truth) / sd
    return RecoveryRow(
        name=name,
        count=truth.size,
        rmse=float(np.sqrt(np.mean((mean - truth) ** 2))),
        bias=float(np.mean(mean - truth)),
        correlation=correlation(truth.ravel(), mean.ravel()) if _varies(truth) else math.nan,
        covered=float(np.mean((low <= truth) & (truth <= high))),
        z_mean=float(np.nanmean(z)),
        z_sd=float(np.nanstd(z)) if z.size > 1 else math.nan,
        contraction=float(np.nanmedian(1.0 - sd**2 / data["prior_sd"].values ** 2)),
    )


def _span(percents: list[float]) -> str:
    low, high = min(percents), max(percents)
    return f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"


def _cells(row: RecoveryRow) -> tuple[str, ...]:
    short = (f"{value:.3g}" for value in (row.rmse, row.bias))
    fixed = (
        "–" if math.isnan(value) else f"{value:.2f}" for value in (row.z_mean, row.z_sd, row.contraction)
    )
    return (
        row.name,
        str(row.count),
        *short,
        "–" if math.isnan(row.correlation) else f"{row.correlation:.2f}",
        f"{100 * row.covered:.0f} %",
        *fixed,
    )
