"""What in this posterior is the prior's doing?"""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from .._groups import group, require_posterior
from .._table import element_label
from .._text import aligned, listed
from ._hyperparameters import effects

# Kallioinen, Paananen, Bürkner, Vehtari 2024 (Stat Comput 34:57).
SENSITIVE = 0.05
# Shift of a posterior mean, in posterior standard deviations, by a change of a hyperparameter by a tenth (of
# its scale), that is worth telling.
SHIFT = 0.1
CHANGE = 0.1
# Draws with which power-scaling begins to mean something.
ENOUGH = 100
# Parameters that are named before the others are only counted.
NAMED = 6
HEADS = ("parameter", "prior", "likelihood", "verdict")


class SensitivityRow(NamedTuple):
    """One number of a parameter: how strongly it follows the prior and the likelihood when they are raised to
    a power, and what that means.
    """

    label: str
    prior: float
    likelihood: float
    verdict: str


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """How much the posterior rests on the prior; print it.

    Attributes:
        data: `xarray.Dataset`: `prior` and `likelihood`, the power-scaling sensitivities by parameter; with a
            problem also `shift` by hyperparameter and parameter, the change of the posterior mean in
            posterior standard deviations when the hyperparameter (a location: in units of its scale; a scale
            or rate: relative to itself) grows by a tenth.
    """

    data: Any

    def table(self) -> tuple[SensitivityRow, ...]:
        """A row for each number of each parameter."""
        data = self.data
        return tuple(
            SensitivityRow(
                str(label), float(prior), float(likelihood), _verdict(float(prior), float(likelihood))
            )
            for label, prior, likelihood in zip(
                data["parameter"].values, data["prior"].values, data["likelihood"].values, strict=True
            )
        )

    def sentences(self) -> list[str]:
        """The verdict, the parameters behind it, and the hyperparameters that move them."""
        rows = self.table()
        found = []
        for what, said, advice in (
            (
                CONFLICT,
                "Prior and data pull in different directions, or both are strong, at",
                "look at both, and justify the prior",
            ),
            (WEAK, "The prior is stronger than the data at", "report that the prior decides there"),
        ):
            names = [row.label for row in rows if row.verdict == what]
            if names:
                found.append(f"{said} {listed(names, NAMED)}: {advice}.")
        if not found and np.isnan(self.data["prior"].values).all():
            found.append(f"Not available: too few draws to reweight, at least {ENOUGH} are needed.")
        elif not found:
            found.append("No parameter depends on the prior more than it should.")
        if "shift" not in self.data:
            return found
        shift = self.data["shift"]
        for hyperparameter in shift["hyperparameter"].values:
            moved = shift.sel(hyperparameter=hyperparameter)
            worst = int(np.nanargmax(np.abs(moved.values)))
            value = float(moved[worst])
            if abs(value) > SHIFT:
                found.append(
                    f"Raising {hyperparameter} by a tenth moves {moved['parameter'].values[worst]} by"
                    f" {value:+.2f} posterior standard deviations."
                )
        return found

    def __str__(self) -> str:
        cells = [
            (row.label, f"{row.prior:.3f}", f"{row.likelihood:.3f}", row.verdict) for row in self.table()
        ]
        return "\n".join([*self.sentences(), "", *aligned([HEADS, *cells])])

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


CONFLICT, WEAK, FINE = "prior-data conflict", "strong prior, weak data", "as it should be"


def sensitivity(tree: Any, problem: Any = None, data: Any = None) -> Sensitivity:
    """How the posterior would change if the prior, or the likelihood, were a little stronger or weaker.

    Both are raised to powers near 1, and the draws reweighted (power-scaling; Kallioinen et al. 2024): no new
    fit is needed. A posterior that follows the prior and hardly the likelihood is the prior's; one that
    follows both has them in conflict, or an informative prior. With the problem, the derivatives of posterior
    means by the numbers in the priors are told as well, as covariances with the prior's scores (Gustafson
    1996, Ann Statist 24:174).

    Args:
        tree: the result of an engine.
        problem: the problem that was fitted; None: power-scaling alone.
        data: its data; only a NumPyroModel needs them.

    Raises:
        ValueError: the tree has no draws, or not the log densities of prior and data at each.
    """
    posterior = require_posterior(tree, "sensitivity(tree)")
    absent = [name for name in ("log_prior", "log_likelihood") if group(tree, name) is None]
    if absent:
        raise ValueError(
            "sensitivity(tree) needs the groups log_prior and log_likelihood, this tree has no"
            f" {' and no '.join(absent)}; pass what an engine of nmm.infer returned"
        )
    import xarray as xr
    from arviz_stats import psense  # pyright: ignore[reportPrivateImportUsage]

    sampled = [
        name
        for name in posterior.data_vars
        if posterior[name].dtype.kind in "fiu" and float(posterior[name].std()) > 0
    ]
    found = {}
    for what in ("prior", "likelihood"):
        found[what] = np.full(sum(posterior[name][0, 0].size for name in sampled), np.nan)
        # With fewer, the tail of the weights cannot be smoothed, and what comes out is noise.
        if posterior.sizes["chain"] * posterior.sizes["draw"] >= ENOUGH:
            sensed = psense(tree, var_names=sampled, group=what)
            found[what] = np.concatenate([np.ravel(sensed[name].values) for name in sampled])
    labels = [label for name in sampled for label in _labels(posterior[name])]
    result = xr.Dataset(
        {name: ("parameter", values) for name, values in found.items()}, coords={"parameter": labels}
    )
    if problem is not None:
        hyperparameters, shifts = effects(tree, problem, data, sampled, CHANGE)
        result["shift"] = (("hyperparameter", "parameter"), shifts)
        result = result.assign_coords(hyperparameter=hyperparameters)
    return Sensitivity(result)


def _labels(variable: Any) -> list[str]:
    one = variable.isel(chain=0, draw=0)
    names = [element_label(one, i) for i in range(max(1, math.prod(one.shape)))]
    return [f"{variable.name}[{name}]" if name else str(variable.name) for name in names]


def _verdict(prior: float, likelihood: float) -> str:
    if math.isnan(prior) or math.isnan(likelihood):
        return "too few draws"
    if prior < SENSITIVE:
        return FINE
    return CONFLICT if likelihood >= SENSITIVE else WEAK
