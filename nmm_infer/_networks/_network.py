"""A network: a model in every region, what couples the regions, and what drives them."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._ending import Ending
from .._regional import in_order
from .._tools._shown import safely
from ..couplings._base import AbstractCoupling, AbstractPhaseCoupling
from ..models._base import AbstractDynamics, AbstractModel
from ..noises._base import AbstractNoise
from ..parameters import AbstractPart, Slot, param
from ..priors._base import AbstractPlated
from ..stimuli._base import AbstractStimulus, driven
from ._arguments import begins_there, check_kind, check_network, dynamics_of, range_of
from ._connectome import Connectome, single_region
from ._initial import initial_state
from ._shown import network_html, network_text
from ._speed import SpeedRange


class Conduction(AbstractPart, argument_of="Network"):
    """How fast activity travels. A slot of its own so that it is checked like every other."""

    speed: Slot = param(None, "mm/ms", doc="conduction speed; None: no delays", low=0.1, high=100.0)


class Network(AbstractPlated):
    """Model + connectome + coupling + noise + stimulus. Any of their slots may hold a prior.

    Values of regions that have labels (`pandas.Series`, `xarray.DataArray`) are put in the order of the
    connectome's.

    Args:
        model: the neural mass of every region; or a dictionary, name of a group of regions → its model.
        connectome: None: a single region.
        coupling: a coupling, or a tuple of them; None with a connectome of one region.
        speed: conduction speed in mm/ms (= m/s), a Quantity or a `Prior`; None: no delays.
        noise: None: deterministic.
        stimulus: a stimulus, or a tuple of them; None: none.
        groups: with a dictionary of models, name of a group → labels of its regions. One group may be
            left out: it has all other regions.
        initial: `["state region"]` or `["state"]`; a dictionary, name of a state → a number, one value for
            each region, or a prior (states left out keep the model's); an `xarray.Dataset` with a variable
            for each state, or a `Trajectory`, of which the last frame counts; None: the model's. History
            before t = 0 is constant. Where a run ended, `trajectory.final`: runs go on from there, with its
            past, noise and time, as by `nmm.solve(..., after=trajectory.final)`.
        after: the same, beside `initial` that is its state; for `dataclasses.replace`, where another
            `initial` begins anew.
        speed_range: (slowest, fastest) conduction speed in mm/ms for which the solver reserves
            memory and block length. None: taken from `speed`: its value, or what its prior can reach.
            `nmm.stacked` makes networks of different speeds ready for all of them.
            A speed outside it makes a simulation NaN, never silently wrong.

    Raises:
        ValueError: regional parameters of the wrong length, unknown states, variables, ports or
            regions, delays without lengths.
    """

    model: AbstractDynamics
    connectome: Connectome
    coupling: AbstractCoupling | tuple[AbstractCoupling, ...]
    noise: AbstractNoise | None
    stimulus: AbstractStimulus | tuple[AbstractStimulus, ...]
    speed: Slot
    initial: Float[Array, "state region"]
    after: Ending | None
    rest: Float[Array, "state region"] | None = eqx.field(
        init=False
    )  # where it is known to rest, so that nobody has to search
    speed_range: SpeedRange | None = eqx.field(static=True)

    def __init__(
        self,
        model: AbstractModel | Mapping[str, AbstractModel],
        connectome: Connectome | None = None,
        coupling: AbstractCoupling | tuple[AbstractCoupling, ...] = (),
        *,
        speed: Any = None,
        noise: AbstractNoise | None = None,
        stimulus: AbstractStimulus | tuple[AbstractStimulus, ...] | None = None,
        groups: Mapping[str, Any] | None = None,
        initial: Any = None,
        speed_range: tuple[Any, Any] | None = None,
        after: Ending | None = None,
    ):
        self.connectome = single_region() if connectome is None else connectome
        check_kind(self.connectome, Connectome, "connectome", "nmm.Connectome(weights, ...)")
        self.model = dynamics_of(model, groups, self.connectome.labels)
        labels = self.connectome.labels
        self.coupling = in_order(tuple(coupling) if isinstance(coupling, tuple | list) else coupling, labels)
        self.noise = in_order(noise, labels)
        self.stimulus = in_order(
            () if stimulus is None else tuple(stimulus) if isinstance(stimulus, tuple | list) else stimulus,
            labels,
        )
        self.speed = Conduction(speed).speed
        self.speed_range = range_of(self.speed, speed_range)
        self.after = (
            initial if isinstance(initial, Ending) else after if begins_there(initial, after) else None
        )
        self.initial = initial_state(initial if self.after is None else self.after, self.model, labels)
        self.rest = None
        check_network(self)

    @safely
    def __repr__(self) -> str:
        return network_text(self)

    def _repr_html_(self) -> str:
        return network_html(self)

    def beginning(self, y: Float[Array, "state region"]) -> "Network":
        """The network whose runs begin anew from these states."""
        return self._from(y, None)

    def resting(self, y: Float[Array, "state region"]) -> "Network":
        """The network begun where it is known to rest: linearised there, without a search.

        Near a bifurcation a search in single precision cannot tell that place as well as one who has solved
        for it.
        """
        return self._from(y, y)

    def _from(self, y: Float[Array, "state region"], rest: Float[Array, "state region"] | None) -> "Network":
        return eqx.tree_at(
            lambda n: (n.initial, n.after, n.rest),
            self,
            (y, None, rest),
            is_leaf=lambda x: x is None or isinstance(x, Ending),
        )

    @property
    def plates(self) -> dict[str, int]:
        """Sizes of the plates that priors may be drawn over, by name."""
        return {**self.connectome.plates, **{name: len(labels) for name, labels in self.plate_labels.items()}}

    @property
    def plate_labels(self) -> dict[str, tuple[str, ...]]:
        """Regions along each plate: all of them along `region`, those of a group along `region_GROUP`."""
        return {"region": self.connectome.labels, **self.model.plates}

    @property
    def n_regions(self) -> int:
        """Regions of the connectome."""
        return self.connectome.n_regions

    @property
    def couplings(self) -> tuple[AbstractCoupling, ...]:
        """The couplings as a tuple, also if there is one or none."""
        return self.coupling if isinstance(self.coupling, tuple) else (self.coupling,)

    @property
    def stimuli(self) -> tuple[AbstractStimulus, ...]:
        """The stimuli as a tuple, also if there is one or none."""
        return self.stimulus if isinstance(self.stimulus, tuple) else (self.stimulus,)

    @property
    def noisy_states(self) -> tuple[str, ...]:
        """The states that the noise drives; none without noise."""
        if self.noise is None:
            return ()
        return self.noise.states or self.model.noisy_states()

    @property
    def noisy_rows(self) -> tuple[int, ...]:
        """Their numbers among the states of the model."""
        names = self.model.state_names()
        return tuple(names.index(state) for state in self.noisy_states)

    @property
    def noise_gate(self) -> Float[np.ndarray, "noisy region"] | None:
        """1 where noise acts on a noisy state of a region, 0 where it does not; None: it acts everywhere."""
        return None if self.noise is None else self.model.gate(self.noise.states)

    @property
    def periods(self) -> Float[np.ndarray, "state #region"] | None:
        """After how much each state repeats itself, 0: never; None if none does, or if a coupling sees how
        often it did.
        """
        periods = self.model.periods()
        if periods is None:
            return None
        states = self.model.state_names()
        # What a model sends and what is no state of its own may stand for a phase.
        phases = {name for name, row in zip(states, periods, strict=True) if row.any()} | (
            set(self.model.sends) - set(states)
        )
        counted = any(
            phases.intersection(self.source_of(coupling))
            for coupling in self.couplings
            if not isinstance(coupling, AbstractPhaseCoupling)
        )
        return None if counted else periods

    def turns(self, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
        """Whole turns of the states that are phases, 0 of the others."""
        periods = self.periods
        if periods is None:
            return jnp.zeros_like(y)
        return jnp.round(
            y * np.divide(1.0, periods, where=periods > 0, out=np.zeros_like(periods)).astype(y.dtype)
        )

    def wrapped(self, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
        """Phases without their whole turns."""
        if self.periods is None:
            return y
        with jax.enable_x64(True):  # of many turns single precision would not know the rest
            whole = y.astype(jnp.float64)
            return (whole - self.turns(whole) * self.periods).astype(y.dtype)

    def apart(
        self, y: Float[Array, "state region"], other: Float[Array, "state region"]
    ) -> Float[Array, "state region"]:
        """y - other, phases the short way round."""
        difference = y - other
        return (
            difference
            if self.periods is None
            else difference - self.turns(difference) * self.periods.astype(difference.dtype)
        )

    @property
    def has_delays(self) -> bool:
        """Whether messages travel at a finite speed."""
        return self.speed is not None

    @property
    def delays(self) -> Float[Array, "to from"] | None:
        """Conduction delays in ms; None without conduction speed."""
        return None if self.speed is None else self.connectome.lengths / self.speed  # pyright: ignore[reportOptionalOperand]

    def source_of(self, coupling: AbstractCoupling) -> tuple[str, ...]:
        """The variables that `coupling` sends; by default what the model sends."""
        return coupling.source or self.model.sends

    def ports_of(self, coupling: AbstractCoupling) -> tuple[str, ...]:
        """The ports that `coupling` feeds; by default the model's first, as many as it sends variables."""
        return coupling.port or self.model.ports[: len(self.source_of(coupling))]

    # The maths of one instant. `messages` leave a region, travel, are weighted and summed, and `inputs` turn
    # the sums into `c`.

    def messages(self, y: Float[Array, "state region"]) -> Float[Array, "message region"]:
        """What every region sends, all couplings stacked; no rows without couplings."""
        if not self.couplings:
            return jnp.zeros((0, self.n_regions), y.dtype)
        return jnp.concatenate([self._message(coupling, y) for coupling in self.couplings])

    def _message(
        self, coupling: AbstractCoupling, y: Float[Array, "state region"]
    ) -> Float[Array, "message region"]:
        """What every region sends through `coupling`; nothing where it does not have the variable, which is
        not the same as a variable that is zero.
        """
        names = self.source_of(coupling)
        message, senders = coupling.pre(self.model.sent(names, y)), self.model.senders(names)
        if senders is None:
            return message
        times, rest = divmod(message.shape[0], len(names))
        # A message that is made of several variables takes all of them.
        gate = senders.min(axis=0) if rest else np.tile(senders, (times, 1))
        return message * jnp.asarray(gate, message.dtype)

    def strengths(self, weights: Float[Array, "to from"]) -> tuple[Float[Array, "*sent region"], ...]:
        """The summed weights of what arrives at each region, for each coupling; for each of its variables,
        where not all regions send it.
        """
        senders = [self.model.senders(self.source_of(coupling)) for coupling in self.couplings]
        return tuple(
            weights.sum(axis=1) if has is None else jnp.asarray(has, weights.dtype) @ weights.T
            for has in senders
        )

    def n_messages(self) -> int:
        """Rows of `messages`."""
        return eqx.filter_eval_shape(lambda: self.messages(jnp.zeros(self.initial.shape))).shape[0]

    def inputs(
        self,
        total: Float[Array, "message region"],
        y: Float[Array, "state region"],
        strengths: tuple[Float[Array, "*sent region"], ...],
    ) -> Float[Array, "port region"]:
        """The model's coupling input `c` from the weighted sums of arrived messages."""
        rows: list[Any] = [jnp.zeros(self.n_regions, y.dtype)] * len(self.model.ports)
        first = 0
        for coupling, strength in zip(self.couplings, strengths, strict=True):
            sent = self.model.sent(self.source_of(coupling), y)
            size = eqx.filter_eval_shape(coupling.pre, sent).shape[0]
            fed = coupling.post(total[first : first + size], sent, strength)
            for row, port in zip(fed, self.ports_of(coupling), strict=True):
                index = self.model.ports.index(port)
                rows[index] = rows[index] + row
            first += size
        return jnp.stack(rows)

    def undelayed(self, y: Float[Array, "state region"]) -> Float[Array, "port region"]:
        """The coupling input `c` if messages took no time."""
        weights = jnp.asarray(self.connectome.weights)
        total = jnp.einsum("ij,mj->mi", weights, self.messages(y))
        return self.inputs(total, y, self.strengths(weights))

    def stimulation(
        self, t: Any, stimuli: tuple[AbstractStimulus, ...] | None = None
    ) -> Float[Array, "port region"]:
        """What the stimuli add to `c` at time `t` (ms); `stimuli` are the same in another precision."""
        rows: list[Any] = [jnp.zeros(self.n_regions)] * len(self.model.ports)
        for stimulus in self.stimuli if stimuli is None else stimuli:
            index = 0 if stimulus.port is None else self.model.ports.index(stimulus.port)
            rows[index] = rows[index] + driven(stimulus, self.connectome.labels) * stimulus(t)
        return jnp.stack(rows)

    def driven(self, t: Any, c: Float[Array, "port region"]) -> Float[Array, "port region"]:
        """The coupling input with what the stimuli add at time `t` (ms)."""
        return c + self.stimulation(t).astype(c.dtype) if self.stimuli else c

    def resting_variable(self, name: str, y: Float[Array, "state region"]) -> Float[Array, " region"]:
        """A variable by name, if the network has been in the state `y` for ever and no stimulus acts."""
        return self.model.variable(
            name, y, self.undelayed(y) if name in self.model.driven_variables() else None
        )

    def driven_drift(
        self, t: Any, y: Float[Array, "state region"], c: Float[Array, "port region"]
    ) -> Float[Array, "state region"]:
        """dy/dt of every region from its coupling input, stimuli included."""
        return self.model.drift(t, y, self.driven(t, c))

    def drift(self, t: Any, y: Float[Array, "state region"]) -> Float[Array, "state region"]:
        """dy/dt of the whole network without delays and noise."""
        return self.driven_drift(t, y, self.undelayed(y))
