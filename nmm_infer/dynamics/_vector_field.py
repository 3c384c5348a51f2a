"""The flow in the plane of two states."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from ..linear._fixed_point import rest_drift
from ..models._base import AbstractModel
from ._system import as_double, as_network, as_point, coords, ranges


def vector_field(
    system: Network | AbstractModel,
    x: str | None = None,
    y: str | None = None,
    *,
    at: Any = None,
    region: str | None = None,
    span: Any = None,
    points: int = 61,
) -> Any:
    """How two states of a region change wherever they are, everything else held fixed.

    Where the change of a state is zero is its nullcline; `nmm.viz.phase_plane` draws both, and the flow.

    Args:
        system: a network without priors (delays count as zero, stimuli are left out), or a model.
        x, y: names of the two states; None: the model's first two.
        at: ["state region"] where the others are held; None: the initial state.
        region: label; None: the first.
        span: name → (low, high), the part of the plane; a state that is not named has its declared range.
        points: of the grid, along each state.

    Returns:
        `xarray.Dataset` over the two states, as dims in the order (y, x): `change_x` and `change_y`, in units
        of the states per ms; `attrs` say the names, the model and the region.

    Raises:
        ValueError: unknown states or region, or a range that is empty.
    """
    import xarray as xr

    network = as_network(system, "vector_field(network)")
    names, labels = network.model.state_names(), network.connectome.labels
    if len(names) < 2:
        raise ValueError(
            f"vector_field(network): {network.model.title()} has the state {', '.join(names)}; a plane"
            " needs two"
        )
    across = x or names[0]
    up = y or next(name for name in names if name != across)
    if across not in names or up not in names or across == up:
        raise ValueError(
            f"vector_field(x={across!r}, y={up!r}): expected two different states among {', '.join(names)}"
        )
    if region is not None and region not in labels:
        raise ValueError(
            f"vector_field(region={region!r}) is unknown; regions start with {', '.join(labels[:5])}"
        )
    where = 0 if region is None else labels.index(region)
    rows = (names.index(across), names.index(up))
    axes = [np.linspace(*_span(network, names[row], span or {}), points) for row in rows]
    with jax.enable_x64(True):
        network = as_double(network, "vector_field(network)")
        held = as_point(network, network.initial if at is None else at, "vector_field(at=...)")
        change = np.asarray(_field(network, held, rows, where, *(jnp.asarray(axis) for axis in axes)))
    units = dict(zip(names, coords(network)["state_unit"][1], strict=True))
    return xr.Dataset(
        {"change_x": ((up, across), change[..., 0]), "change_y": ((up, across), change[..., 1])},
        coords={
            name: (name, axis, {"units": units[name]}) for name, axis in zip((across, up), axes, strict=True)
        },
        attrs={"x": across, "y": up, "model": network.model.title(), "region": labels[where]},
    )


def _span(network: Network, name: str, span: dict[str, Any]) -> tuple[float, float]:
    unknown = set(span) - set(network.model.state_names())
    if unknown:
        raise ValueError(
            f"vector_field(span=...): no state {', '.join(sorted(unknown))}; expected some of"
            f" {', '.join(network.model.state_names())}"
        )
    low, high = (
        float(end) for end in span.get(name, ranges(network)[:, network.model.state_names().index(name)])
    )
    if not low < high:
        raise ValueError(f"vector_field(span={{{name!r}: ({low:g}, {high:g})}}): expected low < high")
    return low, high


@eqx.filter_jit
def _field(
    network: Network,
    held: Float[Array, "state region"],
    rows: tuple[int, int],
    region: int,
    x: Float[Array, " x"],
    y: Float[Array, " y"],
) -> Float[Array, "y x change"]:
    def one(x: Array, y: Array) -> Array:
        state = held.at[rows[0], region].set(x).at[rows[1], region].set(y)
        return rest_drift(network, state)[jnp.asarray(rows), region]

    return jax.vmap(lambda y: jax.vmap(lambda x: one(x, y))(x))(y)
