"""Coordinates whitened at the mode."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from .._optimise._hierarchical_mode import MOVES, gaussian
from .._optimise._mode import find_mode
from .._optimise.optimisers import AbstractOptimiser
from .._progress import Progress, Steps
from .._target import Target
from ._affine import Posterior
from ._low_rank import LowRank
from ._metric import AbstractMetric, Preconditioned, whitened
from ._ridge import bent

# Standard deviations of its log density by which a draw of a Gaussian hardly ever lies lower than the mean
# one.
FAR = 6.0
# Times that a start is moved half of the way to the mode, at most.
HALVINGS = 12


def _sites(mode: Any) -> dict[str, Array] | None:
    """Values by site from a result of one draw, or from a dictionary."""
    if mode is None or isinstance(mode, dict):
        return mode
    return {str(name): values.values[0, 0] for name, values in mode["posterior"].data_vars.items()}


class Laplace(AbstractMetric):
    """Coordinates whitened by the curvature at the mode, where a diagonal metric then adapts the rest.

    The mode is found by Adam from prior-informed starts, the best of which is kept; the curvature is
    the Hessian there by differences of gradients, its eigenvalues floored at `floor` (the prior's own
    curvature in unconstrained units is of order 1). Chains start from the Gaussian approximation,
    nearer to the mode where that has no density, unless they are told otherwise. For
    hundreds of moderately correlated unknowns this saves most of the warmup.

    Adam is hard to lead astray, and slow where data are many and the posterior is tiny in the prior: give
    another `optimiser` there, and more starts where some get stuck.

    Free scales of hierarchies are held at their prior's median meanwhile: the joint mode of a hierarchy lies
    where its posterior has no mass (scales run away if non-centred, collapse if centred), and a metric from
    there is useless. Then they move to where their marginal density is highest, all other unknowns integrated
    out by Laplace's method, and the coordinates are those of the curvature there, with the scales' own
    marginal one. The others follow a move in a score of gradients; where a hierarchy is not centred, each
    costs another Hessian.

    Where one number for the whole model decides what those of its regions may be, the ridge may be a curve: a
    measurement noise takes from the regions' own in the square, so that nothing is taken where it is low.
    Then the coordinates bend with the mode of all others given that number (`_ridge.py`), which costs some
    two hundred gradients and no correction, for the bend leaves volumes as they are.

    Args:
        steps: of Adam, from each start; not used with another optimiser.
        starts: number of searches.
        floor: smallest eigenvalue of the curvature.
        optimiser: None: Adam, which needs no compilation of its own; or one of `optimisers`, whose searches
            run as one batch.
        mode: sites by name, the mode that was found before: what `MAP` returned, or a dictionary. Nothing is
            searched then, and scales stay.
        bends: whether coordinates may bend; False: they are affine.
    """

    steps: int = eqx.field(static=True, default=400)
    starts: int = eqx.field(static=True, default=1)
    floor: float = eqx.field(static=True, default=1.0)
    optimiser: AbstractOptimiser | None = None
    mode: dict[str, Array] | None = eqx.field(default=None, converter=_sites)
    bends: bool = eqx.field(static=True, default=True)

    def core(self, warmup):
        return LowRank().core(warmup)

    def coordinates(self, target, key, chains, start, progress):
        key_start, key_scale, key_chain = jax.random.split(key, 3)
        mode, gradients = self._mode(target, key_start, target.shared_scales(), progress)
        moves = MOVES if self.mode is None else 0
        peak = gaussian(target, mode, key_scale, moves, self.steps, self.floor, progress)
        coordinates = whitened(peak.mode, peak.H, self.floor)
        spent = gradients + peak.gradients
        if self.bends:
            coordinates, more = bent(target, coordinates, progress)
            spent += more
        if start is None:
            starts, tried = _plausible(
                Posterior(target, coordinates),
                np.asarray(jax.random.normal(key_chain, (chains, target.size))),
            )
            return Preconditioned(coordinates, starts, spent + tried)
        given = start(target, key_chain, chains, progress)
        return Preconditioned(
            coordinates,
            np.asarray(coordinates.from_latent(jnp.asarray(given.points))),
            spent + given.gradients,
        )

    def _mode(
        self, target: Target, key: PRNGKeyArray, held: Bool[np.ndarray, " latent"], progress: Progress
    ) -> tuple[Float[np.ndarray, " latent"], int]:
        """The mode, and the gradients that it took."""
        if self.mode is not None:
            return _given(target, self.mode), 0
        return (
            self._by_adam(target, key, held, progress)
            if self.optimiser is None
            else self._by(self.optimiser, target, key, progress)
        )

    def _by_adam(
        self, target: Target, key: PRNGKeyArray, held: Bool[np.ndarray, " latent"], progress: Progress
    ) -> tuple[Float[np.ndarray, " latent"], int]:
        starts = target.starts(key, self.starts)
        starts[:, held] = target.prior_median()[held]
        bar = Steps(progress, "mode", self.steps)
        mode, value = find_mode(target.value_and_gradient, starts, self.steps, bar, held)
        bar.finish(f"log density {value:.1f}")
        return mode, self.starts * self.steps

    def _by(
        self, optimiser: AbstractOptimiser, target: Target, key: PRNGKeyArray, progress: Progress
    ) -> tuple[Float[np.ndarray, " latent"], int]:
        from .._optimise._multistart import spread_search

        # Central starts are alike; several of them are worth their cost if they are apart.
        section, ends = spread_search(
            target,
            optimiser,
            key,
            self.starts,
            Steps(progress, "mode", optimiser.steps),
            spread=self.starts > 1,
        )
        if not np.isfinite(ends.log_density).any():
            raise ValueError(
                "the search for the mode ended where the density is zero; use"
                " metric=nmm.infer.metrics.Dense(), or narrow the priors"
            )
        return (
            np.asarray(section.embed(jnp.asarray(ends.positions[ends.log_density.argmax()]))),
            ends.gradients,
        )


def _plausible(
    posterior: Posterior, starts: Float[np.ndarray, "chain latent"]
) -> tuple[Float[np.ndarray, "chain latent"], int]:
    """Starts whose density is one that draws of a Gaussian have, and the gradients that it took; others are
    moved towards the mode until it is.

    Over a cliff that the curvature at the mode knows nothing of, a chain would have to climb back with the
    smallest of steps.
    """
    n = starts.shape[1]
    height, moved, tried = float(posterior.value_and_gradient(jnp.zeros(n))[0]), [], 1
    for u in jnp.asarray(starts):
        for _ in range(HALVINGS):
            tried += 1
            if float(posterior.value_and_gradient(u)[0]) > height - 0.5 * n - FAR * np.sqrt(0.5 * n):
                break
            u = 0.5 * u
        moved.append(u)
    return np.asarray(moved), tried


def _given(target: Target, sites: dict[str, Array]) -> Float[np.ndarray, " latent"]:
    if missing := sorted(set(target.names) - set(sites)):
        raise ValueError(
            f"metrics.Laplace(mode=...) lacks the unknowns {', '.join(missing)}; pass what nmm.infer.MAP"
            " returned for the same problem"
        )
    mode = np.asarray(target.flatten({name: jnp.asarray(sites[name]) for name in target.names}))
    if not np.isfinite(target.value_and_gradient(jnp.asarray(mode))[0]):
        raise ValueError(
            "metrics.Laplace(mode=...): the density is zero there; pass what nmm.infer.MAP returned for the"
            " same problem and data"
        )
    return mode
