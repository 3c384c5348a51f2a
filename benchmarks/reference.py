"""What the simulators have to agree with: the plainest possible loop, in NumPy and float64, with every scheme
that they use.
"""

from typing import NamedTuple

import numpy as np

from .problem import OMEGA, SPEED, STEP, Problem, loss


class Scheme(NamedTuple):
    """How a simulator steps.

    euler: one stage instead of Heun's two. held: the second stage gets the input of the first, instead of
    what arrives (and where the region is) at the end of the step. shift: steps by which delays are shortened;
    half a step makes up for `held`. instant: no delays at all.
    """

    euler: bool = False
    held: bool = False
    shift: float = 0.0
    instant: bool = False

    @property
    def words(self) -> str:
        solver = "Euler" if self.euler else "Heun"
        extras = ["input held over the step"] * (self.held and not self.euler) + [
            "delays shortened by half a step"
        ] * bool(self.shift)
        return ", ".join([solver, *extras, *["no delays"] * self.instant])


EXACT = Scheme()


def drift(name: str, y: np.ndarray, regional: np.ndarray, c: np.ndarray) -> np.ndarray:
    if name == "MPR":
        r, v = y
        return np.stack([1 / np.pi + 2 * r * v, v**2 + regional + 15 * r - (np.pi * r) ** 2 + c[0]])
    x, z = y
    growth = regional - x**2 - z**2
    return np.stack([growth * x - OMEGA * z, growth * z + OMEGA * x]) + c


def simulate(
    problem: Problem, steps: int, scheme: Scheme = EXACT, *, regional=None, G=None, speed: float = SPEED
) -> np.ndarray:
    """The noise-free states after each step, ["time state region"]."""
    regional = problem.regional if regional is None else regional
    G = problem.G if G is None else G
    weights, strength = problem.weights, problem.weights.sum(axis=1)
    sources = np.arange(weights.shape[0])
    back = problem.lengths / (speed * STEP) - scheme.shift * (problem.weights > 0)
    whole = np.floor(back + 1e-9).astype(int)
    part = back - whole
    past = whole.max() + 1
    # Row `past + n` is the state after n steps.
    history = np.concatenate(
        [
            np.broadcast_to(problem.initial, (past, *problem.initial.shape)),
            np.zeros((steps + 1, *problem.initial.shape)),
        ]
    )
    history[past] = problem.initial

    def arrived(row: int, state: int, now: np.ndarray) -> np.ndarray:
        if scheme.instant:
            return weights @ now[state]
        seen = history[:, state]
        return (
            weights * ((1 - part) * seen[row - whole, sources] + part * seen[row - whole - 1, sources])
        ).sum(axis=1)

    def coupling(row: int, now: np.ndarray) -> np.ndarray:
        c = np.zeros_like(now)
        if problem.name == "MPR":
            c[0] = G * arrived(row, 0, now)
            return c
        for state in (0, 1) if problem.name == "Hopf" else (0,):
            c[state] = G * (arrived(row, state, now) - strength * now[state])
        return c

    for row in range(past, past + steps):
        y = history[row]
        c = coupling(row, y)
        k = drift(problem.name, y, regional, c)
        ahead = y + STEP * k
        if not scheme.euler:
            # Delays are at least a step long, so what arrives at the end of the step has been sent already.
            # Zero weights read a row of zeros.
            c = c if scheme.held else coupling(row + 1, ahead)
            ahead = y + 0.5 * STEP * (k + drift(problem.name, ahead, regional, c))
        history[row + 1] = ahead
    return history[past + 1 :]


def slope(problem: Problem, steps: int, scheme: Scheme, kind: str) -> float:
    """Derivative of the loss along `direction`, as a central difference."""

    def value(size: float) -> float:
        regional, G, speed = problem.regional, problem.G, SPEED
        if kind == "speed":
            speed = speed + size
        else:
            towards = direction(problem)
            regional, G = regional + size * towards[:-1], G + size * towards[-1]
        return loss(simulate(problem, steps, scheme, regional=regional, G=G, speed=speed)[:, 0])

    return (value(1e-5) - value(-1e-5)) / 2e-5


def direction(problem: Problem) -> np.ndarray:
    """A direction in (regional parameter, global coupling): positive, so that nothing cancels, and different
    in every region.
    """
    return np.random.default_rng(1).uniform(0.5, 1.5, problem.regional.size + 1)
