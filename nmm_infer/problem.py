"""A network, what is seen of it, and how that is compared with data: a NumPyro model."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from .likelihoods.base import AbstractLikelihood, AbstractObserved, Expected
from .likelihoods.recording import Recording, read_recording
from .network import Network
from .observe.base import AbstractObservation
from .observe.streaming import streaming
from .priors.base import AbstractPlated
from .priors.sample import priors, sample
from .signal import Signal
from .solving import solve
from .solving.grid import make_grid
from .units import milliseconds


class Problem(AbstractPlated):
    """What is to be inferred, from data that come later.

    Args:
        network: with priors in the slots that are unknown.
        observe: from activity to what is measured.
        likelihood: from what is measured to data.
        duration, step: of the simulation, Quantities or ms; leave them out where nothing is simulated.
        transient: simulated before the data begin.
        prepare: what is done to every drawn network before it is used, such as `nmm.balance`, which
            sets parameters that follow from others; None: nothing.
        options: `solver`, `adjoint`, `stepsize_controller`, as in `nmm.solve`.

    Raises:
        ValueError: no priors; a simulating likelihood without duration, or with a noisy network; a stimulus
            for a likelihood that does not simulate.
    """

    network: Network
    observe: AbstractObservation
    likelihood: AbstractLikelihood
    duration: float | None = eqx.field(static=True)
    step: float | None = eqx.field(static=True)
    transient: float = eqx.field(static=True)
    prepare: Callable[[Network], Network] | None = eqx.field(static=True)
    options: tuple[tuple[str, Any], ...]

    def __init__(
        self,
        network: Network,
        observe: AbstractObservation,
        likelihood: AbstractLikelihood,
        *,
        duration: Any = None,
        step: Any = None,
        transient: Any = None,
        prepare: Callable[[Network], Network] | None = None,
        **options: Any,
    ):
        for value, kind, name in ((network, Network, "network"), (observe, AbstractObservation, "observe"), (likelihood, AbstractLikelihood, "likelihood")):
            if not isinstance(value, kind):
                raise TypeError(f"Problem({name}=...) got {type(value).__name__}, expected {kind.__name__.removeprefix('Abstract')}")
        self.network = network
        self.observe = observe
        self.likelihood = likelihood
        self.duration = None if duration is None else milliseconds(duration, "Problem(duration=...)")
        self.step = None if step is None else milliseconds(step, "Problem(step=...)")
        self.transient = 0.0 if transient is None else milliseconds(transient, "Problem(transient=...)")
        self.prepare = prepare
        self.options = tuple(options.items())
        if not self.priors:
            raise ValueError("Problem(network=...) has no priors, so there is nothing to infer; put nmm.Prior(...) into the slots that are unknown")
        if likelihood.simulates:
            self._check_simulation()
        elif network.stimuli:
            raise ValueError(
                f"Problem: the {type(likelihood).__name__} likelihood is of activity around rest and knows no stimuli; "
                "leave Network(stimulus=...) out, or use a likelihood that simulates, such as nmm.likelihoods.Gaussian"
            )

    def _check_simulation(self) -> None:
        name = type(self.likelihood).__name__
        if self.duration is None or self.step is None:
            raise ValueError(f"Problem(duration=..., step=...) are missing: the {name} likelihood simulates, such as duration=400 * u.ms, step=0.5 * u.ms")
        if self.network.noise is not None:
            raise ValueError(
                f"Problem: the {name} likelihood of a simulation with frozen noise is no likelihood (its posterior is biased and too narrow); "
                "use nmm.likelihoods.Spectral, which integrates the noise out, or Network(noise=None)"
            )

    @property
    def plates(self) -> dict[str, int]:
        """Sizes of the plates that priors may be drawn over, by name."""
        return self.network.plates

    @property
    def priors(self) -> dict[str, Any]:
        """The priors by the name of their site."""
        return {
            **priors(self.network),
            **{f"observe.{name}": prior for name, prior in priors(self.observe).items()},
            **{f"likelihood.{name}": prior for name, prior in priors(self.likelihood).items()},
        }

    def draw(self) -> tuple[Network, AbstractObservation, AbstractLikelihood]:
        """Network, observation and likelihood with drawn values; a NumPyro model of the prior alone."""
        plates = self.plates
        network = sample(self.network)
        return (
            network if self.prepare is None else self.prepare(network),
            sample(self.observe, plates=plates, prefix="observe."),
            sample(self.likelihood, plates=plates, prefix="likelihood."),
        )

    def model(self, data: Any, *, predict: bool = False) -> None:
        """The NumPyro model. Its data are at site `y`.

        Args:
            data: a recording in any form that `bind` takes, or what `bind` returned.
            predict: draw `y` instead of conditioning on it.
        """
        import numpyro

        observed = self.bind(data)
        network, observe, likelihood = self.draw()
        distribution, valid = likelihood.distribution(network, observe, lambda: self._simulate(network, observe), observed)
        # A failed simulation or an unstable network has probability zero, not NaN.
        numpyro.factor("valid", jnp.where(valid, 0.0, -jnp.inf))
        numpyro.sample("y", distribution, obs=None if predict else jnp.asarray(observed.values))

    def simulate(self, key: jax.Array) -> Signal:
        """What would be measured with parameters drawn from the prior: noise-free data to try things on.

        Raises:
            ValueError: the likelihood does not simulate, so that the problem has no duration, or noise.
        """
        if not self.likelihood.simulates:
            raise ValueError(
                f"Problem.simulate(...): the {type(self.likelihood).__name__} likelihood does not simulate; "
                "to simulate from its prior, draw a network with problem.draw() under numpyro.handlers.seed and pass it to nmm.solve with a key"
            )
        from numpyro import handlers

        with handlers.seed(rng_seed=key):
            network, observe, _ = self.draw()
        return self._simulate(network, observe)

    def bind(self, data: Any) -> AbstractObserved:
        """Data checked and in the form that the likelihood compares.

        Raises:
            ValueError: NaN, wrong shape, labels or sampling; before anything is compiled.
        """
        if isinstance(data, AbstractObserved):
            return data
        recording = data if isinstance(data, Recording) else read_recording(data)
        return self.likelihood.bind(recording, self.observe, Expected(self.network.connectome.labels, self._shapes))

    def _shapes(self) -> Signal:
        """The simulated signal without its numbers."""
        from numpyro import handlers

        # Blocked, for a user's own handlers may be looking on.
        with handlers.block(), handlers.seed(rng_seed=0):
            network, observe, _ = self.draw()
        return eqx.filter_eval_shape(lambda: self._simulate(network, observe))

    def _simulate(self, network: Network, observe: AbstractObservation) -> Signal:
        assert self.duration is not None
        assert self.step is not None
        options = {"step": self.step, "transient": self.transient or None, **dict(self.options)}
        streamed = streaming(observe, milliseconds(options.get("sample_every") or self.step, "Problem(sample_every=...)"))
        if streamed is not None and "stepsize_controller" not in options:
            return solve(network, self.duration, observe=streamed, **options)
        make_grid(self.duration, self.step)
        return observe(solve(network, self.duration, **options))
