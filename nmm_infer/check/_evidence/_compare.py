"""Which model do the data speak for?"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .._diagnostics._criteria import PARETO_K
from .._groups import number, require_posterior, variable
from .._text import aligned

# Differences of predictive density that are smaller are as good as none (Sivula et al. 2025).
SMALL = 4.0
# Of residuals one sample apart, from where leaving out single samples is too easy.
CORRELATED = 0.2
HEADS = (
    "model",
    "elpd",
    "se",
    "difference",
    "se",
    "p_loo",
    "k > 0.7",
    "weight",
    "log evidence",
    "se",
    "probability",
)


class Compared(NamedTuple):
    """One model.

    Fields:
        name: as it was given.
        elpd, se: expected log predictive density by leave-one-out, and its standard error.
        difference, difference_se: to the best model.
        p_loo: effective number of parameters.
        high_k: observations whose estimate is unreliable.
        weight: by stacking of predictions.
        log_evidence, log_evidence_se: NaN if the tree has none.
        method: how the evidence was computed, or "".
        probability: of the model given the data, all models equally probable before; NaN if some evidence is
            missing.
    """

    name: str
    elpd: float
    se: float
    difference: float
    difference_se: float
    p_loo: float
    high_k: int
    weight: float
    log_evidence: float
    log_evidence_se: float
    method: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Models by predictive density and by evidence, the best prediction first; print it.

    Attributes:
        rows: one for each model.
        observations: how many predictions of left-out data were compared.
        notes: what to mind, in words.
    """

    rows: tuple[Compared, ...]
    observations: int
    notes: tuple[str, ...]

    @property
    def best(self) -> str:
        """The model that predicts best."""
        return self.rows[0].name

    @property
    def most_probable(self) -> str | None:
        """The model with the largest evidence; None if some evidence is missing."""
        return (
            None
            if any(math.isnan(row.log_evidence) for row in self.rows)
            else max(self.rows, key=lambda row: row.log_evidence).name
        )

    def __str__(self) -> str:
        cells = [
            (
                row.name,
                f"{row.elpd:.1f}",
                f"{row.se:.1f}",
                f"{row.difference:.1f}",
                f"{row.difference_se:.1f}",
                f"{row.p_loo:.1f}",
                str(row.high_k),
                f"{row.weight:.2f}",
                *(
                    ("-", "-", "-")
                    if math.isnan(row.log_evidence)
                    else (f"{row.log_evidence:.2f}", _figure(row.log_evidence_se), _figure(row.probability))
                ),
            )
            for row in self.rows
        ]
        return "\n".join([*aligned([HEADS, *cells]), "", *(f"- {note}." for note in self.notes)])

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def compare(trees: Mapping[str, Any], *, blocks: Mapping[str, int] | None = None) -> Comparison:
    """Compares models that were fitted to the same data.

    Two answers to two questions. The expected log predictive density (PSIS-LOO; Vehtari, Gelman, Gabry 2017)
    says which model would predict further data of the same kind best. The evidence says which model, prior
    included, makes these data most probable; it comes from the attributes that `SMC`, `Laplace` or
    `nmm.infer.bridge_sampling` left in the trees.

    Args:
        trees: results by name, each with `posterior` and `log_likelihood`; or what `leave_future_out` gave
            for each model, whose stretches of `forecast_horizon` samples are compared one after the other, so
            that none counts twice.
        blocks: leaves out runs of neighbours in place of single observations, `{"time": 50}`: neighbouring
            samples of a slow signal predict each other, so that leaving out one is too easy. Dims that are
            not named are left out one at a time.

    Raises:
        ValueError: fewer than two models, other data or other observations in one of them, or no pointwise
            log likelihood; futures beside trees, or of other settings.
    """
    from ...infer._evidence._stacking import stacking_weights

    if len(trees) < 2:
        raise ValueError(
            f"compare(trees) got {len(trees)} model{'' if len(trees) == 1 else 's'}, expected at least 2:"
            " compare({'name': tree, ...})"
        )
    ahead = [name for name, one in trees.items() if _is_future(one)]
    if ahead:
        _check_futures(trees, ahead, blocks or {})
        found = {name: _future(one) for name, one in trees.items()}
        attrs = {name: {} for name in trees}
    else:
        _check(trees)
        found = {name: _left_out(name, tree, blocks or {}) for name, tree in trees.items()}
        attrs = {name: tree.attrs for name, tree in trees.items()}
    sizes = {name: one.elpd.size for name, one in found.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"compare(trees) got models of different numbers of observations: {sizes}; fit all to the same"
            " samples or bands"
        )
    names = sorted(trees, key=lambda name: -found[name].elpd.sum())
    weights = dict(
        zip(names, stacking_weights(np.stack([found[name].elpd for name in names], axis=1)), strict=True)
    )
    evidence = {name: _nan(number(attrs[name], "log_evidence")) for name in names}
    top = max(evidence.values(), default=math.nan)
    total = sum(math.exp(value - top) for value in evidence.values())
    best = found[names[0]].elpd
    rows = []
    for name in names:
        elpd = found[name].elpd
        gap = elpd - best
        rows.append(
            Compared(
                name=name,
                elpd=float(elpd.sum()),
                se=_standard_error(elpd),
                difference=float(gap.sum()),
                difference_se=_standard_error(gap),
                p_loo=found[name].p_loo,
                high_k=int((found[name].pareto_k > PARETO_K).sum()),
                weight=float(weights[name]),
                log_evidence=evidence[name],
                log_evidence_se=_nan(number(attrs[name], "log_evidence_se")),
                method=str(attrs[name].get("log_evidence_method", "")),
                probability=math.exp(evidence[name] - top) / total if total == total else math.nan,
            )
        )
    notes = _predictions(tuple(rows))
    if not ahead:
        notes += [
            *([] if blocks else _autocorrelation(names[0], trees[names[0]])),
            *_evidences(tuple(rows), trees),
        ]
    return Comparison(tuple(rows), best.size, tuple(notes))


