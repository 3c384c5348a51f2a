"""The infinitesimal generator of a network with delays, discretised on Chebyshev points."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from jaxtyping import Complex, Float

from ._characteristic import Delayed


class Generator(NamedTuple):
    """x' and m'(θ_k): the present state, and the messages of the past at n Chebyshev points of [-τ, 0).

    m'(θ) = dm/dθ, with m(0) = C x, and x' = A x + B Σ_j w_ij m_j(-d_ij), both through the polynomial
    that interpolates the messages (Breda, Maset, Vermiglio 2005, SIAM J Sci Comput 27:482). Only messages
    have a past: regions × messages unknowns for each point, however many states there are.

    Fields:
        D: derivatives at the n points by all n + 1 values, the present first.
        T: weight of the value at each point in what arrives, w_ij ℓ_k(-d_ij).
    """

    system: Delayed
    D: Float[np.ndarray, "past point"]
    T: Float[np.ndarray, "point to from"]

    @property
    def size(self) -> int:
        """Unknowns."""
        return len(self.system.A) + len(self.D) * len(self.system.C)

    def dense(self) -> Float[np.ndarray, "unknown unknown"]:
        """The whole matrix."""
        s, n = self.system, len(self.D)
        arriving = [s.B @ s.every_message(T) for T in self.T]
        top = np.hstack([s.A + arriving[0] @ s.C, *arriving[1:]])
        return (
            np.vstack(
                [top, np.hstack([np.kron(self.D[:, :1], s.C), np.kron(self.D[:, 1:], np.eye(len(s.C)))])]
            )
            if n
            else top
        )

    def near(
        self, shift: complex, k: int
    ) -> tuple[Complex[np.ndarray, " mode"], Complex[np.ndarray, "system mode"]]:
        """The `k` eigenvalues nearest to `shift`, by Arnoldi's method on the inverse, and the states of their
        vectors.

        The past is eliminated: for each message a solve with one small matrix, then one with all states.
        """
        s, n = self.system, len(self.D)
        n_states, sent, regions, messages = len(s.A), len(s.C), len(s.weights), s.n_messages
        past = np.linalg.inv(shift * np.eye(n) - self.D[:, 1:])
        present = past @ self.D[:, 0]
        K = self.T[0] + np.tensordot(present, self.T[1:], 1)
        factors = scipy.linalg.lu_factor(shift * np.eye(n_states) - s.A - s.B @ s.every_message(K) @ s.C)
        flat = np.moveaxis(self.T[1:], 0, 1).reshape(regions, n * regions)  # "to (point from)"

        def solve(v: np.ndarray) -> np.ndarray:
            own = past @ v[n_states:].reshape(n, sent)
            arrived = (
                np.moveaxis(own.reshape(n, messages, regions), 1, 0).reshape(messages, n * regions) @ flat.T
            )
            x = scipy.linalg.lu_solve(factors, v[:n_states].ravel() + s.B @ arrived.ravel())
            return -np.concatenate([x, (own + np.outer(present, s.C @ x)).ravel()])  # (generator - shift)⁻¹

        shape = (self.size, self.size)
        inverse = scipy.sparse.linalg.LinearOperator(shape, matvec=solve, dtype=complex)  # pyright: ignore[reportCallIssue]
        start = np.random.default_rng(0).normal(size=self.size) + 0j
        values, vectors = scipy.sparse.linalg.eigs(inverse, k, sigma=shift, OPinv=inverse, v0=start)
        return values, vectors[:n_states]


def generator(system: Delayed, n: int) -> Generator:
    """The generator on `n` points besides the present."""
    angle = np.pi * np.arange(n + 1) / n
    nodes = np.cos(angle)
    ends = np.where((np.arange(n + 1) == 0) | (np.arange(n + 1) == n), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    gaps = nodes[:, None] - nodes[None, :] + np.eye(n + 1)
    D = np.outer(ends, 1.0 / ends) / gaps
    D -= np.diag(D.sum(axis=1))
    # From [-1, 1] to [-τ, 0], the present at 1.
    half = 0.5 * system.longest
    at = np.clip(1.0 - system.delays / half, -1.0, 1.0)  # beyond the longest delay there are no edges
    offset = at[None] - nodes[:, None, None]
    hit = np.abs(offset) < 1e-14
    terms = np.where(hit.any(axis=0), hit, (1.0 / ends)[:, None, None] / np.where(hit, 1.0, offset))
    return Generator(system, D[1:] / half, system.weights * terms / terms.sum(axis=0))
