"""Coordinates whitened where the posterior's mass is."""

import warnings
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import lookup_recipe
from jaxtyping import Float
from xarray import DataTree

from ..base import check_counts
from ..mode import curvature
from ..progress import Steps
from ..starts import Starts
from ..target import Target
from .base import AbstractMetric, Framed, whitened

# Share of the largest eigenvalue up to which a negative one may come of having averaged over few draws.
NEGATIVE = 0.01


def _draws(pilot: Any) -> dict[str, np.ndarray]:
    """Unconstrained draws by site, of the half of each chain that it drew last."""
    if isinstance(pilot, dict):
        return pilot
    if not isinstance(pilot, DataTree) or "unconstrained_posterior" not in pilot.children:
        what = "tree without unconstrained_posterior" if isinstance(pilot, DataTree) else type(pilot).__name__
        raise ValueError(f"metrics.MeanCurvature(pilot) got a {what}, expected what a sampler such as nmm.infer.NUTS returned for the same problem")
    group = pilot["unconstrained_posterior"]
    return {str(name): values.values[:, values.sizes["draw"] // 2 :] for name, values in group.data_vars.items()}


class MeanCurvature(AbstractMetric):
    """Coordinates whitened by the mean curvature of the log density over draws of an earlier run; nothing but the step size adapts in them.

    The mode of hundreds of unknowns is no place of the posterior: where scales, thresholds or walls shape it, the curvature there is that of a corner
    in which no draw ever is. What a short run in other coordinates (`Laplace`) has drawn is enough to average Hessians where the mass is, and a Hessian
    holds what hundreds of draws say about a covariance. In expectation it is the covariance of the gradients, which bounds the scale of the posterior
    from below in every direction (the other half of what `LowRank` uses; Seyboldt et al. 2026).

    The pilot need not have converged, only have left the corner; a run in the new coordinates may be the pilot of a third. Chains start from its draws.

    Args:
        pilot: what a sampler returned for the same problem and data.
        points: draws of its later halves at which the Hessian is taken, by differences: twice as many gradients each as there are unknowns.
        floor: smallest eigenvalue of the mean curvature.
    """

    pilot: dict[str, np.ndarray] = eqx.field(converter=_draws)
    points: int = eqx.field(static=True, default=16)
    floor: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_counts("metrics.MeanCurvature", points=self.points)

    def core(self, warmup):
        # Estimates from the few draws of a window would spoil what the curvature says.
        return lookup_recipe("welford_diag").build_core()._replace(update=lambda state, *_: state, final=lambda state: state)

    def frame(self, target, key, chains, start, progress):
        draws = target.join(self.pilot).reshape(-1, target.size)
        H = self._average(target, _spread(draws, self.points), Steps(progress, "curvature", self.points))
        frame = whitened(draws.mean(axis=0), H, self.floor)
        starts = start(target, key, chains, progress) if start else Starts(_spread(draws, chains), 0)
        return Framed(frame, np.asarray(frame.from_latent(jnp.asarray(starts.points))), starts.gradients + 2 * self.points * target.size)

    def _average(self, target: Target, points: Float[np.ndarray, "point latent"], bar: Steps) -> Float[np.ndarray, "latent latent"]:
        H = np.zeros((target.size, target.size))
        for x in points:
            H += curvature(target.value_and_gradient, x) / len(points)
            bar.advance(1)
        bar.finish("")
        values = np.linalg.eigvalsh(H)
        if values[0] < -NEGATIVE * values[-1]:
            warnings.warn(
                f"metrics.MeanCurvature: the mean curvature at {len(points)} draws of the pilot has eigenvalues from {values[0]:.3g} to {values[-1]:.3g}; "
                "over a posterior it has none below zero, so these draws are not of one, but of a needle or a saddle of its density; "
                "start the pilot elsewhere, or take more points",
                stacklevel=4,
            )
        return H


def _spread(draws: Float[np.ndarray, "draw latent"], n: int) -> Float[np.ndarray, "point latent"]:
    """`n` draws, evenly spread over all chains."""
    return draws[((np.arange(n) + 0.5) * len(draws) / n).astype(int)]
