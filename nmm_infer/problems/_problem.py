"""A network, what is seen of it, and how that is compared with data: a NumPyro model."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._networks._network import Network
from .._preparation import AbstractPreparation
from .._regional import in_order
from .._signal import Signal
from .._tools._keys import random_key
from .._tools._kinds import kind_of
from ..adjoints import AbstractAdjoint
from ..likelihoods._base import AbstractLikelihood, AbstractObserved, Expected
from ..likelihoods._failure import Failure, because
from ..linear._fixed_point import expansion_point, is_linear, rotates
from ..observe._base import AbstractObservation
from ..priors._base import AbstractPlated, plate_size
from ..priors._sample import priors, sample
from ..priors._trials import ByTrial, any_by_trial, each_trial, first_trial
from ._base import AbstractProblem, Named, used
from ._simulation import Simulation
from ._sites import at, sites_of


class Problem(AbstractProblem, AbstractPlated):
    """What is to be inferred, from data that come later.

    Args:
        network: with priors in the slots that are unknown.
        observe: from activity to what is measured.
        likelihood: from what is measured to data.
        duration, step, transient, sample_every, solver, adjoint, stepsize_controller: of the simulation, as in `nmm.solve`; leave them out where nothing
            is simulated.
        prepare: what is done to every drawn network before it is used: `nmm.balance`, which sets parameters that follow from
            others, `nmm.AtRest(...)`, which has priors of its own, or any function from network to network; None: nothing.

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
        for value, kind, name in ((network, Network, "network"), (observe, AbstractObservation, "observe"), (likelihood, AbstractLikelihood, "likelihood")):
            if not isinstance(value, kind):
                raise TypeError(f"Problem({name}=...) got {kind_of(value)}, expected {kind.__name__.removeprefix('Abstract')}")
        self.network = network
        self.observe = in_order(observe, network.connectome.labels)
        self.likelihood = likelihood
        timed = duration is not None and step is not None
        self.simulation = Simulation(duration, step, transient, sample_every, solver, adjoint, stepsize_controller) if timed else None
        self.prepare = prepare
        if not self.priors:
            raise ValueError("Problem(network=...) has no priors, so there is nothing to infer; put nmm.Prior(...) into the slots that are unknown")
        if likelihood.simulates and self.simulation is None:
            name = type(likelihood).__name__
            raise ValueError(f"Problem(duration=..., step=...) are missing: the {name} likelihood simulates, such as duration=400 * u.ms, step=0.5 * u.ms")
        likelihood.check_network(network)
        if isinstance(prepare, AbstractPreparation):
            prepare.check(network)
        plates = self.plates
        for name, prior in self.priors.items():
            if getattr(prior, "over", None) is not None:
                plate_size(prior.over, plates, name)

    @property
    def divisible(self):
        # The loop of Diffrax with a memory of its steps is closure-converted, and then refuses arrays that know of their devices.
        return self.simulation is None or self.simulation.stepsize_controller is None

    @property
    def plates(self) -> dict[str, int]:
        """Sizes of the plates that priors may be drawn over, by name."""
        return {**self.network.plates, **self.likelihood.plates(self.network, self._steps())}

    def _steps(self) -> int | None:
        """Steps of the solver, transient included; None if nothing is simulated."""
        if self.simulation is None or not self.likelihood.simulates:
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

    def _unprepared(self) -> tuple[Network, Callable[[Network], Network] | None, AbstractObservation, AbstractLikelihood]:
        """Every prior drawn, before the network is prepared."""
        plates = self.plates
        return (
            sample(self.network, plates=plates),
            sample(self.prepare, plates=plates),
            sample(self.observe, plates=plates, prefix="observe."),
            sample(self.likelihood, plates=plates, prefix="likelihood."),
        )

    def unknowns(self, bound: AbstractObserved) -> None:
        self._unprepared()

    def prior(self, bound: AbstractObserved) -> None:
        self.draw()

    def model(self, data: Any, *, predict: bool = False) -> None:
        """The NumPyro model. Its data are at site `y`.

        Args:
            data: a recording in any form that `bind` takes, or what `bind` returned.
            predict: draw `y` instead of conditioning on it.
        """
        import numpyro

        observed = self.bind(data)
        distribution, failure = self._distribution(observed)
        # A failed simulation or an unstable network has probability zero, not NaN.
        numpyro.factor("valid", jnp.where(failure == 0, 0.0, -jnp.inf))
        numpyro.sample("y", distribution, obs=None if predict else jnp.asarray(observed.values))

    def _distribution(self, observed: AbstractObserved) -> tuple[Any, jax.Array]:
        """Distribution of the data, and why the model says nothing of them; inside a NumPyro model."""
        network, observe, likelihood = self.draw()
        distribution, failure = likelihood.distribution(network, observe, self._simulate, observed)
        # A likelihood may just say whether the model is fine.
        if jnp.result_type(failure) == jnp.bool_:
            failure = because((~failure, Failure.NOT_FINITE))
        return distribution, failure

    def _at(self, sites: dict[str, jax.Array], observed: AbstractObserved) -> tuple[Any, jax.Array]:
        """`_distribution` at given values of the sites."""
        with at(sites):
            return self._distribution(observed)

    def simulate(self, key: jax.Array | int) -> Signal:
        """What would be measured with parameters drawn from the prior, without measurement noise: data to try things on.

        Raises:
            ValueError: the likelihood does not simulate, so that the problem has no duration, or noise.
        """
        if not self.likelihood.simulates:
            raise ValueError(
                f"Problem.simulate(...): the {type(self.likelihood).__name__} likelihood does not simulate; "
                "to simulate from its prior, draw a network with problem.draw() under numpyro.handlers.seed and pass it to nmm.solve with a key"
            )
        from numpyro import handlers

        key = random_key(key, "Problem.simulate(key)")
        with handlers.seed(rng_seed=key):
            network, observe, _ = self.draw()
        noise, trials = jax.random.fold_in(key, 1), self.plates.get("trial")
        if trials is None:
            return self._simulate(network, observe, noise)
        signal = each_trial(self._simulate, network, observe, ByTrial(jax.random.split(noise, trials)))
        return Signal(signal.values, signal.interval, ("trial", *signal.dims), ((), *signal.labels), signal.name, signal.unit)

    def bind(self, data: Any) -> AbstractObserved:
        """Data checked and in the form that the likelihood compares.

        Raises:
            ValueError: NaN, wrong shape, labels or sampling; before anything is compiled.
        """
        if isinstance(data, AbstractObserved):
            return data
        timed = bool(self.network.stimuli) or self.network.noise is None
        expected = Expected(self.network.connectome.labels, self.network.model, self._shapes, self.draw, timed)
        self._check_channels()
        return self.likelihood.bind(self.likelihood.read(data), self.observe, expected)

    def _check_channels(self) -> None:
        """Raises ValueError for a prior over regions in the likelihood of something else, such as sensors."""
        regional = [f"likelihood.{name}" for name, prior in priors(self.likelihood).items() if prior.along("region_of_a_group") is not prior]
        if not regional:
            return
        signal = self._shapes()
        if (dim := signal.dims[-1]) != "region":
            raise ValueError(
                f"Problem(likelihood=...): {', '.join(regional)} has a prior over 'region', but {dim}s are observed, which have no plate; expected one number, "
                f"or one for each of them: nmm.Prior(dist.HalfNormal(1.0).expand([{signal.values.shape[-1]}]).to_event(1))"
            )

    def values(self, bound: AbstractObserved) -> jax.Array:
        return bound.values

    def with_values(self, bound: AbstractObserved, values: jax.Array) -> AbstractObserved:
        return eqx.tree_at(lambda observed: observed.values, bound, values)

    def replicate(self, key: jax.Array, sites: dict[str, jax.Array], bound: AbstractObserved) -> jax.Array:
        distribution, failure = self._at(sites, bound)
        return jnp.where(failure == 0, distribution.sample(key), jnp.nan)

    def log_likelihood(self, sites: dict[str, jax.Array], bound: AbstractObserved) -> dict[str, Named]:
        distribution, _ = self._at(sites, bound)
        return {"y": Named(distribution.log_prob(jnp.asarray(bound.values)), bound.batch_dims())}

    def rest(self, sites: dict[str, jax.Array], bound: AbstractObserved) -> dict[str, Named]:
        if not self.likelihood.linearises:
            return {}
        with at(sites):
            network, observe, _ = self.draw()
        if network.rest is not None or is_linear(network) or rotates(network) or any_by_trial((network, observe)):
            return {}
        name = getattr(observe, "variable", None) or network.model.observable
        return {name: Named(network.resting_variable(name, expansion_point(network)), ("region",))}

    def failure(self, sites: dict[str, jax.Array], bound: AbstractObserved) -> jax.Array:
        return self._at(sites, bound)[1]

    def summaries(self, bound: AbstractObserved) -> dict[str, Named]:
        return {name: Named(value, dims) for name, (dims, value) in bound.summaries(jnp.asarray(bound.values)).items()}

    def site_dims(self, bound: AbstractObserved) -> dict[str, tuple[str, ...]]:
        return {name: site.dims for name, site in sites_of(self.draw).items()}

    def coords(self, bound: AbstractObserved) -> dict[str, Any]:
        return {plate: list(labels) for plate, labels in self.network.plate_labels.items()} | bound.coords()

    def observed_data(self, bound: AbstractObserved) -> Any:
        import xarray as xr

        unit = {"y": {"units": bound.recording.unit}} if bound.recording.unit else {}
        variables = {name: (named.dims, np.asarray(named.values), unit.get(name, {})) for name, named in self.summaries(bound).items()}
        sizes = {dim: size for dims, array, _ in variables.values() for dim, size in zip(dims, array.shape, strict=True)}
        return xr.Dataset(variables, coords=used(bound.coords(), sizes))

    def constant_data(self, bound: AbstractObserved) -> Any:
        import xarray as xr

        connectome = self.network.connectome
        pairs = ("region", "region_2")
        variables: dict[str, Any] = {}
        if isinstance(connectome.weights, np.ndarray | jax.Array):
            variables["weights"] = (pairs, np.asarray(connectome.weights))
        if isinstance(connectome.lengths, np.ndarray | jax.Array):
            variables["lengths"] = (pairs, np.asarray(connectome.lengths), {"units": "mm"})
        coords: dict[str, Any] = {dim: list(connectome.labels) for dim in pairs}
        if connectome.centres is not None:
            variables["centres"] = (("region", "axis"), connectome.centres, {"units": "mm"})
            coords["axis"] = ["x", "y", "z"]
        constant = xr.Dataset(variables, coords=coords)
        recording = bound.recording
        if "y" in eqx.filter_eval_shape(lambda: self.summaries(bound)):
            return constant
        # What is predicted are summaries: the recording itself has no counterpart in the predictions.
        attrs = {"units": recording.unit} if recording.unit else {}
        sizes = dict(zip(recording.dims, recording.values.shape, strict=True))
        return constant.assign_coords(used(bound.coords() | recording.coords(), sizes)).assign(data=(recording.dims, recording.values, attrs))

    def fingerprint(self, bound: AbstractObserved) -> str:
        return bound.recording.hash

    def units(self) -> dict[str, str]:
        return {name: str(prior.unit) for name, prior in self.priors.items() if getattr(prior, "unit", None) not in (None, "1")}

    def shared_scales(self) -> frozenset[str]:
        return frozenset(site for name, prior in self.priors.items() if (site := prior.scale_site(name)) is not None)

    def about(self) -> dict[str, str]:
        return {"model": self.network.model.title(), "likelihood": type(self.likelihood).__name__, "observation": type(self.observe).__name__}

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
