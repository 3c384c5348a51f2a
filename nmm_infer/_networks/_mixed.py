"""Different models in different regions."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._labelled import chosen
from .._regional import in_order
from .._tools._kinds import kind_of
from ..models._base import AbstractDynamics, AbstractModel, State
from ..priors._sample import map_priors
from ..units import DIMENSIONLESS


class Mixed(AbstractDynamics):
    """Groups of regions, each with a model of its own. Made by `nmm.Network({"name": model, ...}, ...)`.

    The states are those of all models; states of the same name share a row. A region's surplus rows
    decay to zero and are read by nobody; `variable` shows them as NaN. Models that send the same
    variables into ports of the same names keep these names; otherwise the first, second, … variable
    that each region sends is `sent`, `sent_2`, …, its ports are `input`, `input_2`, …, and what is
    observed of each region is `observed`. A region whose model has fewer ports than others ignores the
    rest; one that does not have a variable sends nothing in its place.

    Fields:
        groups: the model of each group.
        members: group and its regions, as positions in the connectome. (JAX sorts a dict; this order stays.)
        labels: of all regions.
    """

    groups: dict[str, AbstractModel]
    members: tuple[tuple[str, tuple[int, ...]], ...] = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)

    def _parts(self) -> list[tuple[AbstractModel, np.ndarray]]:
        """The models and where they are."""
        return [(self.groups[name], np.asarray(member)) for name, member in self.members]

    def _models(self) -> list[AbstractModel]:
        return [self.groups[name] for name, _ in self.members]

    @property
    def states(self) -> tuple[State, ...]:
        return tuple({state.name: state for model in self._models() for state in model.states}.values())

    @property
    def sends(self) -> tuple[str, ...]:
        return self._shared([model.sends for model in self._models()], "sent")

    @property
    def ports(self) -> tuple[str, ...]:
        return self._shared([model.ports for model in self._models()], "input")

    @property
    def observable(self) -> str:
        return self._shared([(model.observable,) for model in self._models()], "observed")[0]

    @staticmethod
    def _shared(names: Sequence[tuple[str, ...]], role: str) -> tuple[str, ...]:
        if len(set(names)) == 1:
            return names[0]
        return tuple(role if k == 0 else f"{role}_{k + 1}" for k in range(max(map(len, names))))

    def _roles(self) -> dict[str, tuple[str | None, ...]]:
        """Names that stand for another variable in each group; None: for none."""
        models = self._models()
        roles = {
            name: tuple(model.sends[k] if k < len(model.sends) else None for model in models)
            for k, name in enumerate(self.sends)
        }
        return roles | {self.observable: tuple(model.observable for model in models)}

    def variables(self) -> dict[str, str]:
        own = {name: unit for model in self._models() for name, unit in model.variables().items()}
        states = {state.name: state.unit for state in self.states}
        roles = {}
        for role, names in self._roles().items():
            units = {
                model.variables()[name]
                for model, name in zip(self._models(), names, strict=True)
                if name is not None
            }
            roles[role] = units.pop() if len(units) == 1 else DIMENSIONLESS
        return states | own | roles

    def _by_group(self, y: Float[Array, "state region"]) -> list[Float[Array, "state region"]]:
        """Each group's own states in its own regions."""
        names = self.state_names()
        return [
            y[np.ix_([names.index(state.name) for state in model.states], member)]
            for model, member in self._parts()
        ]

    def _together(self, parts: list[Float[Array, "*rows region"]]) -> Float[Array, "*rows region"]:
        """Columns of the groups in the connectome's order."""
        order = np.argsort(np.concatenate([member for _, member in self.members]))
        return jnp.concatenate(parts, axis=-1)[..., order]

    def _owned(self, name: str) -> list[str | None]:
        """What the variable `name` is in each group; None where there is no such thing."""
        names = self._roles().get(name, (name,) * len(self.groups))
        return [
            own if own in model.variables() else None
            for model, own in zip(self._models(), names, strict=True)
        ]

    def _collect(
        self,
        name: str,
        y: Float[Array, "state region"],
        missing: float,
        c: Float[Array, "port region"] | None = None,
    ) -> Float[Array, " region"]:
        parts = []
        for (model, member), own, part in zip(
            self._parts(), self._owned(name), self._by_group(y), strict=True
        ):
            fed = None if c is None else c[: len(model.ports), member]
            parts.append(
                jnp.full(part.shape[1], missing, y.dtype) if own is None else model.variable(own, part, fed)
            )
        return self._together(parts)

    def variable(
        self, name: str, y: Float[Array, "state region"], c: Float[Array, "port region"] | None = None
    ) -> Float[Array, " region"]:
        self.check_variable(name, "variable(...)")
        return self._collect(name, y, np.nan, c)

    def driven_variables(self) -> tuple[str, ...]:
        return tuple(
            name
            for name in self.variables()
            if any(
                own in model.driven_variables()
                for model, own in zip(self._models(), self._owned(name), strict=True)
                if own is not None
            )
        )

    def sent(self, names: tuple[str, ...], y: Float[Array, "state region"]) -> Float[Array, "sent region"]:
        return jnp.stack([self._collect(name, y, 0.0) for name in names])

    def senders(self, names: tuple[str, ...]) -> Float[np.ndarray, "sent region"] | None:
        has = np.zeros((len(names), len(self.labels)))
        for row, name in enumerate(names):
            for (_, member), own in zip(self._parts(), self._owned(name), strict=True):
                has[row, member] = float(own is not None)
        return None if has.all() else has

    def drift(self, t, y, c):
        parts = []
        for (model, member), part in zip(self._parts(), self._by_group(y), strict=True):
            change = model.drift(t, part, c[: len(model.ports), member])
            own = model.state_names()
            # A row that the model does not have decays within a ms, so that it is no undamped mode of the
            # network.
            rows = [
                change[own.index(state)] if state in own else -y[row, member]
                for row, state in enumerate(self.state_names())
            ]
            parts.append(jnp.stack(rows))
        return self._together(parts)

    def initial(self, n_regions: int) -> Float[np.ndarray, "state region"]:
        """Each model's own initial state; zero where a region has no such state."""
        start = np.zeros((len(self.states), n_regions))
        for model, member in self._parts():
            for state in model.states:
                start[self.state_names().index(state.name), member] = state.start(len(member))
        return start

    def noisy_states(self) -> tuple[str, ...]:
        noisy = {name for model in self._models() for name in model.noisy_states()}
        return tuple(name for name in self.state_names() if name in noisy)

    def gate(self, chosen: tuple[str, ...] | None) -> Float[np.ndarray, "noisy region"]:
        """1 where noise acts on a state of a region: on the `chosen` ones that it has, or on those that its
        model declares.
        """
        states = chosen or self.noisy_states()
        gate = np.zeros((len(states), len(self.labels)))
        for model, member in self._parts():
            noisy = model.state_names() if chosen else model.noisy_states()
            for row, state in enumerate(states):
                gate[row, member] = float(state in noisy)
        return gate

    def periods(self) -> Float[np.ndarray, "state region"] | None:
        periods = np.zeros((len(self.states), len(self.labels)))
        for model, member in self._parts():
            for state in model.states:
                periods[self.state_names().index(state.name), member] = state.period or 0.0
        return periods if periods.any() else None

    def check_slots(self, n_regions: int) -> None:
        for name, member in self.members:
            try:
                self.groups[name].check_slots(len(member))
            except ValueError as error:
                raise ValueError(
                    f"Network(model=...): in group {name!r} of {len(member)} regions, {error}"
                ) from error

    def title(self) -> str:
        return "Mixed(" + ", ".join(f"{name}: {self.groups[name].title()}" for name, _ in self.members) + ")"

    @property
    def plates(self) -> dict[str, tuple[str, ...]]:
        """The plate over each group's regions, `region_NAME`, with their labels."""
        return {group_plate(name): tuple(self.labels[i] for i in member) for name, member in self.members}


