"""A parameter moved slowly up and down, and what the network does at each value."""

from collections.abc import Callable, Sequence
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
from ..solving._delays import plan as plan_delays
from ..solving._grid import make_grid
from ..solving._scheme import Scheme, scheme_of
from ..solving._stepper import Carry, Stepper
from ._parameter_path import Place, filled, numbers_of, place
from ._progress import Walk
from ._system import as_double, as_network, coords, ranges

# Steps whose states are kept at a time.
FRAME = 256
# A signal that moves by less, relative to all that is seen in the sweep, has no frequency.
STILL = 1e-4


def sweep(
    system: Network | AbstractModel,
    where: Callable[[Network], Any],
    values: Sequence[Any] | np.ndarray,
    *,
    duration: Any,
    step: Any,
    transient: Any = None,
    both_ways: bool = True,
    nudge: float = 1e-6,
    key: PRNGKeyArray | int | None = None,
    variable: str | None = None,
    solver: diffrax.AbstractSolver | None = None,
    progress: bool = False,
) -> Any:
    """Simulate at each value in turn, each run starting where the last one ended, up and then down.

    Where a network oscillates, the range of a signal is the amplitude of its limit cycle; where up and down
    differ, the network is bistable (hysteresis). The state goes on with its history, if there are delays.
    Compiled once for all values.

    Args:
        system: a network, or a model. It may hold a prior at the parameter, nowhere else.
        where: picks the parameter, one number: `lambda n: n.model.mu`.
        values: of the parameter, in the order of the way up; numbers or a Quantity array.
        duration: of what is looked at, for each value; it limits how exactly a frequency is known (to a
            fraction of 1/duration).
        step: of the solver.
        transient: simulated at each value before that; None: as long as `duration`. Near a bifurcation
            everything is slow.
        both_ways: come back from the last value to the first.
        nudge: how far the state is moved before each run, in units of the states' ranges; without it a
            network at rest would stay there beyond the bifurcation, for ever.
        key: needed with noise.
        variable: that is looked at; None: the model's observable.
        solver: a Diffrax solver; None: `nmm.solvers.Heun()`.
        progress: show the parameter on stderr.

    Returns:
        `xarray.Dataset` (direction, parameter, region), direction "up" or "down" and parameter a coordinate
        in its unit: `minimum`, `maximum`, `mean` of the variable, in its unit, and `frequency` (Hz) of the
        greatest peak of its spectrum, NaN where it does not move.

    Raises:
        ValueError: `where` picks no number, priors are left elsewhere, no values, no key for the noise.
        FloatingPointError: the simulation diverged; says at which value.
    """
    import xarray as xr

    network = foreseeing(as_network(system, "sweep(network)"))
    at = place(network, where, "sweep")
    numbers = [at.number(value, "sweep(values=...)") for value in numbers_of(values, "sweep(values=...)")]
    if not numbers:
        raise ValueError(f"sweep(values=...) is empty, expected values of {at.name}")
    if network.noise is not None and key is None:
        raise ValueError(
            "sweep(key=...) is missing: a network with noise needs a key, such as jax.random.key(0)"
        )
    key = None if key is None else random_key(key, "sweep(key=...)")
    name = variable or network.model.observable
    network.model.check_variable(name, "sweep(variable=...)")
    grid = make_grid(duration, step, None, duration if transient is None else transient)
    order = numbers + numbers[::-1] if both_ways else numbers
    rows = []
    with jax.enable_x64(True), Walk(f"sweep of {at.name}", progress) as walk:
        network = as_double(filled(network, at, order[0]), "sweep(network)")
        scheme = scheme_of(solver or Heun())
        carry = _begin(network, scheme, grid.step, key)
        for i, number in enumerate(order):
            carry, row = _run(
                network,
                at,
                jnp.asarray(number),
                jnp.asarray(float(nudge)),
                carry,
                scheme,
                grid.step,
                grid.dropped,
                grid.kept,
                name,
                key,
            )
            rows.append(np.asarray(row))
            if not np.isfinite(rows[-1][:3]).all():
                raise FloatingPointError(
                    f"sweep: the simulation diverged at {at.name} = {number:g}; "
                    "use a smaller step, or pass Network(speed_range=...) if a speed or length is swept"
                )
            walk.at(number, i + 1)
    table = np.array(rows).reshape(2 if both_ways else 1, len(numbers), 4, network.n_regions)
    if both_ways:
        table[1] = table[1, ::-1]
    unit = {"units": network.model.variables()[name], "long_name": name}
    dims = ("direction", "parameter", "region")
    moved = table[:, :, 1] - table[:, :, 0]
    still = moved <= max(
        STILL * (table[:, :, 1].max() - table[:, :, 0].min()), 1e-9 * np.abs(table[:, :, 2]).max()
    )
    table[:, :, 3] = np.where(still, np.nan, 1e3 * table[:, :, 3])
    return xr.Dataset(
        {
            "minimum": (dims, table[:, :, 0], unit),
            "maximum": (dims, table[:, :, 1], unit),
            "mean": (dims, table[:, :, 2], unit),
            "frequency": (dims, table[:, :, 3], {"units": "Hz"}),
        },
        coords={
            "direction": ["up", "down"][: len(table)],
            "parameter": ("parameter", np.array(numbers), {"units": at.unit, "long_name": at.name}),
            "region": coords(network)["region"],
        },
        attrs={"parameter": at.name, "variable": name, "model": network.model.title()},
    )


