"""The Jacobian of a network at a point, labelled."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .._networks._network import Network
from ..linear._linearisation import Linearisation, linearise
from ..models._base import AbstractModel
from ._system import as_double, as_network, as_point, coords


def jacobian(system: Network | AbstractModel, point: Any = None) -> Any:
    """Derivatives of every state's drift by every state, delays taken as zero.

    J = A + B W C, with the local Jacobians of `nmm.linear.linearise`. Its determinant is zero at a fold
    with or without delays; what delays do to stability is seen by `nmm.dynamics.eigenvalues`.

    Args:
        system: a network without priors, or a model.
        point: ["state region"] where to linearise; None: the fixed point near the initial state.

    Returns:
        `xarray.DataArray` (state, region, state_2, region_2): by what `state_2` of `region_2` changes the
        drift of `state` in `region`, in units of the states per ms.

    Raises:
        ValueError: priors are left, the point has the wrong shape, or there is no fixed point.
    """
    import xarray as xr

    network = as_network(system, "jacobian(network)")
    with jax.enable_x64(True):
        network = as_double(network, "jacobian(network)")
        _, J = linear_parts(network, as_point(network, point, "jacobian(point=...)"))
    shape = np.shape(network.initial)
    labels = coords(network)
    again = {"state_2": labels["state"], "region_2": labels["region"]}
    return xr.DataArray(
        np.asarray(J).reshape(*shape, *shape),
        dims=("state", "region", "state_2", "region_2"),
        coords={**labels, **again},
        name="jacobian",
        attrs={"units": "1/ms"},
    )


@eqx.filter_jit
def linear_parts(
    network: Network, point: Float[Array, "state region"]
) -> tuple[Linearisation, Float[Array, "system system"]]:
    """The local Jacobians and the whole one, compiled once for each kind of network."""
    lin = linearise(network, point=point)
    return lin, lin.jacobian()
