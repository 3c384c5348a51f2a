"""How well data tell one parameter, whatever the others are."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Half the 95 % quantile of χ² with one degree of freedom: how far the log likelihood falls at the ends of the
# interval.
THRESHOLD = 1.9207
# Minus log likelihood where the model fails: a wall that a line search backs away from.
FAILED = 1e300
# Values near the interval that make a curve, and how often the grid is made finer to have them.
SEEN, FINER = 7, 8


@dataclasses.dataclass(frozen=True)
class Profile:
    """The log likelihood of one parameter, maximised over all others; print it, or draw
    `nmm.viz.profile(profile.data)`.

    Attributes:
        data: `xarray.Dataset` with `log_likelihood`, relative to its maximum, over `value`.
        parameter: its name.
    """

    data: Any
    parameter: str

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % likelihood interval; infinite on a side where the profile does not fall far enough inside
        the grid.
        """
        value, height = self.data["value"].values, self.data["log_likelihood"].values
        best = int(np.argmax(height))
        return _crossing(value[: best + 1][::-1], height[: best + 1][::-1], -math.inf), _crossing(
            value[best:], height[best:], math.inf
        )

    def __str__(self) -> str:
        low, high = self.interval
        value = self.data["value"].values
        best = value[int(np.argmax(self.data["log_likelihood"].values))]
        if math.isfinite(low) and math.isfinite(high):
            return (
                f"{self.parameter} is identified: best {best:.4g}, 95 % likelihood interval {low:.4g} to"
                f" {high:.4g}."
            )
        sides = " and ".join(side for side, end in (("below", low), ("above", high)) if math.isinf(end))
        if math.isinf(low) and math.isinf(high):
            return (
                f"{self.parameter} is not identified by these data: from {value[0]:.4g} to {value[-1]:.4g}"
                " others make up for any value."
            )
        return (
            f"{self.parameter} is bounded on one side only: nothing ends it {sides} (between {value[0]:.4g}"
            f" and {value[-1]:.4g})."
        )

    __repr__ = __str__