def group_plate(name: str) -> str:
    """Name of the plate, and of the result's dimension, over the regions of a group."""
    return f"region_{name}"


def mix(models: Mapping[str, Any], groups: Mapping[str, Any] | None, labels: tuple[str, ...]) -> Mixed:
    """The models of a network whose regions differ.

    Args:
        models: group → model. One group may be missing from `groups`: it takes all other regions.
        groups: group → labels of its regions.
        labels: of all regions.

    Raises:
        TypeError: something that is no model.
        ValueError: unknown or repeated regions, regions without a model, names that clash.
    """
    what = "Network(model={...}, groups=...)"
    for name, model in models.items():
        if not isinstance(model, AbstractModel):
            raise TypeError(
                f"{what} got {kind_of(model)} for group {name!r}, expected a model such as nmm.models.Hopf()"
            )
        if not str(name).isidentifier():
            raise ValueError(
                f"{what} got a group named {name!r}, expected a name such as 'epileptogenic': letters, digits"
                " and underscores"
            )
    members = _members(models, groups or {}, labels, what)
    _check_units(models, what)
    # One value for each region means, in a group, for each of its regions.
    inside = {name: tuple(labels[i] for i in member) for name, member in members}
    bound = {
        name: in_order(
            map_priors(lambda prior, name=name: prior.along(group_plate(name)), model), inside[name]
        )
        for name, model in models.items()
    }
    return Mixed(bound, members, labels)  # pyright: ignore[reportCallIssue] (what it takes for fields are properties)


