"""A branch of fixed points followed through a parameter, round its folds."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from .._networks._network import Network
from ..models._base import AbstractModel
from ._bifurcations import Checked, Special, between, checked
from ._branch import Curve, Point
from ._parameter_path import Place, filled, numbers_of, place
from ._progress import Walk
from ._system import as_double, as_network, as_point, coords

# Longest and shortest step along the branch, on a scale on which the span of the parameter and the ranges of
# the states are 1.
SHORTEST = 1e-7
# Newton's method may take so many steps before the next step is shorter; if it takes fewer than EASY, longer.
HARD, EASY = 6, 4
# Cosine of the greatest angle between neighbouring tangents.
STRAIGHT = 0.97


class Branch(NamedTuple):
    """Points in the order of the branch, special ones between them, and why it ends."""

    points: list[Checked]
    special: list[tuple[int, Special]]
    ended: str


def continuation(
    system: Network | AbstractModel,
    where: Callable[[Network], Any],
    span: tuple[Any, Any],
    *,
    start: Any = None,
    step: float = 0.02,
    max_steps: int = 1000,
    progress: bool = False,
) -> Any:
    """Follow a fixed point while one parameter changes, and say where it folds, loses its stability or begins
    to oscillate.

    Pseudo-arclength continuation (Keller 1977): the next point is predicted along the tangent and corrected
    by Newton's method on the plane normal to it, so that folds are no obstacle. Stability is that of the
    rightmost eigenvalues (`nmm.dynamics.eigenvalues`), delays included. A fold is where the parameter turns,
    a Hopf point where a complex pair crosses the imaginary axis, a branch point where a real eigenvalue does
    without a fold; each is located by Brent's method to 1e-9 of the branch's scale. Two crossings within one
    step that undo each other are missed: make `step` smaller.

    The correction is compiled once for each kind of network. Costs one dense solve of size states × regions
    for each of Newton's steps, and the eigenvalues.

    Args:
        system: a network, or a model. It may hold a prior at the parameter, nowhere else.
        where: picks the parameter, one number: `lambda n: n.model.mu`, `lambda n: n.coupling.G`.
        span: where the parameter starts and where it ends, numbers or Quantities, in either order.
        start: ["state region"] a guess of the first fixed point; None: the initial state.
        step: longest step; the span of the parameter and the declared ranges of the states have length 1.
        max_steps: points, at most.
        progress: show the parameter on stderr while the branch grows.

    Returns:
        `xarray.Dataset` (step, state, region): `value`, the states; `parameter`, a coordinate, in its unit;
        `observable`; `growth_rate` (1/ms) and `frequency` (Hz) of the rightmost eigenvalue; `unstable`, how
        many eigenvalues are; `stable`. Special points along the dim `special`: `special_kind` ("fold",
        "hopf", "branch point"), `special_parameter`, `special_value`, `special_observable`,
        `special_frequency` (Hz), `special_step`, the step before it. `attrs["ended"]` says why the branch
        ends; a reason other than the end of the span is a warning too.

    Raises:
        ValueError: `where` picks no number, priors are left elsewhere, the span is empty, no fixed point at
            its start.
    """
    network = as_network(system, "continuation(network)")
    at = place(network, where, "continuation")
    ends = [at.number(end, "continuation(span=...)") for end in numbers_of(span, "continuation(span=...)")]
    if len(ends) != 2 or ends[0] == ends[1]:
        raise ValueError(f"continuation(span=...) got {span!r}, expected two different values of {at.name}")
    if not 0 < step <= 1:
        raise ValueError(f"continuation(step={step}): expected a fraction of the span, above 0 and at most 1")
    if max_steps < 2:
        raise ValueError(f"continuation(max_steps={max_steps}): expected at least 2 points")
    with jax.enable_x64(True), Walk(f"continuation in {at.name}", progress) as walk:
        network = as_double(filled(network, at, ends[0]), "continuation(network)")
        curve = Curve(network, at, abs(ends[1] - ends[0]))
        first = curve.at(np.asarray(as_point(network, start, "continuation(start=...)")), ends[0])
        if not first.converged:
            raise ValueError(
                f"continuation(start=...): no fixed point near it at {at.name} = {ends[0]:g}; pass one of"
                " nmm.dynamics.fixed_points"
            )
        branch = _follow(curve, first, ends, step, max_steps, walk)
    if not branch.ended.startswith("left the span"):
        warnings.warn(f"continuation in {at.name} {branch.ended}", stacklevel=2)
    return _dataset(network, at, branch)


def _follow(
    curve: Curve, first: Point, ends: list[float], longest: float, max_steps: int, walk: Walk
) -> Branch:
    low, high = sorted(ends)
    n = 6
    points, special = [checked(curve, first, n)], []
    direction = first.tangent * np.sign(first.tangent[-1] * (ends[1] - ends[0]) or 1.0)
    points[0] = points[0]._replace(point=first._replace(tangent=direction))
    size = 0.25 * longest
    while len(points) < max_steps:
        last = points[-1].point
        new = curve.point(last.u + size * last.tangent, last.tangent)
        turned = float(last.tangent @ new.tangent)
        if not new.converged or turned < STRAIGHT or np.linalg.norm(new.u - last.u) > 2 * size:
            size *= 0.5
            if size < SHORTEST:
                return Branch(
                    points,
                    special,
                    f"stopped at {last.parameter:g}: Newton's method fails even for tiny steps; the branch"
                    " may cross another one there",
                )
            continue
        leaves = not low <= new.parameter <= high
        if leaves:
            end = low if new.parameter < low else high
            share = (end - last.parameter) / (new.parameter - last.parameter)
            exact = curve.at((last.y + share * (new.y - last.y)), end)
            new = exact._replace(tangent=exact.tangent * np.sign(exact.tangent @ last.tangent))
        if _ahead(last, new):
            point = checked(curve, new, points[-1].unstable + n)
            special += [(len(points) - 1, found) for found in between(curve, points[-1], point)]
            points.append(point)
        walk.at(new.parameter, len(points))
        if leaves:
            return Branch(points, special, f"left the span at {new.parameter:g}")
        size = min(longest, size * (1.5 if new.steps < EASY else 0.7 if new.steps > HARD else 1.0))
    return Branch(
        points,
        special,
        f"stopped at {points[-1].point.parameter:g} after {max_steps} points; allow more with max_steps=...",
    )


def _ahead(last: Point, new: Point) -> bool:
    """False if `new` is the last point again, as when a branch begins at the end of the span and
    leaves it.
    """
    return float(last.tangent @ (new.u - last.u)) > 1e-12


def _dataset(network: Network, at: Place, branch: Branch) -> Any:
    import xarray as xr

    points = [p.point for p in branch.points]
    first = np.array([p.values[0] for p in branch.points])
    found = [s for _, s in branch.special]
    model = network.model
    shape = np.shape(network.initial)
    meaning = {"units": at.unit, "long_name": at.name}
    observable = {"units": model.variables()[model.observable], "long_name": model.observable}
    unstable = np.array([p.unstable for p in branch.points])
    return xr.Dataset(
        {
            "value": (("step", "state", "region"), np.array([p.y for p in points])),
            "observable": (("step", "region"), np.array([p.observable for p in points]), observable),
            "growth_rate": ("step", np.real(first), {"units": "1/ms"}),
            "frequency": ("step", 1e3 * np.abs(np.imag(first)) / (2 * np.pi), {"units": "Hz"}),
            "unstable": ("step", unstable),
            "stable": ("step", unstable == 0),
            "special_kind": ("special", np.array([s.kind for s in found], dtype="U12")),
            "special_parameter": (
                "special",
                np.array([s.point.parameter for s in found], dtype=float),
                meaning,
            ),
            "special_value": (
                ("special", "state", "region"),
                np.array([s.point.y for s in found], dtype=float).reshape(-1, *shape),
            ),
            "special_observable": (
                ("special", "region"),
                np.array([s.point.observable for s in found], dtype=float).reshape(-1, shape[1]),
                observable,
            ),
            "special_frequency": (
                "special",
                np.array([s.frequency for s in found], dtype=float),
                {"units": "Hz"},
            ),
            "special_step": ("special", np.array([i for i, _ in branch.special], dtype=int)),
        },
        coords={**coords(network), "parameter": ("step", np.array([p.parameter for p in points]), meaning)},
        attrs={"parameter": at.name, "model": model.title(), "ended": branch.ended},
    )
