"""`simulate`: a labelled dataset for those who want to look at activity."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from .._networks._network import Network
from ..models._base import AbstractModel
from ..units import milliseconds
from ._solve import solve


def simulate(
    system: Network | AbstractModel,
    duration: Any,
    *,
    step: Any,
    key: PRNGKeyArray | int | None = None,
    **options: Any,
) -> Any:
    """Run a network, or a bare model as a network of one region.

    Args:
        system: a Network or a model.
        duration, step, key: as in `nmm.solve`.
        options: `sample_every`, `transient`, `solver`, `stepsize_controller`, `after`, as in `nmm.solve`.

    Returns:
        `xarray.Dataset`: a variable for each state with dims (time, region), time in ms, units in attrs.

    Raises:
        FloatingPointError: the simulation diverged; says when and where.
    """
    network = Network(system) if isinstance(system, AbstractModel) else system
    trajectory = solve(network, duration, step=step, key=key, **options)
    finite = np.asarray(jnp.isfinite(trajectory.values).all(axis=1))
    if not finite.all():
        time, region = np.argwhere(~finite)[0]
        raise FloatingPointError(
            f"the simulation diverged at t = {float(trajectory.times[time]):g} ms in region"
            f" {trajectory.regions[region]!r}; use a smaller step, less noise or weaker coupling, or check"
            " speed_range if the speed was changed"
        )
    return trajectory.to_xarray().assign_attrs(
        model=network.model.title(), step_ms=milliseconds(step, "step")
    )
