"""Coordinates whitened where the posterior's mass is."""

import warnings
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.metric_recipes import lookup_recipe
from jaxtyping import Float
from xarray import DataTree

from .._engine import check_counts
from .._optimise._mode import curvature, with_eigenvalues
from .._progress import Steps
from .._target import Target
from ..starts import Starts
from ._affine import Coordinates
from ._karcher_mean import geometric_mean
from ._metric import AbstractMetric, Preconditioned, whitened

# Mean sign of the curvature in some direction below which the draws are not those of a posterior.
NEGATIVE = -0.5


def _draws(pilot: Any) -> dict[str, np.ndarray]:
    """Unconstrained draws by site, of the half of each chain that it drew last."""
    if isinstance(pilot, dict):
        return pilot
    if not isinstance(pilot, DataTree) or "unconstrained_posterior" not in pilot.children:
        what = "tree without unconstrained_posterior" if isinstance(pilot, DataTree) else type(pilot).__name__
        raise ValueError(
            f"metrics.MeanCurvature(pilot) got a {what}, expected what a sampler such as nmm.infer.NUTS"
            " returned for the same problem"
        )
    group = pilot["unconstrained_posterior"]
    return {
        str(name): values.values[:, values.sizes["draw"] // 2 :] for name, values in group.data_vars.items()
    }


class MeanCurvature(AbstractMetric):
    """Coordinates whitened by the mean curvature of the log density over draws of an earlier run; nothing but
    the step size adapts in them.

    The mode of hundreds of unknowns is no place of the posterior: where scales, thresholds or walls shape it,
    the curvature there is that of a corner in which no draw ever is. What a short run in other coordinates
    (`Laplace`) has drawn is enough to average Hessians where the mass is, and a Hessian holds what hundreds
    of draws say about a covariance. Their mean is the geometric one (`geometric_mean`), for beside a wall
    curvatures are a thousand times larger.

    Curvature bounds the scale of a posterior from below and not from above (its mean is the covariance of the
    gradients; Seyboldt et al. 2026): along a curved ridge the density goes on. So directions in which the
    draws vary more than those of a standard normal distribution would by chance (the edge of Marchenko &
    Pastur 1967) are stretched by the excess.

    The pilot need not have converged, only have left the corner; a run in the new coordinates may be the
    pilot of a third. Chains start from its draws.

    Args:
        pilot: what a sampler returned for the same problem and data.
        points: draws of its later halves at which the Hessian is taken, by differences: twice as many
            gradients each as there are unknowns.
        floor: smallest eigenvalue of the mean curvature.
    """

    pilot: dict[str, np.ndarray] = eqx.field(converter=_draws)
    points: int = eqx.field(static=True, default=16)
    floor: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_counts("metrics.MeanCurvature", points=self.points)

    def core(self, warmup):
        # Estimates from the few draws of a window would spoil what the curvature says.
        return (
            lookup_recipe("welford_diag")
            .build_core()
            ._replace(update=lambda state, *_: state, final=lambda state: state)
        )

    def coordinates(self, target, key, chains, start, progress):
        draws = target.join(self.pilot).reshape(-1, target.size)
        hessians = self._hessians(
            target, _spread(draws, self.points), Steps(progress, "curvature", self.points)
        )
        coordinates = whitened(draws.mean(axis=0), geometric_mean(hessians, self.floor), self.floor)
        _warn_of_saddles(hessians, np.asarray(coordinates.scale))
        coordinates = _stretched(coordinates, draws)
        starts = start(target, key, chains, progress) if start else Starts(_spread(draws, chains), 0)
        return Preconditioned(
            coordinates,
            np.asarray(coordinates.from_latent(jnp.asarray(starts.points))),
            starts.gradients + 2 * self.points * target.size,
        )

    def _hessians(
        self, target: Target, points: Float[np.ndarray, "point latent"], bar: Steps
    ) -> Float[np.ndarray, "point latent latent"]:
        hessians = []
        for x in points:
            hessians.append(curvature(target.value_and_gradient, x))
            bar.advance(1)
        bar.finish("")
        return np.stack(hessians)


def _warn_of_saddles(
    hessians: Float[np.ndarray, "point latent latent"], scale: Float[np.ndarray, "latent latent"]
) -> None:
    signs = [
        with_eigenvalues(scale.T @ H @ scale, lambda values: np.clip(values, -1.0, 1.0)) for H in hessians
    ]
    if np.linalg.eigvalsh(np.mean(signs, axis=0))[0] < NEGATIVE:
        warnings.warn(
            "metrics.MeanCurvature: in some direction the log density curves upwards at most of"
            f" {len(hessians)} draws of the pilot; over a posterior it curves downwards, so these draws are"
            " not of one, but of a needle or a saddle of its density; start the pilot elsewhere, or take"
            " more points",
            stacklevel=4,
        )


def _stretched(coordinates: Coordinates, draws: Float[np.ndarray, "draw latent"]) -> Coordinates:
    """The coordinates in which no direction of the draws varies more than one of a standard normal
    distribution would by chance.
    """
    u = np.asarray(coordinates.from_latent(jnp.asarray(draws)))
    n, size = u.shape
    edge = (1.0 + np.sqrt(size / n)) ** 2
    stretch = with_eigenvalues(u.T @ u / n, lambda values: np.sqrt(np.maximum(values / edge, 1.0)))
    assert coordinates.scale is not None
    return Coordinates(coordinates.centre, coordinates.scale @ jnp.asarray(stretch, coordinates.scale.dtype))


def _spread(draws: Float[np.ndarray, "draw latent"], n: int) -> Float[np.ndarray, "point latent"]:
    """`n` draws, evenly spread over all chains."""
    return draws[((np.arange(n) + 0.5) * len(draws) / n).astype(int)]
