"""Where the free scales of a hierarchy are, before any draw."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, PRNGKeyArray

from .._progress import Progress, Steps
from .._target import Target
from ._conditional_mode import find_nearby
from ._mode import curvature, curvature_rows, find_mode, inverse_root, with_eigenvalues

# Moves of the scales at most, and the standard deviations below which a move is not worth its search.
MOVES, CLOSE = 5, 0.7
# The longest move, unconstrained: of a logarithm, a factor of e.
LONGEST = 1.0
# Pairs of draws, one on each side of the mode, over which gradients are averaged; and over which their
# curvature is, once.
PAIRS, PAIRS_CURVATURE = 32, 8
# Share of the joint curvature that a marginal one has at least.
SHARE = 0.1
# Halvings of a move that the model does not allow.
HALVINGS = 8
# Share of its prior's gradient, beyond which a scale is known to the likelihood.
UNMOVED = 1e-2


class GaussianApproximation(NamedTuple):
    """An approximation of the posterior.

    Fields:
        mode: of all unknowns but the scales, given these.
        H: precision.
        gradients: evaluations that finding it took.
        lowest: smallest eigenvalue of the curvature of all unknowns but the scales, before the floor: not
            positive where there is no peak.
    """

    mode: Float[np.ndarray, " latent"]
    H: Float[np.ndarray, "latent latent"]
    gradients: int
    lowest: float


def gaussian(
    target: Target,
    mode: Float[np.ndarray, " latent"],
    key: PRNGKeyArray,
    moves: int,
    steps: int,
    floor: float,
    progress: Progress,
    close: float = CLOSE,
) -> GaussianApproximation:
    """The curvature at the mode; scales of hierarchies move to where their marginal density is highest, all
    other unknowns integrated out by Laplace's method.

    The gradient of a marginal log density is the mean of the joint one's over what is integrated out
    (Fisher's identity), and its curvature the mean of the joint one's less the covariance of the gradient
    (Louis 1982, J R Stat Soc B 44:226). Both are averaged over draws of the Gaussian at the mode given the
    scales; the curvature once, and mended by what the gradient does between moves (BFGS, damped as in Powell
    1978).

    Args:
        target: the posterior.
        mode: of all other unknowns given the scales that it holds.
        key: of the draws, which are the same after every move.
        moves: of the scales, at most; 0: they stay.
        steps: of Adam after a move that L-BFGS does not follow.
        floor: smallest eigenvalue of a curvature.
        progress: shows a line if there are scales.
        close: standard deviations below which a move is not worth its search.
    """
    held = target.shared_scales()
    raw = curvature(target.value_and_gradient, mode)
    spent = 2 * target.size
    if not held.any():
        return GaussianApproximation(mode, raw, spent, _lowest(raw))
    bar = Steps(progress, "scales", max(moves, 1))
    z = np.asarray(jax.random.normal(key, (PAIRS, int((~held).sum()))), dtype=np.float64)
    H, B, slope, step, parts, stale = raw, np.eye(0), np.zeros(0), np.zeros(0), None, False
    for move in range(moves + 1):
        H = _floored(raw, held, floor)
        around = _Around(target, mode, held, H[np.ix_(~held, ~held)])
        before, slope = slope, around.slope(z) if moves else slope
        B = around.curvature(z[:PAIRS_CURVATURE], floor) if move == 0 else _mended(B, step, before - slope)
        spent += around.gradients
        if move == moves:
            break
        step = np.linalg.solve(B, slope)
        if step @ B @ step < close**2 * held.sum():
            break
        step = around.allowed(step * min(1.0, LONGEST / np.linalg.norm(step)))
        if not step.any():
            break
        parts = parts or _Parts(target, mode, held, raw)
        mode, gradients = _followed(target, mode, H, held, step, steps, progress)
        spent += gradients
        stale = parts.apart
        if stale:
            raw = parts.curvature(mode)
        else:
            raw = curvature(target.value_and_gradient, mode)
            spent += 2 * target.size
        bar.advance(1)
    bar.finish("")
    if stale:
        raw = curvature(target.value_and_gradient, mode)
        spent += 2 * target.size
        H = _floored(raw, held, floor)
    cross = H[np.ix_(held, ~held)]
    # What the curvature given all others has to be for the scales to have their marginal one.
    H[np.ix_(held, held)] = B + cross @ np.linalg.solve(H[np.ix_(~held, ~held)], cross.T)
    return GaussianApproximation(mode, H, spent, _lowest(raw[np.ix_(~held, ~held)]))


class _Parts:
    """The curvature as a sum: the likelihood's, which stays as scales move, and the prior's, which does not.

    Where hierarchies are centred, the scales are in the prior alone, and their move changes the likelihood's
    curvature only in so far as all others follow. This is little, and left out on the way, where the
    curvature says how wide to draw. That of the prior takes no simulation.

    Attributes:
        apart: whether the likelihood knows nothing of the scales.
    """

    def __init__(
        self,
        target: Target,
        mode: Float[np.ndarray, " latent"],
        held: Bool[np.ndarray, " latent"],
        raw: Float[np.ndarray, "latent latent"],
    ):
        self._prior = jax.jit(jax.value_and_grad(target.log_prior))
        of_prior = np.asarray(self._prior(jnp.asarray(mode))[1])
        of_both = np.asarray(target.value_and_gradient(jnp.asarray(mode))[1])
        self.apart = bool(
            np.all(np.abs(of_both - of_prior)[held] <= UNMOVED * (1.0 + np.abs(of_prior[held])))
        )
        self._likelihood = raw - curvature(self._prior, mode)

    def curvature(self, x: Float[np.ndarray, " latent"]) -> Float[np.ndarray, "latent latent"]:
        """Minus the Hessian of the log density at `x`, the likelihood's as it was."""
        return self._likelihood + curvature(self._prior, x)


def _floored(
    raw: Float[np.ndarray, "latent latent"], held: Bool[np.ndarray, " latent"], floor: float
) -> Float[np.ndarray, "latent latent"]:
    """The curvature with the eigenvalues of all unknowns but the scales at least `floor`."""
    H, free = raw.copy(), np.ix_(~held, ~held)
    H[free] = with_eigenvalues(raw[free], lambda values: np.maximum(values, floor))
    return H


def _lowest(H: Float[np.ndarray, "n n"]) -> float:
    return float(np.linalg.eigvalsh(H)[0])


def _followed(
    target: Target,
    mode: Float[np.ndarray, " latent"],
    H: Float[np.ndarray, "latent latent"],
    held: Bool[np.ndarray, " latent"],
    step: Float[np.ndarray, " scale"],
    steps: int,
    progress: Progress,
) -> tuple[Float[np.ndarray, " latent"], int]:
    """The mode given the scales after their step, and the gradients that it took.

    By Adam where L-BFGS gets stuck.
    """
    moved = mode.copy()
    moved[held] += step
    near = find_nearby(target.value_and_gradient, moved, inverse_root(H[np.ix_(~held, ~held)]), held)
    if near.found:
        return near.x, near.gradients
    mode, _ = find_mode(target.value_and_gradient, near.x[None], steps, Steps(progress, "mode", steps), held)
    return mode, near.gradients + steps


class _Around:
    """The Gaussian of all other unknowns given the scales, and what the joint density does over it."""

    def __init__(
        self,
        target: Target,
        mode: Float[np.ndarray, " latent"],
        held: Bool[np.ndarray, " latent"],
        H: Float[np.ndarray, "free free"],
    ):
        self._target, self._mode, self._H, self._inverse_root = target, mode, H, inverse_root(H)
        self._scales, self._free = np.flatnonzero(held), np.flatnonzero(~held)
        self.gradients = 0

    def _value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.gradients += 1
        value, gradient = self._target.value_and_gradient(jnp.asarray(x))
        return float(value), np.asarray(gradient, dtype=np.float64)

    def _draws(self, z: Float[np.ndarray, "pair free"]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Draws on both sides of the mode and their gradients, in pairs of which neither fails."""
        pairs = []
        for away in z @ self._inverse_root.T:
            pair = []
            for side in (away, -away):
                x = self._mode.copy()
                x[self._free] += side
                value, gradient = self._value_and_gradient(x)
                if np.isfinite(value):
                    pair.append((x, gradient))
            pairs += pair if len(pair) == 2 else []
        return pairs

    def slope(self, z: Float[np.ndarray, "pair free"]) -> Float[np.ndarray, " scale"]:
        """Gradient of the marginal log density; zero where the model fails too often to say."""
        draws = self._draws(z)
        return (
            np.mean([gradient[self._scales] for _, gradient in draws], axis=0)
            if draws
            else np.zeros(len(self._scales))
        )

    def curvature(self, z: Float[np.ndarray, "pair free"], floor: float) -> Float[np.ndarray, "scale scale"]:
        """Minus the Hessian of the marginal log density, between a share of the joint one and all of it."""
        draws = self._draws(z)
        if len(draws) <= len(self._scales):
            return floor * np.eye(len(self._scales))
        rows = np.mean(
            [curvature_rows(self._target.value_and_gradient, x, self._scales) for x, _ in draws], axis=0
        )
        self.gradients += 2 * len(draws) * len(self._scales)
        joint, cross = rows[:, self._scales], rows[:, self._free]
        # Most of the gradient's covariance is linear in the draws and known; that of the rest is small, and
        # may be an estimate from few.
        linear = cross @ np.linalg.solve(self._H, cross.T)
        rest = np.cov(
            np.stack(
                [gradient[self._scales] + cross @ (x - self._mode)[self._free] for x, gradient in draws]
            ).T
        )
        return _shrunk(
            joint - linear - rest,
            with_eigenvalues(0.5 * (joint + joint.T), lambda values: np.maximum(values, floor)),
        )

    def allowed(self, step: Float[np.ndarray, " scale"]) -> Float[np.ndarray, " scale"]:
        """The step, or a half, a quarter … of it, so that the model does not fail there."""
        for _ in range(HALVINGS):
            x = self._mode.copy()
            x[self._scales] += step
            if np.isfinite(self._value_and_gradient(x)[0]):
                return step
            step = 0.5 * step
        return np.zeros_like(step)


def _shrunk(
    H: Float[np.ndarray, "scale scale"], joint: Float[np.ndarray, "scale scale"]
) -> Float[np.ndarray, "scale scale"]:
    """`H`, seen from the `joint` curvature, with eigenvalues between a share and one."""
    root = np.linalg.cholesky(joint)
    inverse = np.linalg.inv(root)
    return (
        root
        @ with_eigenvalues(
            inverse @ (0.5 * (H + H.T)) @ inverse.T, lambda values: np.clip(values, SHARE, 1.0)
        )
        @ root.T
    )


def _mended(
    B: Float[np.ndarray, "scale scale"],
    step: Float[np.ndarray, " scale"],
    change: Float[np.ndarray, " scale"],
) -> Float[np.ndarray, "scale scale"]:
    """The curvature that explains how the gradient changed along a step, damped where it would not stay
    positive.
    """
    along = B @ step
    expected = step @ along
    if expected == 0.0:
        return B
    weight = 1.0 if step @ change >= 0.2 * expected else 0.8 * expected / (expected - step @ change)
    y = weight * change + (1.0 - weight) * along
    return B - np.outer(along, along) / expected + np.outer(y, y) / (step @ y)