def _members(
    models: Mapping[str, Any], groups: Mapping[str, Any], labels: tuple[str, ...], what: str
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    stray = [name for name in groups if name not in models]
    if stray:
        raise ValueError(
            f"{what}: groups names {', '.join(map(repr, stray))}, for which there is no model; there are"
            f" models for {', '.join(map(repr, models))}"
        )
    named = {name: chosen(value, f"{what}[{name!r}]") for name, value in groups.items()}
    unknown = [label for group in named.values() for label in group if label not in labels]
    if unknown:
        raise ValueError(
            f"{what}: the connectome has no regions {', '.join(unknown[:10])}; labels start with"
            f" {', '.join(labels[:5])}"
        )
    taken = [label for group in named.values() for label in group]
    twice = sorted({label for label in taken if taken.count(label) > 1})
    if twice:
        raise ValueError(
            f"{what}: regions {', '.join(twice[:10])} are in more than one group, expected each in one"
        )
    rest = tuple(label for label in labels if label not in taken)
    open_groups = [name for name in models if name not in named]
    if len(open_groups) > 1:
        raise ValueError(
            f"{what}: groups does not say which regions {', '.join(map(repr, open_groups))} have; only one"
            " group may take the rest"
        )
    if rest and not open_groups:
        raise ValueError(
            f"{what}: regions {', '.join(rest[:10])} are in no group; add them to one, or leave one group out"
            " of groups= to take the rest"
        )
    members = {**named, **dict.fromkeys(open_groups, rest)}
    empty = [name for name in models if not members[name]]
    if empty:
        raise ValueError(f"{what}: group {empty[0]!r} has no regions; leave it out")
    return tuple((name, tuple(labels.index(label) for label in members[name])) for name in models)


def _check_units(models: Mapping[str, Any], what: str) -> None:
    """Variables of one name share a column of the results, so they need one unit."""
    seen: dict[str, tuple[str, str]] = {}
    for model in models.values():
        for name, unit in model.variables().items():
            other, known = seen.setdefault(name, (model.title(), unit))
            if known != unit:
                raise ValueError(
                    f"{what}: {name!r} is in {known} in {other} and in {unit} in {model.title()}; these two"
                    " models cannot be mixed"
                )
