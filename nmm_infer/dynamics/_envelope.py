"""How far right a characteristic root of a given frequency may lie."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..linear._linearisation import Linearisation
from ._characteristic import Delayed

# Circles round the eigenvalues of a region.
RADII, ANGLES = 16, 8
# Grid of frequencies; growth rates that are tried at once, and how often they are refined.
FREQUENCIES, GROWTHS, REFINED = 160, 12, 2


class Envelope(NamedTuple):
    """No root of frequency about `omega` (rad/ms) has a greater real part than `growth` (1/ms); non-negative
    frequencies.
    """

    omega: Float[np.ndarray, " frequency"]
    growth: Float[np.ndarray, " frequency"]

    def fastest(self, growth: float) -> float:
        """The greatest frequency of a root to the right of `growth`."""
        beyond = np.flatnonzero(self.growth >= growth)
        return float(self.omega[min(beyond[-1] + 1, len(self.omega) - 1)]) if len(beyond) else 0.0

    def at(self, omega: float) -> float:
        """The bound on the real part at a frequency: the greatest of its neighbours on the grid."""
        right = int(np.searchsorted(self.omega, abs(omega)))
        return float(self.growth[max(right - 2, 0) : right + 2].max(initial=self.growth[-1]))


def envelope(system: Delayed, lin: Linearisation) -> Envelope:
    """Where the gain of the loop reaches 1.

    At a root, det(I - C R K B) = 0 with R = (z - A)⁻¹ local to a region: the greatest local gain |C R B|,
    times the norm of |w_ij| exp(-Re(z) d_ij), is at least 1 there, or z is an eigenvalue of a region alone.
    Evaluated on a grid and rounded upwards.
    """
    A, B, C = (np.moveaxis(np.asarray(part), -1, 0) for part in (lin.A, lin.B, lin.C))
    alone = np.linalg.eigvals(A)  # "region state"
    norms = [np.linalg.norm(part, 2, axis=(1, 2)).max() for part in (A, B, C)]
    weights = np.abs(system.weights)
    limit = 1.01 * (norms[0] + norms[1] * norms[2] * np.linalg.norm(weights, 2)) + 1e-12
    rate = 1.0 / system.longest
    # Beyond all eigenvalues of a region alone: at one of them there is no (z - A)⁻¹.
    low = -max(10.0 * rate, 1.01 * np.abs(alone).max())
    omega = np.concatenate([[0.0], np.geomspace(1e-5 * limit, limit, FREQUENCIES - 1)])

    def reaches(growth: np.ndarray) -> np.ndarray:
        """Whether the gain is 1 or more at each frequency and its own growth."""
        values, which = np.unique(growth, return_inverse=True)
        network = np.array([_strongest(weights, system.delays, g) for g in values])[which]
        z = (growth + 1j * omega)[:, None, None, None] * np.eye(A.shape[1])
        return ~(
            np.linalg.norm(C @ np.linalg.solve(z - A, B + 0j * z[..., :1]), axis=(2, 3)).max(axis=1) * network
            < 1.0
        )

    # The first of ever smaller growth rates at which it is, then the same between that one and the one above.
    below, above = np.full(FREQUENCIES, low), np.full(FREQUENCIES, limit)
    for _ in range(REFINED):
        ladder = rate * np.sinh(np.linspace(np.arcsinh(above / rate), np.arcsinh(below / rate), GROWTHS + 1))
        reached = np.array([reaches(rung) for rung in ladder[1:]])
        reached[-1] = True
        first = reached.argmax(axis=0)
        above, below = (ladder[first + i, np.arange(FREQUENCIES)] for i in (0, 1))
    growth = above
    # Near an eigenvalue of a region alone the gain has a pole, too sharp for the grid.
    for z, radius in zip(
        alone.ravel(), _islands(A, B, C, alone, rate, system.delays, weights).ravel(), strict=True
    ):
        near = np.abs(omega - abs(z.imag)) <= radius
        index = int(np.argmin(np.abs(omega - abs(z.imag))))
        near[max(index - 2, 0) : index + 3] = True
        growth[near] = np.maximum(growth[near], z.real + radius)
    return Envelope(omega, growth)


def _strongest(weights: np.ndarray, delays: np.ndarray, growth: float) -> float:
    """The norm of |w_ij| exp(-growth d_ij); far to the left it is as good as infinite, and remains
    a number.
    """
    return float(np.linalg.norm(weights * np.exp(np.minimum(-growth * delays * (weights != 0), 600.0)), 2))


def _islands(
    A: np.ndarray,
    B: np.ndarray,
    C: np.ndarray,
    poles: np.ndarray,
    rate: float,
    delays: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    """Round each pole, the greatest radius (1/ms) up to which the gain reaches 1 somewhere on the circle;
    what is larger than 1/τ the grid sees.
    """
    radii = rate * np.geomspace(1e-4, 1.0, RADII)
    circle = np.exp(2j * np.pi * np.arange(ANGLES) / ANGLES)
    z = poles[..., None, None] + radii[:, None] * circle  # "region state radius angle"
    eye = np.eye(A.shape[1])
    R = np.linalg.solve(
        z[..., None, None] * eye - A[:, None, None, None], B[:, None, None, None] + 0j * z[..., None, None]
    )
    gain = np.linalg.norm(C[:, None, None, None] @ R, axis=(-2, -1))
    values = np.linspace(z.real.min(), z.real.max(), 32)
    norms = [_strongest(weights, delays, g) for g in values]
    reached = (gain * np.exp(np.interp(z.real, values, np.log(np.maximum(norms, 1e-300)))) >= 1.0).any(
        axis=-1
    )
    last = np.where(reached.any(axis=-1), RADII - 1 - reached[..., ::-1].argmax(axis=-1), 0)
    return radii[np.minimum(last + 1, RADII - 1)]
