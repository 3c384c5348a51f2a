"""What happens inside a region: states, parameters and the local drift."""

import abc
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..parameters import AbstractPart, check_regions
from ..units import DIMENSIONLESS

if TYPE_CHECKING:  # to a type checker it would be an argument of the constructor
    from typing import ClassVar as AbstractClassVar
else:
    from equinox import AbstractClassVar


# The golden angle, in turns.
GOLDEN = (5.0**0.5 - 1.0) / 2.0


class State(NamedTuple):
    """One state variable: where it starts, and the range in which tests draw it.

    A phase has a `period`: the drift repeats itself after it, and so does everything derived. `nmm.solve`
    keeps it within half a period of 0. Where `spread`, regions start at phases around the whole circle, one
    golden angle after the other (any number of them is spread evenly), the first at `initial`.
    """

    name: str
    initial: float
    unit: str = DIMENSIONLESS
    low: float = -1.0
    high: float = 1.0
    period: float | None = None
    spread: bool = False

    def start(self, n_regions: int) -> Float[np.ndarray, " region"]:
        """Where each region starts."""
        if not self.spread:
            return np.full(n_regions, self.initial)
        assert self.period is not None
        return self.initial + self.period * ((np.arange(n_regions) * GOLDEN + 0.5) % 1.0 - 0.5)


class AbstractDynamics(AbstractPart):
    """What a network asks of its regions: one model for all of them, or several.

    Attributes:
        states: the state variables in the order of `y`.
        sends: names of the variables that other regions see.
        ports: names of the coupling inputs `c`.
        observable: the variable that BOLD and EEG are computed from, unless they are told otherwise.
    """

    states: eqx.AbstractVar[tuple[State, ...]]
    sends: eqx.AbstractVar[tuple[str, ...]]
    ports: eqx.AbstractVar[tuple[str, ...]]
    observable: eqx.AbstractVar[str]

    @abc.abstractmethod
    def drift(
        self, t: Float[Array, ""], y: Float[Array, "state region"], c: Float[Array, "port region"]
    ) -> Float[Array, "state region"]:
        """dy/dt per ms at time `t` (ms), state `y` and coupling input `c`, summed over the network."""

    @abc.abstractmethod
    def variables(self) -> dict[str, str]:
        """Everything that can be seen, states first: name → unit."""

    @abc.abstractmethod
    def variable(
        self, name: str, y: Float[Array, "state region"], c: Float[Array, "port region"] | None = None
    ) -> Float[Array, " region"]:
        """A state or a derived variable, by name; NaN in regions that do not have it.

        Args:
            name: one of `variables()`.
            y: the states.
            c: the coupling input, stimuli included; only what is among `driven_variables()` needs it.
        """

    @abc.abstractmethod
    def driven_variables(self) -> tuple[str, ...]:
        """The variables that depend on the coupling input, beside the states."""

    @abc.abstractmethod
    def sent(self, names: tuple[str, ...], y: Float[Array, "state region"]) -> Float[Array, "sent region"]:
        """The variables `names`, stacked; zero in regions that do not have them."""

    @abc.abstractmethod
    def senders(self, names: tuple[str, ...]) -> Float[np.ndarray, "sent region"] | None:
        """1 where a region has the variables `names`, 0 where not; None: every region has them."""

    @abc.abstractmethod
    def gate(self, chosen: tuple[str, ...] | None) -> Float[np.ndarray, "noisy region"] | None:
        """1 where noise on the `chosen` states (None: the declared ones) acts on a region, 0 where not; None:
        it acts everywhere.
        """

    @abc.abstractmethod
    def periods(self) -> Float[np.ndarray, "state #region"] | None:
        """The period of each state that is a phase, 0 for others; None: there is no phase."""

    @property
    @abc.abstractmethod
    def plates(self) -> dict[str, tuple[str, ...]]:
        """Plates of its own, beside `region`, with the labels of their regions."""

    @abc.abstractmethod
    def initial(self, n_regions: int) -> Float[np.ndarray, "state region"]:
        """The default initial state."""

    @abc.abstractmethod
    def noisy_states(self) -> tuple[str, ...]:
        """The states that a noise drives, unless it is told otherwise."""

    @abc.abstractmethod
    def check_slots(self, n_regions: int) -> None:
        """Raises ValueError if a parameter does not fit a network of `n_regions` regions."""

    @abc.abstractmethod
    def title(self) -> str:
        """What it is, for error messages and results."""

    def state_names(self) -> tuple[str, ...]:
        """Names of the states in the order of `y`."""
        return tuple(state.name for state in self.states)

    def check_variable(self, name: str, what: str) -> None:
        """Raises ValueError if there is no variable `name`; the message names `what` asked."""
        if name not in self.variables():
            raise ValueError(
                f"{what}: {self.title()} has no variable {name!r}; it has {', '.join(self.variables())}"
            )


