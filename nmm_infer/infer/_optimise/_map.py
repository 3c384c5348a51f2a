"""The most probable parameters."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..._tools._keys import random_key
from ...results import Kind
from .._datatree import Run
from .._engine import AbstractEngine, check_counts, check_problem, precision
from .._progress import Steps, progress_bar
from .._target import Target
from .._walls import reasons
from ._multistart import build_ends, objective, prepare
from .optimisers import BFGS, AbstractOptimiser


class MAP(AbstractEngine):
    """The highest point of the posterior density, in unconstrained coordinates, from several starts of the prior.

    A point, no posterior: it says where a sampler should look, and whether there are several places. The
    result is a tree like any other with one chain of one draw, the best end. Group `optimization` tells of
    every search, group `ends` has the parameters where each ended, and attribute `modes` says how many
    found the best mode. Few of many means that the landscape is rough and that others may be higher still.

    Free scales of hierarchies (`Pooled(sd=...)`) are held at their prior's median, and named in attribute
    `held`: the joint mode of a hierarchy lies where its posterior has no mass.

    Args:
        optimiser: `optimisers.BFGS()` (default), `LBFGS()`, `Adam()`, or `LevenbergMarquardt()` for sums of squares.
        starts: number of searches, all in one batched program.
        dtype: "float64" (default) or "float32".
        predictive_draws: replications of the data at the mode; 0: none.
    """

    optimiser: AbstractOptimiser = BFGS()
    starts: int = eqx.field(static=True, default=16)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_counts("MAP", starts=self.starts)
        if not isinstance(self.optimiser, AbstractOptimiser):
            raise TypeError(f"MAP(optimiser=...) got {self.optimiser!r}, expected an optimiser such as nmm.infer.optimisers.BFGS()")

    def __call__(self, problem, data, *, key, progress=True):
        check_problem(problem)
        key = random_key(key, f"{type(self).__name__}(...)(key=...)")
        observed = problem.bind(data)
        began = time.perf_counter()
        with precision(self.dtype), progress_bar(progress) as bars:
            target = Target(problem, observed)
            key_start, key_tree = jax.random.split(key)
            section, starts = prepare(target, key_start, self.starts)
            ends = self.optimiser.search(objective(target, section, self.optimiser.squares), starts, Steps(bars, "mode", self.optimiser.steps))
            run = Run(
                engine=f"MAP({type(self.optimiser).__name__}, starts={self.starts}, dtype={self.dtype})",
                kind=Kind.POINT,
                latent=np.empty(0),
                stats={},
                gradients=ends.gradients,
                failed=reasons(target, np.asarray(section.embed(jnp.asarray(ends.positions[~np.isfinite(ends.log_density)])))),
                interrupted=ends.interrupted,
                began=began,
                predictive_draws=self.predictive_draws,
            )
            return build_ends(target, section, ends, starts, run, key_tree, key)