def _is_future(one: Any) -> bool:
    return getattr(one, "kind", None) == "lfo_cv"


def _check_futures(trees: Mapping[str, Any], ahead: list[str], blocks: Mapping[str, int]) -> None:
    others = [name for name in trees if name not in ahead]
    if others:
        raise ValueError(
            f"compare(trees) got predictions of the future for {', '.join(ahead)}, and none for"
            f" {', '.join(others)}: leave_future_out(...) for all, or for none"
        )
    if blocks:
        raise ValueError(
            "compare(blocks=...) leaves out stretches of trees; for predictions of the future it is"
            " leave_future_out(forecast_horizon=...)"
        )
    if bare := [name for name in trees if trees[name].elpd_i is None]:
        raise ValueError(
            f"compare(trees) got no single predictions for {', '.join(bare)}; ArviZ's lfo_cv needs"
            " pointwise=True"
        )
    settings = {
        name: f"{one.min_observations} samples and {one.forecast_horizon} ahead"
        for name, one in trees.items()
    }
    if len(set(settings.values())) > 1:
        raise ValueError(
            f"compare(trees) got predictions of the future from {settings}; expected the same for all"
        )


def _future(one: Any) -> Any:
    """Stretches that do not overlap."""
    from ...infer._evidence._leave_one_out import LeftOut

    apart = slice(None, None, one.forecast_horizon)
    elpd = np.asarray(one.elpd_i)[apart]
    return LeftOut(elpd, float(np.asarray(one.p_lfo_i)[apart].sum()), np.zeros(len(elpd)))


def _check(trees: Mapping[str, Any]) -> None:
    from ...infer._evidence._leave_one_out import FEWEST

    hashes = {}
    for name, tree in trees.items():
        posterior = require_posterior(tree, f"compare(trees)[{name!r}]")
        if (draws := posterior.sizes["chain"] * posterior.sizes["draw"]) < FEWEST:
            raise ValueError(
                f"compare(trees)[{name!r}] has {draws} draws, expected at least {FEWEST}: leave-one-out needs"
                " them; draw more"
            )
        if "log_likelihood" not in tree.children or not tree["log_likelihood"].data_vars:
            raise ValueError(
                f"compare(trees)[{name!r}] has no log_likelihood, which leave-one-out needs; pass what an"
                " engine of nmm.infer returned"
            )
        if "data_hash" in tree.attrs:
            hashes[name] = str(tree.attrs["data_hash"])
    if len(set(hashes.values())) > 1:
        raise ValueError(
            f"compare(trees) got models of different data (hashes {hashes}); densities of different data"
            " cannot be compared"
        )