class AbstractModel(AbstractDynamics):
    """A neural mass model is its local drift plus metadata; parameters are fields made by `param`.

    Class-level metadata, every item of it tested: states: the state variables in the order of `y`. sends:
        names of the variables that other regions see. ports: names of the coupling inputs `c`, each after the
        equation or variable that it enters. observable: the variable that BOLD and EEG are computed from,
        unless they are told otherwise. noisy: the states that a noise drives, unless it is told otherwise;
        empty: all of them. derived: variables computed from the states (name → unit), each a method
        `name(y)`. driven: variables computed from the states and the coupling input (name → unit), each a
        method `name(y, c)`. category, use_case: for the catalogue. references: where the equations come from.
    """

    states: AbstractClassVar[tuple[State, ...]]
    sends: AbstractClassVar[tuple[str, ...]]
    ports: AbstractClassVar[tuple[str, ...]]
    observable: AbstractClassVar[str]
    category: AbstractClassVar[str]
    use_case: AbstractClassVar[str]
    references: AbstractClassVar[tuple[str, ...]]
    noisy: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[dict[str, str]] = {}
    driven: ClassVar[dict[str, str]] = {}

    def variables(self) -> dict[str, str]:
        return {state.name: state.unit for state in self.states} | self.derived | self.driven

    def variable(
        self, name: str, y: Float[Array, "state region"], c: Float[Array, "port region"] | None = None
    ) -> Float[Array, " region"]:
        self.check_variable(name, "variable(...)")
        names = self.state_names()
        if name in names:
            return y[names.index(name)]
        if name not in self.driven:
            return getattr(self, name)(y)
        if c is None:
            raise ValueError(
                f"variable({name!r}, y) of {self.title()} got no input, on which {name} depends: expected the"
                f" coupling input c too, a row for each of {', '.join(self.ports)}; ask a trajectory,"
                f" nmm.solve(...).variable({name!r}), or pass zeros for a region that is alone"
            )
        return getattr(self, name)(y, c)

    def driven_variables(self) -> tuple[str, ...]:
        return tuple(self.driven)

    def sent(self, names: tuple[str, ...], y: Float[Array, "state region"]) -> Float[Array, "sent region"]:
        return jnp.stack([self.variable(name, y) for name in names])

    def senders(self, names: tuple[str, ...]) -> None:
        return None

    def gate(self, chosen: tuple[str, ...] | None) -> None:
        return None

    def periods(self) -> Float[np.ndarray, "state #region"] | None:
        periods = np.array([state.period or 0.0 for state in self.states])[:, None]
        return periods if periods.any() else None

    @property
    def plates(self) -> dict[str, tuple[str, ...]]:
        return {}

    def initial(self, n_regions: int) -> Float[np.ndarray, "state region"]:
        """The default initial state, the same in every region but for phases that are spread."""
        return np.stack([state.start(n_regions) for state in self.states])

    def noisy_states(self) -> tuple[str, ...]:
        return self.noisy or self.state_names()

    def check_slots(self, n_regions: int) -> None:
        check_regions(self, n_regions)

    def title(self) -> str:
        return type(self).__name__


class AbstractLinearModel(AbstractModel):
    """A model whose drift is linear in state and input: its Jacobian is the same everywhere."""


class AbstractRotatingModel(AbstractModel):
    """A model of two states, x and y, whose drift turns with them: with z = x + i y, and an input c likewise,
    z' = f(|z|) z + c.

    A network of these that is coupled linearly, both variables alike, can be stable at z = 0 alone, for any
    other rest may be turned; there the two messages of a region are one complex one.
    """
