"""Networks that are told where to rest, and find the parameters for it."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ._networks._network import Network
from ._preparation import AbstractPreparation
from ._tools._implicit import implicit_root
from .couplings._additive import Additive
from .linear._fixed_point import rest_drift
from .linear._linearisation import linearise
from .linear._local import Local, columns, local
from .linear._loop_gain import loop_gain
from .models._base import AbstractModel
from .priors._base import AbstractPrior, open_plate
from .priors._sample import priors
from .units import DIMENSIONLESS, factor, is_quantity, text, to_canonical

MAX_STEPS, MAX_ROUNDS = 50, 12
# A search that can only take so small a part of Newton's step has nowhere to go.
SMALLEST = 1e-3
# A step moves no state and no parameter by more than this many times its declared range.
FAR = 1.0
# A step changes the logarithm of the coupling by no more than this.
JUMP = 8.0


class AtRest(AbstractPreparation):
    r"""Says at which states regions rest and how near the network is to instability; parameters follow from
    that.

    What a recording at rest tells of a region is its activity, its gain and its rate, which change with an
    input along a curve that may turn back; and of the coupling, how near it brings the network to
    instability. So priors belong there: they mean the same for every model, no draw is far from rest, none
    hangs on which of several fixed points is found, and samplers see no cliffs. Inputs and coupling are
    solved for:

    f(y, p) = 0 and y_k = `rest[k]` for the parameters p named by `by`, by Newton's method on the whole
    network; then `coupling.G` such that `loop_gain` is the factor by which activity that is sent comes back
    (`nmm.linear.loop_gain`): below 1 the network is stable.

    Sites: `rest.NAME` and `loop_gain`; the parameters that follow are deterministic, `model.NAME` and
    `coupling.G`. Choose parameters that enter like inputs (`I_o`, `eta`, `mu`, `P`; an inhibition such as
    `J_i` makes it feedback inhibition control): one for each state that is told, each of which must be able
    to move that state.

    Args:
        rest: state → where it rests: a number, one for each region, a Quantity or a prior; in the state's
            unit, if they have none of their own.
        by: the parameter of the model that follows, or a tuple of them.
        loop_gain: a number or a prior; None: the coupling is as the network has it.

    Raises:
        ValueError: no state is told, or another number of parameters follows.
    """

    rest: dict[str, Any]
    by: tuple[str, ...] = eqx.field(static=True)
    loop_gain: Any
    units: dict[str, str] = eqx.field(static=True)  # of states that are told in a unit of their own

    def __init__(self, rest: Mapping[str, Any], *, by: str | tuple[str, ...], loop_gain: Any = None):
        self.by = (by,) if isinstance(by, str) else tuple(by)
        if not rest or len(rest) != len(self.by):
            raise ValueError(
                f"AtRest(by=...) got {', '.join(self.by)} for {', '.join(rest) or 'no state'}; expected one"
                " parameter for each state that is told"
            )
        self.units = {name: unit for name, value in rest.items() if (unit := _unit(value)) is not None}
        self.rest = {
            name: _slot(value, self.units.get(name, DIMENSIONLESS), f"AtRest(rest={name!r})")
            for name, value in rest.items()
        }
        self.loop_gain = (
            None if loop_gain is None else _slot(loop_gain, DIMENSIONLESS, "AtRest(loop_gain=...)")
        )
        if isinstance(self.loop_gain, np.ndarray) and (self.loop_gain.shape or not self.loop_gain > 0):
            raise ValueError(
                f"AtRest(loop_gain=...) got {loop_gain}, expected one positive number, below 1 for a stable"
                " network, or a prior"
            )

    def check(self, network: Network) -> None:
        """Raises TypeError or ValueError where the network has no such state, parameter or coupling, a state
        has another unit, or what follows has a prior.
        """
        model = network.model
        if not isinstance(model, AbstractModel):
            raise TypeError(
                f"AtRest(...): the network has several models, {model.title()}; expected one in all regions"
            )
        slots = model.parameters()
        for name in self.rest:
            if name not in model.state_names():
                raise ValueError(
                    f"AtRest(rest=...): {model.title()} has no state {name!r}; it has"
                    f" {', '.join(model.state_names())}"
                )
        for name in self.by:
            if name not in slots:
                raise ValueError(
                    f"AtRest(by=...): {model.title()} has no parameter {name!r}; it has {', '.join(slots)}"
                )
        follow = [f"model.{name}" for name in self.by]
        if self.loop_gain is not None:
            if not isinstance(network.coupling, Additive) or len(network.source_of(network.coupling)) != 1:
                raise TypeError(
                    "AtRest(loop_gain=...) needs one coupling, nmm.couplings.Additive of one variable, whose"
                    " G follows from it"
                )
            follow.append("coupling.G")
        if told := [
            site
            for site in priors(network)
            if any(site == name or site.startswith(name + ".") for name in follow)
        ]:
            raise ValueError(
                f"AtRest(...): {', '.join(told)} has a prior, but follows from where the network rests; leave"
                " it out"
            )
        self._scales(model)
        for name, value in self.rest.items():
            if np.shape(value) not in ((), (network.n_regions,)) and not isinstance(value, AbstractPrior):
                raise ValueError(
                    f"AtRest(rest={name!r}) has shape {np.shape(value)}, expected one number or one for each"
                    f" of {network.n_regions} regions"
                )

    def _scales(self, model: AbstractModel) -> dict[str, float]:
        """What a told number is worth in the unit of its state.

        Raises:
            UnitError: of another dimension.
        """
        states = {state.name: state.unit for state in model.states}
        return {
            name: (
                factor(self.units[name], states[name], f"AtRest(rest={name!r})")
                if name in self.units
                else 1.0
            )
            for name in self.rest
        }

    def __call__(self, network: Network) -> Network:
        """The network that rests there, with `initial` where it rests; parameters are NaN where none lets it.
        To be drawn from first: fields with priors.
        """
        import numpyro

        if found := priors(self):
            raise ValueError(
                f"AtRest(...)(network) has priors at {', '.join(found)}; pass nmm.Problem(...,"
                " prepare=nmm.AtRest(...)), or draw them: nmm.sample"
            )
        self.check(network)
        states = network.model.state_names()
        rows = tuple(states.index(name) for name in self.rest)
        scales = self._scales(network.model)  # pyright: ignore[reportArgumentType]
        told = jnp.stack(
            [
                scales[name] * jnp.broadcast_to(jnp.asarray(value, float), (network.n_regions,))
                for name, value in self.rest.items()
            ]
        )
        if self.loop_gain is not None:
            G = _coupling(network, told, jnp.asarray(self.loop_gain, float), rows, self.by)
            network = _coupled(network, numpyro.deterministic("coupling.G", G))
        y, p = _resting(network, told, rows, self.by)
        with open_plate("region", network.plates, "rest"):
            p = [
                numpyro.deterministic(f"model.{name}", value) for name, value in zip(self.by, p, strict=True)
            ]
        return _with(network, p, self.by).resting(y)


def _unit(value: Any) -> str | None:
    """The unit that a value or a prior has of its own; what a state's is, nobody knows before the network."""
    if is_quantity(value):
        return text((1.0 * value).unit)
    own = getattr(value, "unit", None) if isinstance(value, AbstractPrior) else None
    return None if own is None else text(own)


