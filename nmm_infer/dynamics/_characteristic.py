"""The characteristic equation of a linearised network with delays, in NumPy."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from ..linear._linearisation import Linearisation

NEWTON_STEPS = 20


class Delayed(NamedTuple):
    """x' = A x + B Σ_j w_ij m_j(t - d_ij), m = C x, as full matrices, states and messages varying slowest."""

    A: Float[np.ndarray, "system system"]
    B: Float[np.ndarray, "system sent"]
    C: Float[np.ndarray, "sent system"]
    weights: Float[np.ndarray, "to from"]
    delays: Float[np.ndarray, "to from"]

    @property
    def n_messages(self) -> int:
        """Messages of one region."""
        return self.C.shape[0] // len(self.weights)

    @property
    def longest(self) -> float:
        """The longest delay over an edge that exists, ms."""
        return float(np.max(self.delays, where=self.weights != 0, initial=0.0))

    def every_message(self, matrix: np.ndarray) -> np.ndarray:
        """What acts between regions, for all messages."""
        return np.kron(np.eye(self.n_messages), matrix)

    def T(self, z: complex) -> Complex[np.ndarray, "system system"]:
        """z I - A - B K(z) C with K_ij = w_ij exp(-z d_ij); singular at the roots."""
        K = self.weights * np.exp(-z * self.delays)
        return z * np.eye(len(self.A)) - self.A - self.B @ self.every_message(K) @ self.C

    def slope(self, z: complex) -> Complex[np.ndarray, "system system"]:
        """dT/dz = I + B (d K(z)) C."""
        K = self.weights * np.exp(-z * self.delays)
        return np.eye(len(self.A)) + self.B @ self.every_message(self.delays * K) @ self.C


def delayed(lin: Linearisation) -> Delayed:
    """The full matrices of `lin`."""
    n = lin.n_regions
    A, B, C = (np.asarray(part) for part in (lin.A, lin.B, lin.C))
    one = np.eye(n)
    full_A, full_B, full_C = (
        np.einsum("str,rq->srtq", part, one).reshape(part.shape[0] * n, part.shape[1] * n)
        for part in (A, B, C)
    )
    return Delayed(full_A, full_B, full_C, np.asarray(lin.weights), np.asarray(lin.delays))


def polish(
    system: Delayed, root: complex, vector: Complex[np.ndarray, " system"]
) -> tuple[complex, Complex[np.ndarray, " system"], bool]:
    """Newton's method on T(z) v = 0 from an approximate root and its vector, and whether it converged.

    As inverse iteration, u = T(z)⁻¹ T'(z) v and z ← z - 1/(vᴴu), which also converges where several
    vectors share a root (Ruhe 1973, SIAM J Numer Anal 10:674).
    """
    z, v = complex(root), vector / np.linalg.norm(vector)
    scale = abs(z) + 1.0 / max(system.longest, 1e-12)
    for _ in range(NEWTON_STEPS):
        try:
            u = np.linalg.solve(system.T(z), system.slope(z) @ v)
        except np.linalg.LinAlgError:  # exactly singular: z is the root
            return z, v, True
        change = complex(1.0 / np.vdot(v, u))
        z, v = z - change, u / np.linalg.norm(u)
        if not np.isfinite(z):
            return complex(root), vector, False
        if abs(change) < 1e-13 * scale:
            return z, v, True
    return z, v, False