def profile(
    problem: Any,
    data: Any,
    parameter: str,
    *,
    at: Any = None,
    points: int = 21,
    width: float = 3.0,
    steps: int = 200,
    progress: bool = True,
) -> Profile:
    """Profile likelihood of one parameter (Raue et al. 2009, Bioinformatics 25:1923).

    The parameter is held at each of several values, and the likelihood is maximised over all others by
    L-BFGS, from the middle outwards, each search beginning where the last one ended. The prior takes part in
    nothing but the grid, and in keeping the others within 5 of its standard deviations.

    Args:
        problem: an `nmm.Problem` or `nmm.NumPyroModel`.
        data: the data.
        parameter: its label, as `identifiability` has it: `"model.a"`, `"model.tau[L.PCU]"`.
        at: where the middle is, as in `identifiability`; None: at the prior's median.
        points: values on the grid, and on each finer grid where the data know the parameter so well that the
            first one steps over the interval.
        width: of the first grid to either side, in standard deviations of the prior (unconstrained).
        steps: of each search, at most.
        progress: show progress.

    Returns:
        `Profile`; interrupted by Ctrl-C, with the values that were done.

    Raises:
        ValueError: an unknown parameter, or the model fails everywhere on the grid.
    """
    from scipy.optimize import minimize

    from ...infer._engine import check_counts, check_problem, precision
    from ...infer._progress import Steps, progress_bar
    from ...infer._target import Target
    from .._labels import labels
    from ._identifiability import point

    check_problem(problem)
    check_counts("profile", points=points, steps=steps)
    conditioned = problem.condition(data)
    with precision("float64"), progress_bar(progress) as bars:
        target = Target(conditioned)
        prior = np.asarray(target.prior_draws(jax.random.key(0), 1000))
        sd = prior.std(axis=0)
        start = target.prior_median() if at is None else point(target, at, "profile")
        sites = jax.tree.map(np.asarray, target.unravel(jnp.asarray(start)))
        known = labels(sites, conditioned.site_dims(), conditioned.coords(), list(target.names)).parameter
        if parameter not in known:
            raise ValueError(
                f"profile(parameter=...) got {parameter!r}, expected one of"
                f" {', '.join(known[:20])}{', …' if len(known) > 20 else ''}"
            )
        index = known.index(parameter)
        others = np.arange(target.size) != index

        @jax.jit
        def value_and_gradient(y: Float[Array, " other"], x: Float[Array, ""]) -> tuple[Array, Array]:
            def minus(y: Array) -> Array:
                whole = jnp.zeros(target.size).at[np.flatnonzero(others)].set(y).at[index].set(x)
                return -target.log_likelihood(whole)

            return jax.value_and_grad(minus)(y)

        def function(y: np.ndarray, x: float) -> tuple[float, np.ndarray]:
            value, gradient = value_and_gradient(jnp.asarray(y), jnp.asarray(x))
            return (float(value) if np.isfinite(value) else FAILED), np.asarray(gradient)

        median = np.median(prior, axis=0)[others]
        bounds = list(
            zip(
                np.minimum(median, start[others]) - 5 * sd[others],
                np.maximum(median, start[others]) + 5 * sd[others],
                strict=True,
            )
        )
        grid = start[index] + width * sd[index] * np.linspace(-1.0, 1.0, points)
        found: dict[float, float] = {}
        ends: dict[float, np.ndarray] = {}

        def walk(values: np.ndarray, end: np.ndarray, bar: Steps) -> None:
            """Searches at `values`, each beginning where the one before it ended."""
            for x in values:
                ended = minimize(
                    function,
                    end,
                    args=(x,),
                    jac=True,
                    method="L-BFGS-B",
                    bounds=bounds,
                    options={"maxiter": steps},
                )
                end = ended.x if ended.fun < FAILED else end
                found[float(x)], ends[float(x)] = -float(ended.fun), end
                bar.advance(1)

        try:
            bar, middle = Steps(bars, "profile", points), points // 2
            walk(grid[[middle]], start[others], bar)
            walk(grid[middle + 1 :], ends[float(grid[middle])], bar)
            walk(grid[:middle][::-1], ends[float(grid[middle])], bar)
            for _ in range(FINER):
                finer = _finer(found, points)
                if finer is None:
                    break
                best = max(found, key=lambda x: found[x])
                bar = Steps(bars, "finer", int((finer != best).sum()))
                walk(finer[finer > best], ends[best], bar)
                walk(finer[finer < best][::-1], ends[best], bar)
        except KeyboardInterrupt:
            if not found:
                raise KeyboardInterrupt("interrupted before the first value was done") from None
        done = np.array(sorted(found))
        height = np.array([found[x] for x in done])
        if height.max() <= -FAILED:
            raise ValueError(
                f"profile({parameter!r}): the model fails everywhere on the grid; give another at=, or a"
                " smaller width="
            )
        values = np.asarray(jax.vmap(lambda x: _constrained(target, start, index, x))(jnp.asarray(done)))
    return Profile(
        _dataset(
            values, np.where(height <= -FAILED, -np.inf, height - height.max()), parameter, problem.units()
        ),
        parameter,
    )


def _finer(found: dict[float, float], points: int) -> np.ndarray | None:
    """Values between the neighbours of the interval, where hardly any were looked at; None where it is seen
    well enough.
    """
    x = np.array(sorted(found))
    height = np.array([found[value] for value in x])
    inside = np.flatnonzero(height >= height.max() - 2 * THRESHOLD)
    if len(inside) >= SEEN or len(inside) == len(x):
        return None
    return np.linspace(x[max(inside[0] - 1, 0)], x[min(inside[-1] + 1, len(x) - 1)], points)


def _constrained(target: Any, start: np.ndarray, index: int, x: Array) -> Array:
    """The parameter itself where its coordinate is `x`; the coordinate where there is no one-to-one
    relation.
    """
    sites = target.constrain(jnp.asarray(start).at[index].set(x))
    flat = jnp.concatenate([jnp.ravel(sites[name]) for name in target.names])
    return flat[index] if flat.size == target.size else x


def _dataset(values: np.ndarray, height: np.ndarray, parameter: str, units: dict[str, str]) -> Any:
    import xarray as xr

    unit = units.get(parameter.partition("[")[0])
    return xr.Dataset(
        {"log_likelihood": ("value", height)},
        coords={"value": ("value", values, {"units": unit} if unit else {})},
        attrs={"parameter": parameter},
    )


def _crossing(value: np.ndarray, height: np.ndarray, otherwise: float) -> float:
    """Where the profile first falls below the threshold, walking away from its maximum."""
    below = np.flatnonzero(height < height[0] - THRESHOLD)
    if not len(below):
        return otherwise
    k = below[0]
    a, b = height[k - 1] - (height[0] - THRESHOLD), (height[0] - THRESHOLD) - height[k]
    return float(value[k - 1] + (value[k] - value[k - 1]) * (a / (a + b) if math.isfinite(b) else 1.0))
