"""The largest Lyapunov exponent: how fast neighbouring trajectories part."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._networks._network import Network
from .._tools._keys import random_key
from ..models._base import AbstractModel
from ..solvers._heun import Heun
from ..solving._delays import foreseeing
from ..solving._grid import make_grid
from ..solving._scheme import Scheme, scheme_of
from ..solving._stepper import Carry
from ._sweep import stepper
from ._system import as_double, as_network, ranges

# Distance of the two trajectories, in units of the states' ranges: small enough to be linear, large enough
# for rounding.
APART = 1e-8
# Steps between two renormalisations, unless told otherwise.
STEPS = 10
# Stretches of the run from whose means the standard error is computed.
STRETCHES = 20


def lyapunov_exponent(
    system: Network | AbstractModel,
    duration: Any,
    step: Any,
    *,
    renormalise: Any = None,
    transient: Any = None,
    key: PRNGKeyArray | int | None = None,
    solver: diffrax.AbstractSolver | None = None,
) -> Any:
    """The mean rate at which two neighbouring trajectories part: positive for chaos, zero for a limit cycle,
    negative for a stable fixed point.

    A second trajectory runs at a small distance from the first and is brought back to it along their
    difference again and again (Benettin et al. 1980, Meccanica 15:9). The distance is that of all there is to
    the state: with delays, of the history too. Noise is the same for both. At a stable fixed point it is the
    real part of the rightmost eigenvalue.

    Args:
        system: a network without priors, or a model.
        duration: over which the rate is averaged; for chaos, thousands of the system's own times.
        step: of the solver.
        renormalise: time between two renormalisations, in which the distance must not grow ten-thousandfold;
            None: ten steps.
        transient: simulated before; None: a tenth of `duration`.
        key: needed with noise.
        solver: a Diffrax solver; None: `nmm.solvers.Heun()`.

    Returns:
        `xarray.Dataset`: `exponent` (1/ms); `standard_error` (1/ms), from the means over 20 stretches of the
        run; and `local` (time), the rate between renormalisations, time in ms.

    Raises:
        ValueError: priors are left, no key for the noise, or fewer than 20 renormalisations.
        FloatingPointError: the simulation diverged.
    """
    import xarray as xr

    network = foreseeing(as_network(system, "lyapunov_exponent(network)"))
    if network.noise is not None and key is None:
        raise ValueError(
            "lyapunov_exponent(key=...) is missing: a network with noise needs a key, such as"
            " jax.random.key(0)"
        )
    key = None if key is None else random_key(key, "lyapunov_exponent(key=...)")
    dt = make_grid(step, step).step
    every = dt * STEPS if renormalise is None else renormalise
    whole = make_grid(duration, step)
    grid = make_grid(duration, step, every, 0.1 * whole.kept * whole.step if transient is None else transient)
    if grid.kept < STRETCHES:
        raise ValueError(
            f"lyapunov_exponent(duration=...) has room for {grid.kept} renormalisations, expected at least"
            f" {STRETCHES}; make it longer"
        )
    with jax.enable_x64(True):
        network = as_double(network, "lyapunov_exponent(network)")
        growth = np.asarray(
            _growth(network, scheme_of(solver or Heun()), grid.step, grid.every, grid.dropped, grid.kept, key)
        )
    if not np.isfinite(growth).all():
        raise FloatingPointError(
            "lyapunov_exponent: the simulation diverged; use a smaller step, less noise or weaker coupling"
        )
    local = growth / grid.interval
    means = np.array([part.mean() for part in np.array_split(local, STRETCHES)])
    rate = {"units": "1/ms"}
    return xr.Dataset(
        {
            "exponent": ((), local.mean(), rate),
            "standard_error": ((), means.std(ddof=1) / np.sqrt(STRETCHES), rate),
            "local": ("time", local, rate),
        },
        coords={"time": ("time", grid.times, {"units": "ms"})},
        attrs={"model": network.model.title(), "step_ms": grid.step},
    )


@eqx.filter_jit
def _growth(
    network: Network,
    scheme: Scheme,
    step: float,
    every: int,
    dropped: int,
    kept: int,
    key: PRNGKeyArray | None,
) -> Float[Array, " renormalisation"]:
    """Logarithm of the growth of the distance, for each stretch between renormalisations."""
    engine = stepper(network, scheme, step, key)
    scale = jnp.asarray(np.ptp(ranges(network), axis=0))[:, None]
    one = engine.init()
    direction = scale * jax.random.normal(jax.random.key(0), one.y.shape, one.y.dtype)
    other = one._replace(y=one.y + APART * direction)

    def stretch(pair: tuple[Carry, Carry], _: None) -> tuple[tuple[Carry, Carry], Array]:
        one, other = (engine.advance(carry, every)[0] for carry in pair)
        before, after = _distance(network, *pair, scale), _distance(network, one, other, scale)
        return (one, _towards(network, one, other, APART / after)), jnp.log(after / before)

    _, growth = jax.lax.scan(stretch, (one, other), None, length=dropped + kept)
    return growth[dropped:]


def _distance(network: Network, one: Carry, other: Carry, scale: Float[Array, "state 1"]) -> Float[Array, ""]:
    square = jnp.sum((network.apart(one.y, other.y) / scale) ** 2)
    for a, b in zip(one.pasts, other.pasts, strict=True):
        square = square + jnp.sum((a - b) ** 2)
    return jnp.sqrt(square)


def _towards(network: Network, one: Carry, other: Carry, share: Any) -> Carry:
    """`other` at a share of its distance; the noise is the same for both."""

    def at(a: Any, b: Any) -> Any:
        return None if a is None else a + share * (b - a)

    pasts = tuple(at(a, b) for a, b in zip(one.pasts, other.pasts, strict=True))
    return other._replace(
        y=one.y + share * network.apart(other.y, one.y), pasts=pasts, recent=at(one.recent, other.recent)
    )
