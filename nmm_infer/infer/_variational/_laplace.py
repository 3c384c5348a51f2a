"""The Gaussian at the mode."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from rich.progress import Progress

from ..._tools._kinds import kind_of
from .._engine import AbstractEngine, check_counts
from .._importance import importance, resample
from .._optimise._hierarchical_mode import gaussian
from .._optimise._map import MAP
from .._optimise._mode import Section, at_best, curvature
from .._optimise._multistart import objective, prepare
from .._optimise.optimisers import AbstractOptimiser
from .._progress import Steps
from .._run import Approximation
from .._target import Target

# Of scales: moves at most, steps of Adam after each, and how near to the highest marginal density they have
# to come, in standard deviations.
MOVES, STEPS, CLOSE = 10, 400, 0.15
# Smallest eigenvalue of a curvature, far below that of any peak that a prior allows.
FLOOR = 1e-9


class Peak(NamedTuple):
    """A Gaussian by its centre and the principal axes of its precision.

    Fields:
        centre: its mean.
        height: log density of the posterior there.
        values, vectors: eigenvalues and eigenvectors of the precision.
    """

    centre: Float[np.ndarray, " latent"]
    height: float
    values: Float[np.ndarray, " latent"]
    vectors: Float[np.ndarray, "latent latent"]

    @property
    def log_evidence(self) -> float:
        """log ∫ of the Gaussian with this height: height + d/2 log 2π - ½ log|H|."""
        return self.height + 0.5 * (self.values.size * np.log(2.0 * np.pi) - np.log(self.values).sum())

    def draw(
        self, z: Float[np.ndarray, "draw latent"]
    ) -> tuple[Float[np.ndarray, "draw latent"], Float[np.ndarray, " draw"]]:
        """Draws from standard normal `z`, and their log density."""
        x = self.centre + (z / np.sqrt(self.values)) @ self.vectors.T
        return x, -0.5 * (z**2).sum(axis=-1) + 0.5 * (
            np.log(self.values).sum() - self.values.size * np.log(2.0 * np.pi)
        )


class Laplace(AbstractEngine):
    """Laplace's approximation: a Gaussian with the mode and the curvature of the posterior, in unconstrained
    coordinates.

    Excellent where the posterior has one mode and many data, nonsense elsewhere; the Pareto k of the
    importance ratios tells which (below 0.7: usable). The log evidence is log p(mode) + d/2 log 2π - ½ log|H|
    (MacKay 1992; the variational Laplace of DCM is its relative, Friston et al. 2007).

    Free scales of hierarchies (`Pooled(sd=...)`) have no useful joint mode. They are where their marginal
    density is highest, with the curvature of that, all other unknowns integrated out by Laplace's method; the
    search begins with scales at their prior's median.

    Args:
        search: finds the mode.
        draws: from the Gaussian.
        resample: resample the draws by their smoothed importance weights, which corrects shape and evidence
            while the Pareto k is below 0.7.
        dtype: "float64" (default) or "float32".
        predictive_draws: posterior predictive draws; 0: none; None: as in `NUTS`.
    """

    search: MAP = MAP()
    draws: int = eqx.field(static=True, default=2000)
    resample: bool = eqx.field(static=True, default=False)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts("Laplace", draws=self.draws)
        if not isinstance(self.search, MAP):
            raise TypeError(f"Laplace(search=...) got {kind_of(self.search)}, expected an nmm.infer.MAP")

    def title(self):
        return (
            f"Laplace({type(self.search.optimiser).__name__}, starts={self.search.starts},"
            f" draws={self.draws}, resample={self.resample}, dtype={self.dtype})"
        )

    def run(self, target, key, bars):
        import xarray as xr

        key_start, key_draw, key_resample = jax.random.split(key, 3)
        optimiser = self.search.optimiser
        section, starts = prepare(target, key_start, self.search.starts)
        goal = objective(target, section, optimiser.squares)
        ends = optimiser.search(goal, starts, Steps(bars, "mode", optimiser.steps))
        best = int(np.argmax(np.nan_to_num(ends.log_density, nan=-np.inf)))
        if section.free.all():
            peak, spent = peak_at(target, ends.positions[best]), 2 * target.size
        else:
            peak, spent = with_scales(
                target, section, ends.positions[best], optimiser, jax.random.fold_in(key_start, 1), bars
            )
        z = np.asarray(jax.random.normal(key_draw, (self.draws, peak.centre.size)), dtype=np.float64)
        drawn, log_q = peak.draw(z)
        log_p = np.asarray(target.densities(jnp.asarray(drawn)))
        weights = importance(log_p - log_q)
        if self.resample:
            drawn = np.asarray(resample(key_resample, jnp.asarray(drawn), weights.log_weights))
            log_p = np.asarray(target.densities(jnp.asarray(drawn)))
        method = "importance sampling from Laplace" if self.resample else "Laplace"
        value, error = (
            (weights.log_mean, weights.log_mean_se) if self.resample else (peak.log_evidence, float("nan"))
        )
        searches = {
            "log_density": (("start",), ends.log_density),
            "best_mode": (("start",), at_best(goal.heights, ends)),
        }
        return Approximation(
            latent=np.asarray(drawn, dtype=np.float64)[None],
            stats={"lp": log_p[None]},
            gradients=ends.gradients + spent,
            failed=np.asarray(drawn)[~np.isfinite(log_p)],
            interrupted=ends.interrupted,
            groups={"optimization": xr.Dataset(searches)},
            attrs={
                "pareto_k": weights.pareto_k,
                "log_evidence": value,
                "log_evidence_se": error,
                "log_evidence_method": method,
            },
        )


def peak_at(target: Target, x: Float[np.ndarray, " latent"]) -> Peak:
    """The Gaussian at `x`.

    Raises:
        ValueError: the density is not finite there, or it is no peak: some direction goes level or up.
    """
    height = _height(target, x)
    values, vectors = np.linalg.eigh(curvature(target.value_and_gradient, x))
    _check_peak(values[0])
    return Peak(np.asarray(x, dtype=np.float64), height, values, vectors)


def _check_peak(lowest: float) -> None:
    if lowest <= 0.0:
        raise ValueError(
            f"Laplace: the end of the search is no peak, its smallest curvature is {lowest:.3g}; take more"
            " steps, or accept that the posterior has no Gaussian shape and use NUTS"
        )


def _height(target: Target, x: Any) -> float:
    height = float(target.densities(jnp.asarray(x)[None])[0])
    if not np.isfinite(height):
        raise ValueError(
            "Laplace: every search ended where the density is zero; narrow the priors, or search with"
            " optimisers.Adam()"
        )
    return height


def with_scales(
    target: Target,
    section: Section,
    x: Float[np.ndarray, " free"],
    optimiser: AbstractOptimiser,
    key: PRNGKeyArray,
    bars: Progress,
) -> tuple[Peak, int]:
    """The Gaussian of all unknowns, the held ones at their highest marginal density, and the gradients that
    it took.

    Its precision is block by block that of Laplace's method: of the others given the scales, and of the
    scales with the others integrated out. So `Peak.log_evidence` holds, although the joint density has no
    peak there.

    Args:
        target: the posterior.
        section: the unknowns that are no scales.
        x: these at their mode, given the scales where they are held.
        optimiser: finds their mode, given the scales where they end.
        key: of the draws over which gradients are averaged.
        bars: progress.

    Raises:
        ValueError: as `peak_at`.
    """
    whole = np.asarray(section.embed(jnp.asarray(x)))
    _height(target, whole)
    near = gaussian(target, whole, key, MOVES, STEPS, FLOOR, bars, CLOSE)
    # Adam ends near to the mode given the scales; the height of a Gaussian is that at the mode itself.
    there = Section(near.mode, section.free)
    ends = optimiser.search(
        objective(target, there), near.mode[None, section.free], Steps(bars, "mode", optimiser.steps)
    )
    mode = np.asarray(there.embed(jnp.asarray(ends.positions[0])))
    height = _height(target, mode)
    found = gaussian(target, mode, key, 0, STEPS, FLOOR, bars)
    _check_peak(found.lowest)
    return (
        Peak(found.mode, height, *np.linalg.eigh(found.H)),
        near.gradients + ends.gradients + found.gradients,
    )