def stepper(
    network: Network, scheme: Scheme, step: float, key: PRNGKeyArray | None, *, inputs: bool = False
) -> Stepper:
    """The engine of `nmm.solve`, from time 0; with `inputs` it keeps what arrives."""
    return Stepper(
        network,
        scheme,
        step,
        0.0,
        plan_delays(network, step) if network.has_delays else None,
        key,
        inputs=inputs,
    )


@eqx.filter_jit
def _begin(network: Network, scheme: Scheme, step: float, key: PRNGKeyArray | None) -> Carry:
    return stepper(network, scheme, step, key).init()


@eqx.filter_jit
def _run(
    network: Network,
    at: Place,
    value: Array,
    nudge: Array,
    carry: Carry,
    scheme: Scheme,
    step: float,
    dropped: int,
    kept: int,
    name: str,
    key: Any,
) -> tuple[Carry, Float[Array, "what region"]]:
    network = at.put(network, value)
    engine = stepper(network, scheme, step, key, inputs=name in network.model.driven_variables())
    width = jnp.asarray(np.ptp(ranges(network), axis=0))[:, None]
    # In another direction in each region: a network of equals should not stay synchronous by construction.
    carry = carry._replace(
        y=carry.y
        + nudge * width * jax.random.uniform(jax.random.key(0), carry.y.shape, carry.y.dtype, -1.0, 1.0)
    )
    if engine.delays is not None:
        carry = carry._replace(y=jnp.where(engine.delays.valid(), carry.y, jnp.nan))
    carry = carry._replace(lost=scheme.begin(carry.y))

    def frame(carry: Carry, n: int) -> tuple[Carry, Float[Array, "step region"]]:
        carry, steps = engine.advance(carry, n)
        return carry, jax.vmap(lambda y, c: network.model.variable(name, y, c))(*steps)

    carry, _ = framed(frame, carry, dropped, keep=False)
    carry, signal = framed(frame, carry, kept, keep=True)
    moments = [signal.min(axis=0), signal.max(axis=0), signal.mean(axis=0)]
    return carry, jnp.stack([*moments, _frequency(signal, step)])


def framed(
    frame: Callable[[Any, int], tuple[Any, Array]], carry: Any, steps: int, *, keep: bool
) -> tuple[Any, Any]:
    """`steps` steps in frames, so that not all states of a long run are kept at once."""
    whole, rest = divmod(steps, FRAME)
    pieces = []

    def one(carry: Any, n: int) -> tuple[Any, Any]:
        carry, out = frame(carry, n)
        return carry, out if keep else None

    if whole:
        carry, out = jax.lax.scan(lambda carry, _: one(carry, FRAME), carry, length=whole)
        pieces += [out.reshape(-1, *out.shape[2:])] if keep else []
    if rest:
        carry, out = one(carry, rest)
        pieces += [out] if keep else []
    return carry, jnp.concatenate(pieces) if keep else None


def _frequency(signal: Float[Array, "step region"], step: float) -> Float[Array, " region"]:
    """The peak of the spectrum (kHz), between its bins by the parabola through the logarithms of three (exact
    for a Gaussian peak, close for Hann's).
    """
    n = signal.shape[0]
    centred = signal - signal.mean(axis=0)
    power = jnp.abs(jnp.fft.rfft(centred * jnp.hanning(n)[:, None], axis=0)) ** 2
    peak = jnp.clip(jnp.argmax(power[1:], axis=0) + 1, 1, max(power.shape[0] - 2, 1))
    left, middle, right = (
        jnp.log(jnp.take_along_axis(power, (peak + i)[None], axis=0)[0] + 1e-300) for i in (-1, 0, 1)
    )
    curvature = left - 2.0 * middle + right
    shift = jnp.where(curvature < 0, 0.5 * (left - right) / jnp.where(curvature < 0, curvature, 1.0), 0.0)
    return (peak + shift) / (n * step)
