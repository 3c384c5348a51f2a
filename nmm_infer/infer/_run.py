"""What an engine produced: its type says what the draws are."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Shaped

from ..results import Kind


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbstractRun:
    """Draws, and what became known on the way.

    Fields:
        latent: unconstrained draws.
        stats: sample statistics, by the names that ArviZ gives them.
        gradients: evaluations of the gradient, all chains, warmup included.
        failed: unconstrained points that were tried and at which the density is zero; they are counted by
            reason.
        interrupted: whether it was stopped early.
        groups: further groups of the result, name → `xarray.Dataset`.
        attrs: further attributes of the result.
    """

    kind: ClassVar[Kind]
    latent: Float[np.ndarray, "chain draw latent"]
    stats: dict[str, Shaped[np.ndarray, "chain draw"]]
    gradients: int
    failed: Float[np.ndarray, "point latent"]
    interrupted: bool = False
    groups: dict[str, Any] = dataclasses.field(default_factory=dict)
    attrs: dict[str, Any] = dataclasses.field(default_factory=dict)


class Chains(AbstractRun):
    """Chains whose law is the posterior.

    `diagnose` reads of their statistics `diverging` (the integrator diverged), `energy` (of the Hamiltonian),
    `reached_max_treedepth`, `acceptance_rate` and `lp` (log density); it says which of the first two are
    missing, and does without the others.
    """

    kind = Kind.CHAINS


class InexactChains(AbstractRun):
    """Chains without a Metropolis test, whose law is nearly the posterior: attributes `energy_error` and
    `energy_error_wanted` say how nearly.
    """

    kind = Kind.INEXACT


class Populations(AbstractRun):
    """Populations of particles, a chain each; a group `tempering` may tell `temperature` and
    `acceptance_rate` of every stage.
    """

    kind = Kind.POPULATIONS


class Approximation(AbstractRun):
    """Independent draws of something near the posterior; the attribute `pareto_k` says how near."""

    kind = Kind.APPROXIMATION


class Point(AbstractRun):
    """One draw, the best that a search has found: no posterior."""

    kind = Kind.POINT
