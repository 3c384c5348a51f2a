"""What a network is made of, checked."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .._ending import Ending
from .._regional import in_order
from .._tools._kinds import kind_of
from ..couplings._base import AbstractCoupling
from ..models._base import AbstractDynamics, AbstractModel
from ..noises._base import AbstractNoise
from ..parameters import check_regions
from ..priors._sample import map_priors
from ..stimuli._base import AbstractStimulus, driven
from ..units import to_canonical
from ._mixed import mix
from ._speed import SpeedRange, speed_range


def check_network(network: Any) -> None:
    """Raises TypeError or ValueError for parts of a `Network` that do not fit each other; says which."""
    n = network.connectome.n_regions
    network.model.check_slots(n)
    for coupling in network.couplings:
        check_kind(coupling, AbstractCoupling, "coupling", "such as nmm.couplings.Additive(G=0.1)")
        check_regions(coupling, n)
        name = type(coupling).__name__
        _check_names(coupling.source, f"{name}(source=...)", "leave it out for what the model declares")
        _check_names(coupling.port, f"{name}(port=...)", "leave it out for the model's first")
        if len(network.ports_of(coupling)) != len(network.source_of(coupling)):
            raise ValueError(
                f"{name} sends {', '.join(network.source_of(coupling))} into port"
                f" {', '.join(network.ports_of(coupling))}: expected as many ports as variables; give"
                " source=(...) and port=(...) of the same length"
            )
        taken = network.model.driven_variables()
        for variable in coupling.source or ():
            network.model.check_variable(variable, f"{name}(source=...)")
            if variable in taken:
                fine = ", ".join(other for other in network.model.variables() if other not in taken)
                raise ValueError(
                    f"{name}(source=...): {variable} of {network.model.title()} depends on what arrives, and"
                    f" cannot be what is sent; expected one of {fine}"
                )
        for port in network.ports_of(coupling):
            if port not in network.model.ports:
                raise ValueError(
                    f"{name}(port=...): {network.model.title()} has no port {port!r}; it has"
                    f" {', '.join(network.model.ports)}"
                )
    if network.noise is not None:
        check_kind(
            network.noise,
            AbstractNoise,
            "noise",
            "one for all states, such as nmm.noises.Additive(sigma=0.01)",
        )
        check_regions(network.noise, n)
        _check_names(
            network.noise.states,
            f"{type(network.noise).__name__}(states=...)",
            "leave it out for what the model declares, or the noise for none",
        )
        for state in network.noisy_states:
            if state not in network.model.state_names():
                raise ValueError(
                    f"{type(network.noise).__name__}(states=...): {network.model.title()} has no state"
                    f" {state!r}; it has {', '.join(network.model.state_names())}"
                )
    for stimulus in network.stimuli:
        _check_stimulus(network, stimulus)
    if not network.couplings:
        if n > 1:
            raise ValueError(
                f"Network(coupling=...) is missing: {n} regions need a coupling, such as"
                " nmm.couplings.Additive(G=0.1)"
            )
        if network.connectome.edges.exists.any():
            raise ValueError(
                "Network(coupling=...) is missing: the region has a weight to itself, which takes a"
                " coupling, such as nmm.couplings.Additive(G=0.1)"
            )
    if network.speed is not None and network.connectome.lengths is None:
        raise ValueError(
            "Network(speed=...) needs tract lengths: nmm.Connectome(weights, lengths=... * u.mm), or"
            " leave speed=None for no delays"
        )


def _check_stimulus(network: Any, stimulus: Any) -> None:
    check_kind(stimulus, AbstractStimulus, "stimulus", "such as nmm.stimuli.Pulse(amplitude=0.1)")
    n, name = network.n_regions, type(stimulus).__name__
    check_regions(stimulus, n)
    driven(stimulus, network.connectome.labels)
    if stimulus.port is not None and stimulus.port not in network.model.ports:
        raise ValueError(
            f"{name}(port=...): {network.model.title()} has no port {stimulus.port!r}; it has"
            f" {', '.join(network.model.ports)}"
        )
    # What a prior will draw fits: its plate has the network's size.
    known = map_priors(lambda prior: jnp.ones(()), stimulus)
    shape = eqx.filter_eval_shape(known, jnp.zeros(())).shape
    if shape not in ((), (1,), (n,)):
        raise ValueError(
            f"{name}(...) gives values of shape {shape}, expected one number or one for each of the"
            f" network's {n} regions"
        )


def dynamics_of(model: Any, groups: Any, labels: tuple[str, ...]) -> AbstractDynamics:
    """The model, or the mixture of models, its values in the order of the regions."""
    if isinstance(model, Mapping):
        return mix(model, groups, labels)
    if groups is not None:
        raise ValueError(
            "Network(groups=...) needs a dictionary of models, such as nmm.Network({'a':"
            " nmm.models.Epileptor(), 'b': nmm.models.Hopf()}, ...)"
        )
    if not isinstance(model, AbstractDynamics):
        check_kind(
            model,
            AbstractModel,
            "model",
            "such as nmm.models.JansenRit(), or a dictionary from groups of regions to models",
        )
    return in_order(model, labels)


def _check_names(names: Any, what: str, otherwise: str) -> None:
    if isinstance(names, str):
        raise TypeError(f"{what} got the text {names!r}, expected a tuple of names: ({names!r},)")
    if names is not None and not names:
        raise ValueError(f"{what} is empty, expected a tuple of names; {otherwise}")


def check_kind(value: Any, kind: type, name: str, example: str) -> None:
    """Raises TypeError for an argument of `Network` that is something else."""
    if not isinstance(value, kind):
        raise TypeError(
            f"Network({name}=...) got {kind_of(value)}, expected {kind.__name__.removeprefix('Abstract')}:"
            f" {example}"
        )


def begins_there(initial: Any, after: Ending | None) -> bool:
    """Whether `initial` is nothing else than the state of `after`."""
    if after is None or initial is after.state:
        return after is not None
    return (
        not isinstance(initial, Tracer)
        and not isinstance(after.state, Tracer)
        and np.array_equal(initial, after.state)
    )


def range_of(speed: Any, given: tuple[Any, Any] | None) -> SpeedRange | None:
    """The speeds that a solver prepares for, as given or as the prior may draw them; None: no delays."""
    if speed is None:
        return None
    if given is None:
        return speed_range(speed)
    slowest, fastest = (
        float(np.asarray(to_canonical(value, "mm/ms", "Network(speed_range=...)"))) for value in given
    )
    if not 0 < slowest <= fastest:
        raise ValueError(
            f"Network(speed_range=...) got ({slowest:g}, {fastest:g}) mm/ms, expected 0 < slowest ≤ fastest"
        )
    return SpeedRange(slowest, fastest)
