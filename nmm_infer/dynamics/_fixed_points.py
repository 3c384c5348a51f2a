"""All fixed points of a network that many searches find."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._networks._network import Network
from .._tools._keys import random_key
from ..linear._fixed_point import fixed_point
from ..models._base import AbstractModel
from ._jacobian import linear_parts
from ._leading_eigenvalues import Roots, rightmost
from ._system import as_double, as_network, coords, ranges

# Two fixed points are one if no state differs by more, in units of its declared range.
SAME = 1e-6
# Eigenvalues that decide on the kind of a fixed point.
LEADING = 4
# Numbers that are iterated on together.
TOGETHER = 512


def fixed_points(
    system: Network | AbstractModel, *, guesses: int = 64, key: PRNGKeyArray | int | None = None
) -> Any:
    """The fixed points that searches from many states lead to, with their stability.

    The searches (`nmm.linear.fixed_point`) start at the initial state and at states drawn from the declared
    ranges: the same in every region for one half, independent for the other. A network may have more fixed
    points than are found; `found` says how often each was. For the gradient of one of them by the network's
    parameters, differentiate `nmm.linear.fixed_point(network, guess)` with that point as the guess. A search
    solves systems of size states × regions: milliseconds for single regions, and for 84 regions of many
    states many seconds each, so give fewer guesses there. Where fixed points fill a line, each search finds
    another.

    Args:
        system: a network without priors, or a model.
        guesses: how many searches.
        key: of the starts; None: always the same.

    Returns:
        `xarray.Dataset` (point, state, region), sorted by the mean of the model's observable: `value`, the
        states; `growth_rate` (1/ms) and `frequency` (Hz) of the rightmost eigenvalue, delays included;
        `stable`; `kind`: focus if that eigenvalue is complex, else saddle if it is positive and others are
        negative, else node; `inside`, whether all states lie in their declared ranges (a negative rate solves
        the equations too); `found`, the number of searches.

    Raises:
        ValueError: priors are left, guesses < 1, or no search succeeds.
    """
    import xarray as xr

    if guesses < 1:
        raise ValueError(f"fixed_points(guesses={guesses}): expected at least 1")
    network = as_network(system, "fixed_points(network)")
    with jax.enable_x64(True):
        network = as_double(network, "fixed_points(network)")
        ends = np.asarray(_search(network, _starts(network, guesses, key)))
        low, high = ranges(network)
        scale = (high - low)[:, None]
        points, found = _merged(ends[np.isfinite(ends).all(axis=(1, 2))], scale)
        if not len(points):
            raise ValueError(
                f"fixed_points(network): none of {guesses} searches found a fixed point; it may have none, or"
                " try more guesses"
            )
        observable = np.array(
            [np.mean(network.resting_variable(network.model.observable, jnp.asarray(y))) for y in points]
        )
        order = np.argsort(observable, kind="stable")
        points, found = points[order], found[order]
        roots = [leading(network, jnp.asarray(y), LEADING) for y in points]
    first = np.array([r.values[0] for r in roots])
    return xr.Dataset(
        {
            "value": (("point", "state", "region"), points),
            "growth_rate": ("point", np.real(first), {"units": "1/ms"}),
            "frequency": ("point", 1e3 * np.abs(np.imag(first)) / (2 * np.pi), {"units": "Hz"}),
            "stable": ("point", np.real(first) < 0),
            "kind": ("point", [kind(r.values) for r in roots]),
            "inside": ("point", ((points >= low[:, None]) & (points <= high[:, None])).all(axis=(1, 2))),
            "found": ("point", found),
        },
        coords=coords(network),
        attrs={"model": network.model.title()},
    )


def leading(network: Network, y: Float[Array, "state region"], n: int) -> Roots:
    """The `n` rightmost eigenvalues of a network in float64 at `y`."""
    lin, J = linear_parts(network, y)
    return rightmost(lin, np.asarray(J), n)


def kind(values: np.ndarray) -> str:
    """What the rightmost eigenvalues say; delays add infinitely many negative ones."""
    if values[0].imag != 0:
        return "focus"
    return "saddle" if values[0].real > 0 and np.any(np.real(values) < 0) else "node"


@eqx.filter_jit
def _search(
    network: Network, starts: Float[Array, "guess state region"]
) -> Float[Array, "guess state region"]:
    batch = max(1, TOGETHER // starts[0].size)
    return jax.lax.map(lambda start: fixed_point(network, start), starts, batch_size=min(batch, len(starts)))


def _starts(network: Network, n: int, key: PRNGKeyArray | int | None) -> Float[Array, "guess state region"]:
    low, high = ranges(network)
    shape = jnp.shape(network.initial)
    uniform = jax.random.uniform(
        jax.random.key(0) if key is None else random_key(key, "fixed_points(key=...)"),
        (n, *shape),
        jnp.float64,
    )
    uniform = jnp.where((jnp.arange(n) % 2 == 0)[:, None, None], uniform[..., :1], uniform)
    drawn = low[:, None] + (high - low)[:, None] * uniform
    return drawn.at[0].set(network.initial)


def _merged(ends: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points, found = [], []
    for end in ends:
        same = [i for i, point in enumerate(points) if np.abs((end - point) / scale).max() < SAME]
        if same:
            found[same[0]] += 1
        else:
            points.append(end)
            found.append(1)
    return np.array(points).reshape(-1, *ends.shape[1:]), np.array(found, dtype=int)
