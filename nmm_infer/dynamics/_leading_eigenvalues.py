"""The rightmost characteristic roots of a linearised network."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float
from threadpoolctl import threadpool_limits

from ..linear._linearisation import Linearisation
from ._characteristic import Delayed, delayed, polish
from ._envelope import Envelope, envelope
from ._infinitesimal_generator import Generator, generator

# Up to this many unknowns all eigenvalues are computed, a matter of a second; beyond, Arnoldi's method looks
# along the imaginary axis.
DENSE = 700
# Points of the past: at least, at most, and for each radian of phase over half the longest delay (two would
# do for a sine, the rest is accuracy).
FEWEST, MOST, PER_RADIAN = 12, 120, 1.4
# Eigenvalues asked of Arnoldi's method at each place (more make each place slower than they make places
# fewer), and places, at most.
NEAR, PLACES = 24, 60
# A discretised root must be this close to the exact one, in units of its modulus plus 1/τ.
CLOSE = 0.05


class Roots(NamedTuple):
    """Characteristic roots, the rightmost first (of a pair, the one with positive frequency), and the states
    of their vectors.
    """

    values: Complex[np.ndarray, " mode"]
    vectors: Complex[np.ndarray, "system mode"]


def rightmost(lin: Linearisation, J: Float[np.ndarray, "system system"], n: int) -> Roots:
    """At least the `n` rightmost roots, or all there are.

    Without delays, the eigenvalues of J. With delays, those of the discretised generator, each polished
    by Newton's method on the exact equation.
    """
    if lin.delays is not None and lin.n_messages > 0:
        system = delayed(lin)
        # Messages that do nothing, such as those of a coupling of strength 0, delay nothing.
        if system.longest > 0.0 and np.any(system.B) and np.any(system.C):
            with threadpool_limits(
                1, user_api="blas"
            ):  # many small products: threads would wait for each other
                return _delayed(system, envelope(system, lin), n)
    return _sorted(Roots(*np.linalg.eig(np.asarray(J))))


def _delayed(system: Delayed, bound: Envelope, n: int) -> Roots:
    points, growth = (
        0,
        (max(0.0, float(bound.growth.max()) * 0.5) if bound.growth.max() > 0 else float(bound.growth.max())),
    )
    roots = Roots(np.zeros(0, complex), np.zeros((len(system.A), 0), complex))
    # Second time round it is known how far left the n-th root lies, and so how fast it may oscillate.
    for _ in range(2):
        needed = int(
            np.clip(np.ceil(PER_RADIAN * 0.5 * bound.fastest(growth) * system.longest) + FEWEST, FEWEST, MOST)
        )
        if needed <= points:
            break
        points = needed
        discrete = generator(system, points)
        if discrete.size <= DENSE:
            values, vectors = np.linalg.eig(discrete.dense())
            found = _Found(system, bound, n)
            found.add(values, vectors[: len(system.A)])
        else:
            found = _searched(discrete, bound, n)
        roots = found.roots
        growth = min(growth, found.least)
    return roots


class _Found:
    """Roots that were found so far; those that may be among the first `n` are made exact, and what is no root
    is dropped.
    """

    def __init__(self, system: Delayed, bound: Envelope, n: int):
        self.system, self.bound, self.n = system, bound, n
        self.seen = np.zeros(0, complex)
        self.waiting: list[tuple[complex, np.ndarray]] = []
        self.exact: list[tuple[complex, np.ndarray]] = []
        self.scale = 1.0 / system.longest

    def add(self, values: np.ndarray, vectors: np.ndarray) -> None:
        """More eigenvalues of the generator."""
        for z, v in zip(values, vectors.T, strict=True):
            if abs(z.imag) < 1e-9 * (abs(z) + self.scale):
                z = complex(z.real)
            elif z.imag < 0:
                z, v = z.conjugate(), v.conj()
            # Both of a pair come, or the same root from two places: equal to rounding, while double roots of
            # the discretisation never are quite.
            if np.abs(self.seen - z).min(initial=np.inf) > 1e-9 * (
                abs(z) + self.scale
            ) and z.real <= self.bound.at(z.imag):
                self.seen = np.append(self.seen, z)
                self.waiting.append((z, v))
        self.waiting.sort(key=lambda pair: pair[0].real)
        while self.waiting and self.waiting[-1][0].real >= self.least:
            z, v = self.waiting.pop()
            exact, vector, converged = polish(self.system, z, v)
            if converged and abs(exact - z) < CLOSE * (abs(z) + self.scale):
                self.exact.append((complex(exact.real) if z.imag == 0 else exact, vector))

    @property
    def least(self) -> float:
        """The real part of the n-th exact root; minus infinity before there are so many."""
        real = sorted((z.real for z, _ in self.exact for _ in range(1 if z.imag == 0 else 2)), reverse=True)
        return real[self.n - 1] if len(real) >= self.n else -np.inf

    @property
    def roots(self) -> Roots:
        """The exact ones, with their conjugates."""
        both = [*self.exact, *((z.conjugate(), v.conj()) for z, v in self.exact if z.imag != 0)]
        values, vectors = [z for z, _ in both], [v for _, v in both]
        return _sorted(
            Roots(
                np.array(values, complex),
                np.array(vectors, complex).reshape(len(values), len(self.system.A)).T,
            )
        )


def _searched(discrete: Generator, bound: Envelope, n: int) -> _Found:
    """Disc by disc, where roots may lie farthest right first, until none that is left out can be among the
    first `n`.

    All eigenvalues inside a disc are known. At the frequencies that a disc covers, from the n-th root so far
    to the envelope, none is left.
    """
    found = _Found(discrete.system, bound, n)
    spacing = np.gradient(bound.omega)
    left_out, near = bound.growth.copy(), min(NEAR, discrete.size - 2)
    for _ in range(PLACES):
        at = int(np.argmax(left_out))
        least = found.least
        if left_out[at] <= least:
            return found
        middle = left_out[at] if least == -np.inf else 0.5 * (left_out[at] + least)
        shift = complex(middle, bound.omega[at] + 1e-6 * spacing[at])
        values, vectors = discrete.near(shift, near)
        radius = np.abs(values - shift).max()
        found.add(values, vectors)
        half = max(left_out[at] - middle, middle - max(found.least, -1e300))
        if radius <= half and near < discrete.size - 2:
            near = min(2 * near, discrete.size - 2)
            continue
        reach = np.sqrt(max(radius**2 - half**2, 0.0))
        left_out[np.abs(bound.omega - bound.omega[at]) <= max(reach, 0.5 * spacing[at])] = -np.inf
    warnings.warn(
        f"eigenvalues: looked at {PLACES} places without covering all where roots may lie; the list may miss"
        " some",
        stacklevel=2,
    )
    return found


def _sorted(roots: Roots) -> Roots:
    # Rounding must not separate a pair.
    values = roots.values + 0j
    order = np.lexsort((-np.imag(values), np.abs(np.imag(values)), -np.round(np.real(values), 12)))
    return Roots(values[order], roots.vectors[:, order] + 0j)