def _slot(value: Any, unit: str, what: str) -> Any:
    if isinstance(value, AbstractPrior):
        return value.bind(unit, what)
    value = to_canonical(value, unit, what)
    if isinstance(value, Tracer):
        return value
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{what} got a value that is NaN or infinite; expected finite numbers")
    return array


def _with(network: Network, p: Any, by: tuple[str, ...]) -> Network:
    return eqx.tree_at(
        lambda n: [getattr(n.model, name) for name in by], network, list(p), is_leaf=lambda x: x is None
    )


def _coupled(network: Network, G: Any) -> Network:
    return eqx.tree_at(lambda n: n.coupling.G, network, G)


def _resting(
    network: Network, told: Float[Array, "told region"], rows: tuple[int, ...], by: tuple[str, ...]
) -> tuple[Array, Array]:
    """States and parameters with which the network rests where it is told to."""
    n_states, n = network.initial.shape[0], network.n_regions
    model = network.model
    assert isinstance(model, AbstractModel)
    slots = [model.parameters()[name] for name in by]
    ranges = [(state.low, state.high) for state in model.states] + [(slot.low, slot.high) for slot in slots]
    width = np.array([high - low if math.isfinite(high - low) else 1.0 for low, high in ranges])[:, None]
    dtype = told.dtype
    tolerance = 1e-11 if dtype == jnp.float64 else 1e-6
    pick = np.zeros((len(rows), n_states))
    pick[np.arange(len(rows)), list(rows)] = 1.0

    def residual(x: Array, given: tuple[Network, Array]) -> Array:
        network, told = given
        y, p = x[:n_states], x[n_states:]
        return jnp.concatenate([rest_drift(_with(network, p, by), y), y[np.asarray(rows)] - told])

    def jacobian(x: Array, given: tuple[Network, Array]) -> Local:
        network, _ = given
        y, p = x[:n_states], x[n_states:]
        now = _with(network, p, by)
        at = local(now, y)
        c = now.undelayed(y)
        P = columns(
            lambda p: _with(network, p, by).model.drift(jnp.asarray(0.0), y, c), p
        )  # "state told region"
        below = jnp.broadcast_to(jnp.asarray(pick, dtype)[..., None], (len(rows), n_states, n))
        A = jnp.concatenate(
            [
                jnp.concatenate([at.A, P], axis=1),
                jnp.concatenate([below, jnp.zeros((len(rows), len(rows), n), dtype)], axis=1),
            ]
        )
        B = jnp.concatenate([at.B, jnp.zeros((len(rows), *at.B.shape[1:]), dtype)])
        C = jnp.concatenate([at.C, jnp.zeros((at.C.shape[0], len(rows), n), dtype)], axis=1)
        return Local(A, B, C, at.weights)

    def solve(x: Array, given: tuple[Network, Array], b: Array) -> Array:
        return -jacobian(x, given).solve(b)

    def find(given: tuple[Network, Array]) -> Array:
        network, told = given
        p = jnp.stack([jnp.broadcast_to(jnp.asarray(slot.default, dtype), (n,)) for slot in slots])
        start = jnp.concatenate([jnp.asarray(network.initial, dtype).at[np.asarray(rows)].set(told), p])
        scale = jnp.asarray(width, dtype)

        def size(x: Array) -> Array:
            return jnp.sqrt(jnp.mean((residual(x, given) / scale) ** 2))

        def going(carry: tuple[Array, Array, Array, Array]) -> Array:
            k, _, part, moved = carry
            return (k < MAX_STEPS) & (moved > tolerance) & (part > SMALLEST)

        def advance(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            k, x, part, _ = carry
            step = -solve(x, given, residual(x, given))
            far = jnp.max(jnp.abs(step) / scale)
            taken = part * jnp.minimum(1.0, FAR / far)
            ahead = x + taken * step
            before, after = size(x), size(ahead)
            # Steps that are nothing but rounding do not go down.
            good = (after < before) | (far < jnp.sqrt(tolerance)) & jnp.isfinite(after)
            return (
                k + 1,
                jnp.where(good, ahead, x),
                jnp.where(good, jnp.minimum(1.0, 2.0 * part), 0.25 * part),
                jnp.where(good & (taken == 1.0), far, jnp.inf),
            )

        _, x, _, moved = jax.lax.while_loop(
            going, advance, (jnp.asarray(0), start, jnp.asarray(1.0, dtype), jnp.asarray(jnp.inf, dtype))
        )
        return jnp.where(moved <= tolerance, x, jnp.nan)

    x = implicit_root((network, told), find=find, residual=residual, solve=solve)
    return x[:n_states], x[n_states:]


def _coupling(
    network: Network,
    told: Float[Array, "told region"],
    gain: Float[Array, ""],
    rows: tuple[int, ...],
    by: tuple[str, ...],
) -> Float[Array, ""]:
    """The coupling strength with which the resting network has that loop gain."""
    tolerance = 1e-9 if told.dtype == jnp.float64 else 1e-5

    def off(log_G: Array, given: tuple[Network, Array, Array]) -> Array:
        network, told, gain = given
        coupled = _coupled(network, jnp.exp(log_G))
        y, p = _resting(coupled, told, rows, by)
        return jnp.log(loop_gain(linearise(_with(coupled, p, by), point=y))) - jnp.log(gain)

    def slope(log_G: Array, given: Any) -> Array:
        return jax.jvp(lambda x: off(x, given), (log_G,), (jnp.ones_like(log_G),))[1]

    def find(given: Any) -> Array:
        def going(carry: tuple[Array, ...]) -> Array:
            k, _, f, *_ = carry
            return (k < MAX_ROUNDS) & (jnp.abs(f) > tolerance)

        def advance(carry: tuple[Array, ...]) -> tuple[Array, ...]:
            # Secants; the first slope is that of regions whose gains do not depend on the coupling. `ahead`
            # is looked at, then the next one chosen.
            k, x, f, ahead, rise = carry
            found = off(ahead, given)
            new = (found - f) / (ahead - x)
            rise = jnp.where(jnp.isfinite(new) & (new > 0.05), new, rise)
            return k + 1, ahead, found, ahead - jnp.clip(found / rise, -JUMP, JUMP), rise

        far, zero, one = (jnp.asarray(value, told.dtype) for value in (jnp.inf, 0.0, 1.0))
        _, _, f, ahead, _ = jax.lax.while_loop(going, advance, (jnp.asarray(0), far, far, zero, one))
        # The next one, which would be looked at if that were not near enough: what is left of `f` may be as
        # large as the distance to instability.
        return jnp.where(jnp.abs(f) <= tolerance, ahead, jnp.nan)

    return jnp.exp(
        implicit_root(
            (network, told, gain), find=find, residual=off, solve=lambda x, given, b: b / slope(x, given)
        )
    )