def _left_out(name: str, tree: Any, blocks: Mapping[str, int]) -> Any:
    from ...infer._evidence._leave_one_out import leave_one_out

    pointwise = tree["log_likelihood"].to_dataset()
    for site, data in pointwise.data_vars.items():
        unknown = sorted(set(blocks) - set(data.dims))
        if unknown:
            raise ValueError(
                f"compare(blocks=...) names {', '.join(unknown)}, but {site!r} of model {name!r} has"
                f" {', '.join(map(str, data.dims[2:]))}"
            )
    if blocks:
        pointwise = pointwise.coarsen(
            {dim: min(size, pointwise.sizes[dim]) for dim, size in blocks.items()}, boundary="trim"
        ).sum()
    return leave_one_out(tree["posterior"].to_dataset(), pointwise)


def _predictions(rows: tuple[Compared, ...]) -> list[str]:
    """What to mind about predictive densities."""
    notes = []
    best, second = rows[0], rows[1]
    if -second.difference < max(SMALL, 2.0 * second.difference_se):
        alike = [row.name for row in rows[1:] if -row.difference < max(SMALL, 2.0 * row.difference_se)]
        notes.append(
            f"{best.name} predicts best, but {', '.join(alike)} cannot be told from it: less than {SMALL:.0f}"
            " nats or two standard errors decides nothing"
        )
    else:
        notes.append(
            f"{best.name} predicts best, by {-second.difference:.1f} nats (standard error"
            f" {second.difference_se:.1f})"
        )
    high = [row for row in rows if row.high_k]
    if high:
        worst = max(high, key=lambda row: row.high_k)
        notes.append(
            f"{worst.high_k} left-out observations of {worst.name} have a Pareto k above {PARETO_K}: its"
            " predictive density is too high by an unknown amount; decide by the evidence"
        )
    return notes


def _evidences(rows: tuple[Compared, ...], trees: Mapping[str, Any]) -> list[str]:
    """What to mind about evidences."""
    notes = []
    known = [row for row in rows if not math.isnan(row.log_evidence)]
    if len(known) == len(rows):
        top = max(rows, key=lambda row: row.log_evidence)
        error = max(_zero(row.log_evidence_se) for row in rows)
        gap = top.log_evidence - max(row.log_evidence for row in rows if row is not top)
        notes.append(
            f"the evidence is for {top.name}, {gap:.1f} nats above the next"
            + ("; that is within its error" if gap < 2.0 * error else "")
        )
        methods = sorted({row.method for row in rows})
        if len(methods) > 1:
            notes.append(
                f"evidences come from {' and '.join(methods)}, whose errors differ; use one method for all"
            )
        for row in rows:
            k = number(trees[row.name].attrs, "pareto_k")
            if row.method.endswith("Laplace") and k is not None and k > PARETO_K:
                notes.append(
                    f"{row.name} is no Gaussian (Pareto k {k:.1f}), so its Laplace evidence is wrong by an"
                    " unknown amount: use SMC"
                )
    else:
        missing = ", ".join(row.name for row in rows if math.isnan(row.log_evidence))
        notes.append(
            f"no evidence for {missing}: fit with nmm.infer.SMC(), or pass the draws of NUTS to"
            " nmm.infer.bridge_sampling(problem, data, tree, key=key)"
        )
    return notes


def _autocorrelation(name: str, tree: Any) -> list[str]:
    """Whether residuals of neighbouring samples resemble each other, in the model that predicts best."""
    observed, predicted = variable(tree, "observed_data", "y"), variable(tree, "posterior_predictive", "y")
    if observed is None or "time" not in observed.dims:
        return []
    if predicted is None or not set(observed.dims) <= set(predicted.dims):
        return [
            "without posterior predictive draws nobody knows whether residuals of neighbours correlate;"
            " blocks={'time': n} is safe either way"
        ]
    samples = observed.sizes["time"]
    residual = (
        (observed - predicted.mean(("chain", "draw"))).transpose("time", ...).values.reshape(samples, -1)
    )
    residual = residual - residual.mean(axis=0)
    r = float((residual[1:] * residual[:-1]).sum() / (residual**2).sum())
    if r < max(CORRELATED, 2.0 / math.sqrt(samples)):
        return []
    return [
        f"residuals of neighbouring samples correlate (r = {r:.2f} in {name}), so leaving out single samples"
        " flatters flexible models: leave out stretches longer than the correlation, blocks={'time': n},"
        " or decide by evidences under a likelihood that knows it"
    ]


def _standard_error(values: np.ndarray) -> float:
    return float(math.sqrt(values.size) * values.std())


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
