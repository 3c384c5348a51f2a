"""Does the fitted model produce what was measured?"""

import dataclasses
import math
from typing import Any

import numpy as np

from ._groups import recording, variable
from ._table import TAILS


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Posterior predictions against the measurement; what could not be computed is None, and `missing` says
    why.

    Attributes:
        fc_correlation: of the posterior mean of the predicted functional connectivity with the measured one,
            over pairs of regions.
        fc_interval: 5 and 95 % of the same correlation over single draws.
        structure_correlation: of the connectome's weights, or of their logarithm if that is higher, with the
            measured connectivity: what one gets without any model.
        power_coverage: fraction of measured spectral values inside their 90 % predictive interval; 0.9 is
            right.
        coverage: the same for signals over time.
        missing: reasons.
    """

    fc_correlation: float | None
    fc_interval: tuple[float, float] | None
    structure_correlation: float | None
    power_coverage: float | None
    coverage: float | None
    missing: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The numbers in words."""
        found = []
        if self.fc_correlation is not None and self.fc_interval is not None:
            low, high = self.fc_interval
            found.append(
                f"Functional connectivity: r = {self.fc_correlation:.2f} between the mean prediction and the"
                f" measurement; {low:.2f} to {high:.2f} for single simulated recordings, each with noise of"
                " its own."
            )
        if self.structure_correlation is not None:
            found.append(
                "For reference, structural weights without any model correlate with the measured one at r ="
                f" {self.structure_correlation:.2f}"
                f"{_gained(self.fc_correlation, self.structure_correlation)}."
            )
        if self.power_coverage is not None:
            found.append(
                f"Spectra: the 90 % predictive intervals contain {100 * self.power_coverage:.0f} % of the"
                f" measured power values{_judged(self.power_coverage)}."
            )
        if self.coverage is not None:
            found.append(
                f"Signals: the 90 % predictive intervals contain {100 * self.coverage:.0f} % of the measured"
                f" samples{_judged(self.coverage)}."
            )
        return found

    def __str__(self) -> str:
        return "\n".join(self.sentences() + [f"Not available: {reason}." for reason in self.missing])

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def predictive(tree: Any) -> Prediction:
    """Compares `posterior_predictive` with `observed_data`: functional connectivity, spectra, signals."""
    missing: list[str] = []
    fc, fc_interval, structure = _connectivity(tree, missing)
    coverages = {
        name: _coverage(variable(tree, "observed_data", name), variable(tree, "posterior_predictive", name))
        for name in ("power", "y")
    }
    if fc is None and all(value is None for value in coverages.values()):
        missing.append(
            "no variable of posterior_predictive (power, fc, y) has its counterpart in observed_data"
        )
    return Prediction(fc, fc_interval, structure, coverages["power"], coverages["y"], tuple(missing))


def observed_connectivity(tree: Any) -> Any:
    """The measured functional connectivity: `observed_data.fc`, else the correlation of the recording; None
    without both.
    """
    fc = variable(tree, "observed_data", "fc")
    data = recording(tree)
    if fc is not None or data is None or set(data.dims) != {"time", "region"} or data.sizes["region"] < 2:
        return fc
    import xarray as xr

    coords = dict.fromkeys(("region", "region_2"), data["region"].values) if "region" in data.coords else {}
    return xr.DataArray(
        np.corrcoef(data.transpose("region", "time").values),
        dims=("region", "region_2"),
        coords=coords,
        name="fc",
    )


def pairs(matrix: np.ndarray) -> np.ndarray:
    """The values above the diagonal, over the last two axes."""
    upper = np.triu_indices(matrix.shape[-1], 1)
    return matrix[..., upper[0], upper[1]]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over finite pairs; NaN for constants."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def structure_correlation(weights: np.ndarray, observed: np.ndarray) -> float:
    """r of observed connectivity with the weights or with their logarithm, the higher: weights may already be
    logarithms.
    """
    w = pairs((weights + weights.T) / 2)
    fc = pairs(observed)
    exists = w > 0
    candidates = (correlation(w, fc), correlation(np.log(w[exists]), fc[exists]))
    return max((r for r in candidates if not math.isnan(r)), default=math.nan)


def _connectivity(
    tree: Any, missing: list[str]
) -> tuple[float | None, tuple[float, float] | None, float | None]:
    observed, predicted = observed_connectivity(tree), variable(tree, "posterior_predictive", "fc")
    weights = variable(tree, "constant_data", "weights")
    structure = None
    if observed is not None and weights is not None and weights.shape == observed.shape:
        structure = _known(
            structure_correlation(np.asarray(weights.values, dtype=np.float64), np.asarray(observed.values))
        )
    if observed is None or predicted is None:
        if predicted is not None:
            missing.append(
                "functional connectivity was predicted, but observed_data has no fc, and constant_data no"
                " recording (time, region)"
            )
        elif observed is not None:
            missing.append("posterior_predictive has no fc to compare with the measured connectivity")
        return None, None, structure
    measured = pairs(np.asarray(observed.values))
    draws = pairs(np.asarray(predicted.transpose("chain", "draw", ...).values))
    draws = draws.reshape(-1, draws.shape[-1])
    single = [correlation(draw, measured) for draw in draws]
    low, high = np.nanquantile(single, TAILS) if not np.all(np.isnan(single)) else (math.nan, math.nan)
    return _known(correlation(draws.mean(axis=0), measured)), (float(low), float(high)), structure


def _coverage(observed: Any, predicted: Any) -> float | None:
    """Fraction of the measured values between the 5 and 95 % quantiles of their predictions."""
    if observed is None or predicted is None:
        return None
    low, high = predicted.quantile(TAILS, ["chain", "draw"]).transpose("quantile", *observed.dims).values
    values = np.asarray(observed.values)
    known = np.isfinite(values)
    return _known(float(np.mean(((values >= low) & (values <= high))[known]))) if known.any() else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _gained(model: float | None, structure: float) -> str:
    """What the model adds to the connectome that it was given."""
    if model is None:
        return ""
    if model < structure:
        return ": the model predicts it no better than its own connectome does"
    return ": the model adds little to it" if model < structure + 0.1 else ""


def _judged(coverage: float) -> str:
    if coverage < 0.8:
        return (
            ", fewer than they should: the model misses something, or the predictions leave out measurement"
            " noise"
        )
    if coverage < 0.86:
        return ", somewhat fewer than they should"
    return (
        ", more than they should: the noise is overestimated" if coverage > 0.97 else ", about as they should"
    )
