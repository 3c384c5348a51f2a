"""A network, what is seen of it, and how that is compared with data: a NumPyro model."""

import json
from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax

from .._networks._network import Network
from .._preparation import AbstractPreparation
from .._regional import in_order
from .._signal import Signal
from .._tools._keys import random_key
from .._tools._kinds import kind_of
from .._tools._shown import flat, safely, shown
from ..adjoints import AbstractAdjoint
from ..likelihoods._base import AbstractLikelihood, AbstractObserved, Expected
from ..likelihoods._capabilities import simulates
from ..observe._base import AbstractObservation
from ..priors._base import AbstractPlated, plate_size
from ..priors._sample import priors, sample
from ..priors._trials import ByTrial, each_trial, first_trial
from ._base import AbstractProblem
from ._conditioned_problem import ConditionedProblem
from ._shown import problem_html, problem_text
from ._simulation import Simulation


class Problem(AbstractProblem, AbstractPlated):
    """What is to be inferred, from data that come later.

    Args:
        network: with priors in the slots that are unknown.
        observe: from activity to what is measured.
        likelihood: from what is measured to data.
        duration, step, transient, sample_every, solver, adjoint, stepsize_controller: of the simulation, as
            in `nmm.solve`; leave them out where nothing is simulated.
        prepare: what is done to every drawn network before it is used: `nmm.balance`, which sets parameters
            that follow from others, `nmm.AtRest(...)`, which has priors of its own, or any function from
            network to network; None: nothing.

    Raises:
        ValueError: no priors; a simulating likelihood without duration, or with a noisy network; a stimulus
            for a likelihood that does not simulate.
    """

    network: Network
    observe: AbstractObservation
    likelihood: AbstractLikelihood
    simulation: Simulation | None
    prepare: Callable[[Network], Network] | None

    def __init__(
        self,
        network: Network,
        observe: AbstractObservation,
        likelihood: AbstractLikelihood,
        *,
        duration: Any = None,
        step: Any = None,
        transient: Any = None,
        sample_every: Any = None,
        solver: diffrax.AbstractSolver | None = None,
        adjoint: AbstractAdjoint | diffrax.AbstractAdjoint | None = None,
        stepsize_controller: diffrax.AbstractStepSizeController | None = None,
        prepare: Callable[[Network], Network] | None = None,
    ):
        for value, kind, name in (
            (network, Network, "network"),
            (observe, AbstractObservation, "observe"),
            (likelihood, AbstractLikelihood, "likelihood"),
        ):
            if not isinstance(value, kind):
                raise TypeError(
                    f"Problem({name}=...) got {kind_of(value)}, expected"
                    f" {kind.__name__.removeprefix('Abstract')}"
                )
        self.network = network
        self.observe = in_order(observe, network.connectome.labels)
        self.likelihood = likelihood
        timed = duration is not None and step is not None
        self.simulation = (
            Simulation(duration, step, transient, sample_every, solver, adjoint, stepsize_controller)
            if timed
            else None
        )
        self.prepare = prepare
        if not self.priors:
            raise ValueError(
                "Problem(network=...) has no priors, so there is nothing to infer; put nmm.Prior(...) into"
                " the slots that are unknown"
            )
        if simulates(likelihood) and self.simulation is None:
            name = type(likelihood).__name__
            raise ValueError(
                f"Problem(duration=..., step=...) are missing: the {name} likelihood simulates, such as"
                " duration=400 * u.ms, step=0.5 * u.ms"
            )
        likelihood.check_network(network)
        if isinstance(prepare, AbstractPreparation):
            prepare.check(network)
        plates = self.plates
        for name, prior in self.priors.items():
            if getattr(prior, "over", None) is not None:
                plate_size(prior.over, plates, name)

    @safely
    def __repr__(self) -> str:
        return problem_text(self)

    def _repr_html_(self) -> str:
        return problem_html(self)

    @property
    def divisible(self):
        # The loop of Diffrax with a memory of its steps is closure-converted, and then refuses arrays that
        # know of their devices.
        return self.simulation is None or self.simulation.stepsize_controller is None

    @property
    def plates(self) -> dict[str, int]:
        """Sizes of the plates that priors may be drawn over, by name."""
        return {**self.network.plates, **self.likelihood.plates(self.network, self._steps())}

    def _steps(self) -> int | None:
        """Steps of the solver, transient included; None if nothing is simulated."""
        if self.simulation is None or not simulates(self.likelihood):
            return None
        grid = self.simulation.grid(self.observe)
        return (grid.dropped + grid.kept) * grid.every

    @property
    def priors(self) -> dict[str, Any]:
        """The priors by the name of their site."""
        return {
            **priors(self.network),
            **priors(self.prepare),
            **{f"observe.{name}": prior for name, prior in priors(self.observe).items()},
            **{f"likelihood.{name}": prior for name, prior in priors(self.likelihood).items()},
        }

    def draw(self) -> tuple[Network, AbstractObservation, AbstractLikelihood]:
        """Network, observation and likelihood with drawn values; a NumPyro model of the prior alone."""
        network, prepare, observe, likelihood = self._unprepared()
        return network if prepare is None else prepare(network), observe, likelihood

    def _unprepared(
        self,
    ) -> tuple[Network, Callable[[Network], Network] | None, AbstractObservation, AbstractLikelihood]:
        """Every prior drawn, before the network is prepared; a NumPyro model."""
        plates = self.plates
        return (
            sample(self.network, plates=plates),
            sample(self.prepare, plates=plates),
            sample(self.observe, plates=plates, prefix="observe."),
            sample(self.likelihood, plates=plates, prefix="likelihood."),
        )

    def simulate(self, key: jax.Array | int) -> Signal:
        """What would be measured with parameters drawn from the prior, without measurement noise: data to try
        things on.

        Raises:
            ValueError: the likelihood does not simulate, so that the problem has no duration, or noise.
        """
        if not simulates(self.likelihood):
            raise ValueError(
                f"Problem.simulate(...): the {type(self.likelihood).__name__} likelihood does not simulate;"
                " to simulate from its prior, draw a network with problem.draw() under numpyro.handlers.seed"
                " and pass it to nmm.solve with a key"
            )
        from numpyro import handlers

        key = random_key(key, "Problem.simulate(key)")
        with handlers.seed(rng_seed=key):
            network, observe, _ = self.draw()
        noise, trials = jax.random.fold_in(key, 1), self.plates.get("trial")
        if trials is None:
            return self._simulate(network, observe, noise)
        signal = each_trial(self._simulate, network, observe, ByTrial(jax.random.split(noise, trials)))
        return Signal(
            signal.values,
            signal.interval,
            ("trial", *signal.dims),
            ((), *signal.labels),
            signal.name,
            signal.unit,
        )

    def bind(self, data: Any) -> AbstractObserved:
        """The data alone as the likelihood compares them, which `condition` and `model` take in their place.

        Raises:
            ValueError: as `condition`.
        """
        return self.condition(data).observed

    def condition(self, data: Any) -> ConditionedProblem:
        """This problem given data, checked and in the form that the likelihood compares.

        Args:
            data: a recording in any form that `nmm.likelihoods.read_recording` takes, what the likelihood's
                `bind` returned, or what this method returned.

        Raises:
            ValueError: NaN, wrong shape, labels or sampling; before anything is compiled.
        """
        if isinstance(data, ConditionedProblem):
            return data if data.problem is self else ConditionedProblem(self, data.observed)
        if isinstance(data, AbstractObserved):
            return ConditionedProblem(self, data)
        timed = bool(self.network.stimuli) or self.network.noise is None
        expected = Expected(
            self.network.connectome.labels, self.network.model, self._shapes, self.draw, timed
        )
        self._check_channels()
        return ConditionedProblem(
            self, self.likelihood.bind(self.likelihood.read(data), self.observe, expected)
        )

    def _check_channels(self) -> None:
        """Raises ValueError for a prior over regions in the likelihood of something else, such as sensors."""
        regional = [
            f"likelihood.{name}"
            for name, prior in priors(self.likelihood).items()
            if prior.along("region_of_a_group") is not prior
        ]
        if not regional:
            return
        signal = self._shapes()
        if (dim := signal.dims[-1]) != "region":
            raise ValueError(
                f"Problem(likelihood=...): {', '.join(regional)} has a prior over 'region', but {dim}s are"
                " observed, which have no plate; expected one number, or one for each of them:"
                f" nmm.Prior(dist.HalfNormal(1.0).expand([{signal.values.shape[-1]}]).to_event(1))"
            )

    def units(self) -> dict[str, str]:
        return {
            name: str(prior.unit)
            for name, prior in self.priors.items()
            if getattr(prior, "unit", None) not in (None, "1")
        }

    def shared_scales(self) -> frozenset[str]:
        return frozenset(
            site for name, prior in self.priors.items() if (site := prior.scale_site(name)) is not None
        )

    def about(self) -> dict[str, str]:
        return {
            "model": self.network.model.title(),
            "likelihood": type(self.likelihood).__name__,
            "observation": type(self.observe).__name__,
            "model_as_written": flat(shown(self.network.model)),
            "priors": json.dumps({name: flat(shown(prior)) for name, prior in self.priors.items()}),
        }

    def _shapes(self) -> Signal:
        """The simulated signal without its numbers; of one trial."""
        from numpyro import handlers

        # Blocked, for a user's own handlers may be looking on.
        with handlers.block(), handlers.seed(rng_seed=0):
            network, observe, _ = first_trial(self.draw())
        return eqx.filter_eval_shape(lambda: self._simulate(network, observe, jax.random.key(0)))

    def _simulate(self, network: Network, observe: AbstractObservation, key: Any = None) -> Signal:
        assert self.simulation is not None
        return self.simulation(network, observe, key)
