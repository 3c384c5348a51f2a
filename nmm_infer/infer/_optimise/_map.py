"""The most probable parameters."""

import equinox as eqx
import jax

from .._engine import AbstractEngine, check_counts
from .._progress import Steps
from ._multistart import objective, point, prepare
from .optimisers import BFGS, AbstractOptimiser


class MAP(AbstractEngine):
    """The highest point of the posterior density, in unconstrained coordinates, from several starts of the
    prior.

    A point, no posterior: it says where a sampler should look, and whether there are several places. The
    result is a tree like any other with one chain of one draw, the best end. Group `optimization` tells of
    every search, group `ends` has the parameters where each ended, and attribute `modes` says how many
    found the best mode. Few of many means that the landscape is rough and that others may be higher still.

    Free scales of hierarchies (`Pooled(sd=...)`) are held at their prior's median, and named in attribute
    `held`: the joint mode of a hierarchy lies where its posterior has no mass.

    Args:
        optimiser: `optimisers.BFGS()` (default), `LBFGS()`, `Adam()`, or `LevenbergMarquardt()` for sums of
            squares.
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
            raise TypeError(
                f"MAP(optimiser=...) got {self.optimiser!r}, expected an optimiser such as"
                " nmm.infer.optimisers.BFGS()"
            )

    def title(self):
        return f"MAP({type(self.optimiser).__name__}, starts={self.starts}, dtype={self.dtype})"

    def run(self, target, key, bars):
        key_start, _ = jax.random.split(key)
        section, starts = prepare(target, key_start, self.starts)
        ends = self.optimiser.search(
            objective(target, section, self.optimiser.squares),
            starts,
            Steps(bars, "mode", self.optimiser.steps),
        )
        return point(target, section, ends, starts)
